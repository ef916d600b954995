/** Reads: which rows a result carries, in itself and nested, and in what order. */
import { livingWhere } from './filters.ts'
import { type Args, isArgs, listOf, type RelationShape, type Scope, shapeOf, SoftDeleteRefusal } from './shapes.ts'

/** Gives the arguments of a read (`where`, `select`, `include`, `orderBy`, ...) so that the result holds living rows alone. */
export function livingRead(scope: Scope, model: string, args: Args, path: string): Args {
  return { ...livingResult(scope, model, args, path), where: livingWhere(scope, model, args.where, `${path}.where`) }
}

/** Gives the arguments with nested reads and counts filtered, `where` left as it is: for writes, whose result has a `select` too. */
export function livingResult(scope: Scope, model: string, args: Args, path: string): Args {
  if (args.orderBy !== undefined) refuseBlindOrder(scope, model, args.orderBy, `${path}.orderBy`)
  const result: Record<string, unknown> = { ...args }
  for (const kind of ['select', 'include']) {
    const selection = args[kind]
    if (isArgs(selection)) result[kind] = livingSelection(scope, model, selection, `${path}.${kind}`)
  }
  return result
}

function livingSelection(scope: Scope, model: string, selection: Args, path: string): Args {
  const { relations } = shapeOf(scope, model)
  const selected: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(selection)) {
    const relation = relations[key]
    if (value === undefined || value === false) selected[key] = value
    else if (key === '_count') selected[key] = livingCounts(scope, model, value, `${path}.${key}`)
    else selected[key] = relation ? livingRelation(scope, model, relation, value, `${path}.${key}`) : value
  }
  return selected
}

function livingRelation(scope: Scope, model: string, relation: RelationShape, value: unknown, path: string): unknown {
  const args = livingResult(scope, relation.model, isArgs(value) ? value : {}, path)
  const required = !relation.list && relation.required
  if (!required) return { ...args, where: livingWhere(scope, relation.model, args.where, `${path}.where`) }
  if (shapeOf(scope, relation.model).soft && !shapeOf(scope, model).soft) {
    throw new SoftDeleteRefusal(
      path,
      `${relation.model} may be deleted while ${model}, which cannot be, still requires it; read it by its id`,
    )
  }
  return args
}

/** `_count: true` counts every list relation: it is spelled out, since each needs its own filter. */
function livingCounts(scope: Scope, model: string, value: unknown, path: string): unknown {
  const { relations } = shapeOf(scope, model)
  const lists = Object.keys(relations).filter((name) => relations[name]?.list)
  const asked = isArgs(value) && isArgs(value.select) ? value.select : Object.fromEntries(lists.map((name) => [name, true]))
  const counts = Object.entries(asked).map(([name, count]) => {
    const relation = relations[name]
    if (!relation || count === undefined || count === false) return [name, count]
    const where = livingWhere(scope, relation.model, isArgs(count) ? count.where : {}, `${path}.${name}.where`)
    return [name, Object.keys(where).length === 0 ? true : { where }]
  })
  return { select: Object.fromEntries(counts) as Args }
}

/** Prisma filters no relation that it only sorts by: it would sort by deleted rows, and repeat a row for each of them. */
function refuseBlindOrder(scope: Scope, model: string, orderBy: unknown, path: string): void {
  const { relations } = shapeOf(scope, model)
  for (const order of listOf(orderBy)) {
    if (!isArgs(order)) continue
    for (const [key, value] of Object.entries(order)) {
      const relation = relations[key]
      if (!relation || value === undefined) continue
      const guarded = !relation.list && relation.required && shapeOf(scope, model).soft
      if (shapeOf(scope, relation.model).soft && !guarded) {
        throw new SoftDeleteRefusal(
          `${path}.${key}`,
          `Prisma would sort by deleted ${relation.model} rows too; sort by a column of ${model}`,
        )
      }
      refuseBlindOrder(scope, relation.model, value, `${path}.${key}`)
    }
  }
}
