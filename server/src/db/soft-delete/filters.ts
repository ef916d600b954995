/** Filters: which rows a query may find. Deleted rows are passed over, in the model itself and through every relation. */
import { type Args, isArgs, listOf, mapArgs, type ModelShape, type RelationShape, type Scope, shapeOf } from './shapes.ts'

/**
 * Gives the filter that finds the living rows among those that `where` finds.
 * `deletedAt: null` stands at the top level: inside an AND it would cost findUnique its batching.
 */
export function livingWhere(scope: Scope, model: string, where: unknown): Args {
  const shape = shapeOf(scope, model)
  const filter = isArgs(where) ? filterOf(scope, model, where) : {}
  return shape.soft ? both(filter, living(scope, shape)) : filter
}

/** The condition of a living row. While a deletion's result is read, what that deletion has just taken counts as living. */
function living(scope: Scope, shape: ModelShape): Args {
  if (scope.deletionId === undefined || !('deletionId' in shape.columns)) return { deletedAt: null }
  return { OR: [{ deletedAt: null }, { deletionId: scope.deletionId }] }
}

function both(filter: Args, condition: Args): Args {
  const clash = Object.keys(condition).some((key) => filter[key] !== undefined && filter[key] !== condition[key])
  return clash ? { ...filter, AND: [...listOf(filter.AND), condition] } : { ...filter, ...condition }
}

function filterOf(scope: Scope, model: string, where: Args): Args {
  const { relations } = shapeOf(scope, model)
  const filter: Record<string, unknown> = {}
  const more: Args[] = []
  for (const [key, value] of Object.entries(where)) {
    const relation = relations[key]
    if (key === 'AND' || key === 'OR' || key === 'NOT') filter[key] = mapArgs(value, (part) => filterOf(scope, model, part))
    else if (!relation || value === undefined) filter[key] = value
    else if (relation.list) filter[key] = mapArgs(value, (quantifiers) => manyFilter(scope, relation, quantifiers))
    else more.push(...oneFilters(scope, key, relation, value))
  }
  return more.length === 0 ? filter : { ...filter, AND: [...listOf(filter.AND), ...more] }
}

/** `some` and `none` look at the living alone; `every` is content with the deleted, whatever they are. */
function manyFilter(scope: Scope, relation: RelationShape, quantifiers: Args): Args {
  const shape = shapeOf(scope, relation.model)
  const rewritten = Object.entries(quantifiers).map(([quantifier, where]) => {
    if (!isArgs(where)) return [quantifier, where]
    if (quantifier !== 'every' || !shape.soft) return [quantifier, livingWhere(scope, relation.model, where)]
    return [quantifier, { OR: [{ NOT: living(scope, shape) }, filterOf(scope, relation.model, where)] }]
  })
  return Object.fromEntries(rewritten) as Args
}

/**
 * A deleted relation is no relation: `null` finds it, `isNot` finds it, `is` does not. The negative forms become NOT around `is`,
 * because Prisma's `isNot` joins the related table and would be content with any deleted row beside the living one.
 */
function oneFilters(scope: Scope, key: string, relation: RelationShape, value: unknown): Args[] {
  const is = (where: unknown): Args => ({ [key]: { is: livingWhere(scope, relation.model, where) } })
  const condition = (where: unknown): Args => (where === null ? { NOT: is({}) } : is(where))
  if (!isArgs(value) || !('is' in value || 'isNot' in value)) return [condition(value)]
  const filters: Args[] = []
  if (value.is !== undefined) filters.push(condition(value.is))
  if (value.isNot !== undefined) filters.push({ NOT: condition(value.isNot) })
  return filters
}
