/** The client whose reads pass over deleted rows, and whose delete marks instead of removing (decision 002). */
import type { Prisma, PrismaClient } from '../generated/client.ts'
import { deletions } from './deletions.ts'
import { livingRead, livingResult } from './reads.ts'
import { type Args, shapes as ownShapes, type Shapes, SoftDeleteRefusal } from './shapes.ts'
import { livingData } from './writes.ts'

/**
 * The client as services use it. Its type is the generated one, in which what is refused at run time has the type `never`
 * (server/dev/refuse-in-types.ts): the type that Prisma gives an extended client costs the compiler more than twice as much.
 */
export type SoftDeletingClient = PrismaClient
/** The same inside an interactive transaction. */
export type SoftDeletingTx = Prisma.TransactionClient

/**
 * Gives the client that knows no deleted rows. Raw SQL is not filtered: it names `deleted_at` itself.
 * A query that Prisma has no filter for, or that would remove or revive rows in passing, is rejected with a SoftDeleteRefusal.
 */
export function softDeleting(client: PrismaClient): SoftDeletingClient {
  return extended(client, ownShapes)
}

/** Gives any generated client extended for its own models. Plinth's own is `softDeleting`. */
export function extended<C extends { $extends(extension: never): unknown }>(client: C, shapes: Shapes): C {
  const extension = {
    name: 'soft-delete',
    client: { $softDeleting: true },
    model: deletions(shapes),
    query: { $allModels: { $allOperations: async (call: Call) => call.query(rewritten(shapes, call)) } },
  }
  // Prisma's type of an extended client costs too much (see above); at run time it is the same client with a few methods more.
  return client.$extends(extension as never) as C
}

interface Call {
  model: string
  operation: string
  args: Args
  query: (args: Args) => Promise<unknown>
}

function rewritten(shapes: Shapes, { model, operation, args }: Call): Args {
  const scope = { shapes }
  const path = `${shapes[model]?.property ?? model}.${operation}`
  const data = (name: string, existing: boolean): unknown => livingData(scope, model, args[name], { path: `${path}.${name}`, existing })
  if (operation.startsWith('delete')) throw new SoftDeleteRefusal(path, 'purge alone removes rows for good')
  if (operation.startsWith('create')) return { ...livingResult(scope, model, args, path), data: data('data', false) }
  const read = livingRead(scope, model, args, path)
  if (operation.startsWith('update')) return { ...read, data: data('data', true) }
  // The filter in `where` also keeps Prisma from a native upsert, whose ON CONFLICT would find no partial unique index (42P10).
  if (operation === 'upsert') return { ...read, create: data('create', false), update: data('update', true) }
  return read
}
