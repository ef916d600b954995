/** Writes: what `data` may hold. Nested writes reach living rows alone; what would remove, revive or cut loose in passing is refused. */
import { livingWhere } from './filters.ts'
import { type Args, isArgs, mapArgs, type RelationShape, type Scope, shapeOf, SoftDeleteRefusal } from './shapes.ts'

const refusedAlways: Readonly<Record<string, string>> = {
  delete: 'delete the row itself, with its own model',
  deleteMany: 'delete the rows themselves, with their own model',
  upsert: 'read first, then create or update',
  connectOrCreate: 'read first, then connect or create',
}

/** A part of `data`, and whether the row it is for exists already. */
export interface DataPlace {
  readonly path: string
  readonly existing: boolean
}

/** Gives `data` with every nested write confined to living rows. Throws a SoftDeleteRefusal that names the path of what is refused. */
export function livingData(scope: Scope, model: string, data: unknown, place: DataPlace): unknown {
  const { relations, soft } = shapeOf(scope, model)
  return mapArgs(data, (fields) => {
    const rewritten: Record<string, unknown> = {}
    for (const [key, value] of Object.entries(fields)) {
      const relation = relations[key]
      const within = { ...place, path: `${place.path}.${key}` }
      if (soft && value !== undefined && (key === 'deletedAt' || key === 'deletionId')) {
        throw new SoftDeleteRefusal(within.path, 'delete and restore alone write it')
      }
      rewritten[key] = relation && isArgs(value) ? nestedWrites(scope, model, relation, value, within) : value
    }
    return rewritten
  })
}

function nestedWrites(scope: Scope, model: string, relation: RelationShape, writes: Args, place: DataPlace): Args {
  const rewritten = Object.entries(writes).map(([write, value]) => {
    if (value === undefined) return [write, value]
    const path = `${place.path}.${write}`
    const why = refusedAlways[write] ?? whyRefused(scope, model, relation, write, place.existing)
    if (why) throw new SoftDeleteRefusal(path, why)
    return [write, nestedWrite(scope, relation, write, value, path)]
  })
  return Object.fromEntries(rewritten) as Args
}

/** Prisma makes room for what it connects by cutting loose what stood there, deleted rows too: restore could not bring them back. */
function whyRefused(scope: Scope, model: string, relation: RelationShape, write: string, existing: boolean): string | undefined {
  const related = shapeOf(scope, relation.model)
  if (write === 'set' && relation.list && related.soft) return 'it would cut deleted rows loose; connect and disconnect instead'
  if (!relation.single) return undefined
  if (relation.owns && shapeOf(scope, model).soft && write === 'connect')
    return 'it would cut deleted rows loose; write the foreign key itself'
  if (relation.owns || !related.soft || !existing || (write !== 'connect' && write !== 'create')) return undefined
  return `it would cut deleted rows loose; write it from the side of ${relation.model}`
}

function nestedWrite(scope: Scope, relation: RelationShape, write: string, value: unknown, path: string): unknown {
  const where = (filter: unknown): Args => livingWhere(scope, relation.model, filter, `${path}.where`)
  const data = (fields: unknown, existing: boolean): unknown => livingData(scope, relation.model, fields, { path, existing })
  if (write === 'create') return data(value, false)
  if (write === 'createMany') return mapArgs(value, (many) => ({ ...many, data: data(many.data, false) }))
  if (write === 'connect' || (write === 'set' && relation.list)) return mapArgs(value, where)
  // The far side of a one-to-one relation may hold deleted rows beside the living one: they keep their foreign key.
  if (write === 'disconnect' && value === true && !relation.owns) return where({})
  if (write === 'disconnect') return mapArgs(value, where)
  if (write !== 'update' && write !== 'updateMany') return value
  return mapArgs(value, (update) => {
    const one = relation.list ? update : wrapped(scope, relation, update, path)
    return { ...one, where: where(one.where), data: data(one.data, true) }
  })
}

/** Prisma takes both `update: { where, data }` and `update: data`. Where a model has a column called `data`, only `where` tells them apart. */
function wrapped(scope: Scope, relation: RelationShape, update: Args, path: string): Args {
  const isWrapped = 'data' in update && Object.keys(update).every((key) => key === 'where' || key === 'data')
  if (isWrapped && !('where' in update) && 'data' in shapeOf(scope, relation.model).columns) {
    throw new SoftDeleteRefusal(path, `${relation.model} has a column called data: write { where: {}, data: ... }`)
  }
  return isWrapped ? update : { data: update }
}
