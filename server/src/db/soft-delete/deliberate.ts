/** The deliberate ways around soft delete: seeing deleted rows, bringing them back, removing them for good. */
import type { Prisma, PrismaClient } from '../generated/client.ts'
import type { ServiceModels } from '../generated/metadata.ts'
import type { SoftDeletingClient, SoftDeletingTx } from './extension.ts'
import { isArgs, SoftDeleteRefusal } from './shapes.ts'
import { unfiltered } from './unfiltered.ts'

const reads = ['findUnique', 'findUniqueOrThrow', 'findFirst', 'findFirstOrThrow', 'findMany', 'count', 'aggregate', 'groupBy'] as const

/** The name of a model as the client spells it: `teamMember`. */
export type ModelProperty = ServiceModels[keyof ServiceModels]
/** Every model, reads only. */
export type ReadingClient = { readonly [P in ModelProperty]: Pick<PrismaClient[P], (typeof reads)[number]> }
/** The `where` of a model. */
type WhereOf<P extends ModelProperty> = NonNullable<
  Prisma.TypeMap['model'][Extract<Capitalize<P>, Prisma.ModelName>]['operations']['findFirst']['args']['where']
>

/** Gives the models with deleted rows among the living ones, nested reads included. For reading alone; inside a transaction it reads there. */
export function withDeleted(client: SoftDeletingClient | SoftDeletingTx): ReadingClient {
  return readingClient(client) as ReadingClient
}

/**
 * Revives what a deletion took: the rows of `model` that carry its id and, by the guard triggers, what the deletion took along with them.
 * Rows that another deletion took stay deleted. Gives the number of revived rows of `model`, without the cascade: 0 when none carries the id.
 * A unique value that was taken meanwhile surfaces as the unique violation (P2002); a parent that is still deleted as the guard's foreign key
 * violation (P2003 on `soft_delete_guard`).
 */
export async function restore(client: SoftDeletingClient | SoftDeletingTx, model: ModelProperty, deletionId: string): Promise<number> {
  const data = { deletedAt: null, deletionId: null }
  const { count } = await unfiltered(client, model).updateMany({ where: { deletionId }, data })
  return count
}

/**
 * Removes rows for good, living and deleted, and gives their number: the one way to. For expired tokens, retention and erasure.
 * Children go first, for foreign keys restrict. A `where` that would find every row, or that holds an `undefined` (which Prisma reads as
 * "any"), is rejected with a SoftDeleteRefusal.
 */
export async function purge<P extends ModelProperty>(
  client: SoftDeletingClient | SoftDeletingTx,
  model: P,
  where: WhereOf<P>,
): Promise<number> {
  if (holdsUndefined(where)) throw new SoftDeleteRefusal(`purge of ${model}`, 'an undefined in its where would be taken for any value')
  if (!narrows(where)) throw new SoftDeleteRefusal(`purge of ${model}`, 'its where is empty')
  const { count } = await unfiltered(client, model).deleteMany({ where })
  return count
}

function readingClient(client: object): object {
  return new Proxy(
    {},
    {
      get: (_, property) => {
        if (typeof property !== 'string' || property === 'then') return undefined
        const delegate = unfiltered(client, property)
        return Object.fromEntries(reads.map((read) => [read, (args?: object) => delegate[read](args)]))
      },
    },
  )
}

function holdsUndefined(value: unknown): boolean {
  if (Array.isArray(value)) return value.some(holdsUndefined)
  return value === undefined || (isArgs(value) && Object.values(value).some(holdsUndefined))
}

/** Whether a filter leaves anything out: `{}`, `{ AND: [] }`, `{ NOT: {} }` and `{ email: {} }` find every row. */
function narrows(where: unknown): boolean {
  if (!isArgs(where)) return false
  return Object.entries(where).some(([key, value]) => {
    if (key === 'OR') return Array.isArray(value) && value.length > 0 && value.every(narrows)
    if (key === 'AND' || key === 'NOT') return Array.isArray(value) ? value.some(narrows) : narrows(value)
    return !isArgs(value) || Object.keys(value).length > 0
  })
}
