/** What `delete` and `deleteMany` are on a soft model: an update that marks, with one deletion id for all that it takes. */
import { randomUUIDv7 } from 'node:crypto'
import { now } from '#lib/clock.ts'
import { livingWhere } from './filters.ts'
import { livingResult } from './reads.ts'
import type { Args, ModelShape, Shapes } from './shapes.ts'
import { type Query, unfiltered } from './unfiltered.ts'

/** `this` is the model as Prisma hands it to an extension's method: `$parent` is the client below, in the same transaction. */
type Deletion = (this: { $parent: object }, args?: Args) => Query<unknown>

/** Gives the methods `delete` and `deleteMany` of every soft model. On other models they reach the query and are refused there. */
export function deletions(shapes: Shapes): Record<string, { delete: Deletion; deleteMany: Deletion }> {
  const soft = Object.entries(shapes).filter(([, shape]) => shape.soft)
  return Object.fromEntries(soft.map(([model, shape]) => [shape.property, deletionsOf(shapes, model, shape)]))
}

function deletionsOf(shapes: Shapes, model: string, shape: ModelShape): { delete: Deletion; deleteMany: Deletion } {
  const { property } = shape
  const where = (args: Args, path: string): Args => livingWhere({ shapes }, model, args.where, `${path}.where`)
  return {
    delete(args = {}) {
      const path = `${property}.delete`
      const data = deletionOf(shape)
      return rejecting(() => {
        // What this very deletion takes along still shows in its result, as it does where rows are removed.
        const result = livingResult({ shapes, ...data }, model, args, path)
        return withoutRelations(unfiltered(this.$parent, property).update({ ...result, where: where(args, path), data }))
      })
    },
    deleteMany(args = {}) {
      const path = `${property}.deleteMany`
      return rejecting(() => unfiltered(this.$parent, property).updateMany({ ...args, where: where(args, path), data: deletionOf(shape) }))
    },
  }
}

/** Every other refusal is a rejection: so are these. */
function rejecting<T>(query: () => Query<T>): Query<T> {
  try {
    return query()
  } catch (error) {
    return Promise.reject(error)
  }
}

function deletionOf(shape: ModelShape): { deletedAt: Date; deletionId?: string } {
  const deletedAt = now()
  return 'deletionId' in shape.columns ? { deletedAt, deletionId: randomUUIDv7() } : { deletedAt }
}

/** Takes `client.user.delete(...).sessions()` away: it would ask the client beneath, which knows deleted rows. */
function withoutRelations<T>(query: Query<T>): Query<T> {
  return {
    // oxlint-disable-next-line unicorn/no-thenable -- a query of Prisma's is one: it runs when awaited
    then: (done, failed) => query.then(done, failed),
    catch: (failed) => query.catch(failed),
    finally: (settled) => query.finally(settled),
    requestTransaction: (transaction) => query.requestTransaction?.(transaction) ?? query,
    [Symbol.toStringTag]: 'PrismaPromise',
  }
}
