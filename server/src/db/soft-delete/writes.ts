/** Writes: what `data` may hold. Nested writes reach living rows alone; what would remove or revive in passing is refused. */
import { livingWhere } from './filters.ts'
import { type Args, isArgs, mapArgs, type RelationShape, type Scope, shapeOf, SoftDeleteRefusal } from './shapes.ts'

const refusedNested: Readonly<Record<string, string>> = {
  delete: 'delete the row itself, with its own model',
  deleteMany: 'delete the rows themselves, with their own model',
  upsert: 'read first, then create or update',
  connectOrCreate: 'read first, then connect or create',
}

/** Gives `data` with every nested write confined to living rows. Throws a SoftDeleteRefusal that names the path of what is refused. */
export function livingData(scope: Scope, model: string, data: unknown, path: string): unknown {
  return mapArgs(data, (fields) => {
    const { relations, soft } = shapeOf(scope, model)
    const rewritten: Record<string, unknown> = {}
    for (const [key, value] of Object.entries(fields)) {
      const relation = relations[key]
      if (soft && value !== undefined && (key === 'deletedAt' || key === 'deletionId')) {
        throw new SoftDeleteRefusal(`${path}.${key}`, 'it is written by delete and restore alone')
      }
      rewritten[key] = relation && isArgs(value) ? nestedWrites(scope, relation, value, `${path}.${key}`) : value
    }
    return rewritten
  })
}

function nestedWrites(scope: Scope, relation: RelationShape, writes: Args, path: string): Args {
  const rewritten = Object.entries(writes).map(([write, value]) => {
    if (value === undefined) return [write, value]
    const why = refusedNested[write]
    if (why) throw new SoftDeleteRefusal(`${path}.${write}`, why)
    return [write, nestedWrite(scope, relation, write, value, `${path}.${write}`)]
  })
  return Object.fromEntries(rewritten) as Args
}

function nestedWrite(scope: Scope, relation: RelationShape, write: string, value: unknown, path: string): unknown {
  const where = (unique: Args): Args => livingWhere(scope, relation.model, unique)
  const data = (fields: unknown): unknown => livingData(scope, relation.model, fields, path)
  if (write === 'create') return data(value)
  if (write === 'createMany') return mapArgs(value, (many) => ({ ...many, data: data(many.data) }))
  if (write === 'connect') return mapArgs(value, where)
  if (write === 'disconnect') return disconnect(relation, value, where)
  if (write === 'updateMany' || (write === 'update' && relation.list)) {
    return mapArgs(value, (update) => ({ ...update, where: where(argsOf(update.where)), data: data(update.data) }))
  }
  if (write === 'update') return mapArgs(value, (update) => updateOne(scope, relation, update, path))
  if (write === 'set' && shapeOf(scope, relation.model).soft) {
    throw new SoftDeleteRefusal(path, 'it would cut deleted rows loose too, and restore could not bring them back; connect and disconnect instead')
  }
  return value
}

/** The far side of a one-to-one relation may hold deleted rows beside the living one: they keep their foreign key. */
function disconnect(relation: RelationShape, value: unknown, where: (unique: Args) => Args): unknown {
  if (relation.owns) return value
  return value === true ? where({}) : mapArgs(value, where)
}

/** Prisma takes both `update: { where, data }` and `update: data`. Where a model has a column called `data`, only `where` tells them apart. */
function updateOne(scope: Scope, relation: RelationShape, update: Args, path: string): Args {
  const { columns } = shapeOf(scope, relation.model)
  const wrapped = 'data' in update && Object.keys(update).every((key) => key === 'where' || key === 'data')
  if (wrapped && 'data' in columns && !('where' in update)) {
    throw new SoftDeleteRefusal(path, `${relation.model} has a column called data: write { where: {}, data: ... }`)
  }
  const [where, data] = wrapped ? [update.where, update.data] : [{}, update]
  return { where: livingWhere(scope, relation.model, where), data: livingData(scope, relation.model, data, path) }
}

function argsOf(value: unknown): Args {
  return isArgs(value) ? value : {}
}
