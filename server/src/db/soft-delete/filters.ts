/** Filters: which rows a query may find. Deleted rows are passed over, in the model itself and through every relation. */
import {
  type Args,
  isArgs,
  listOf,
  mapArgs,
  type ModelShape,
  type RelationShape,
  type Scope,
  shapeOf,
  SoftDeleteRefusal,
} from './shapes.ts'

/**
 * Where in a filter we are. `joined`: nothing above but AND, so that a row which Prisma's joins bring in twice is found once at most.
 * It is lost under OR, NOT, `every` and `isNot`.
 */
interface Place {
  readonly path: string
  readonly joined: boolean
}

/**
 * Gives the filter that finds the living rows among those that `where` finds. `path` names it in a refusal.
 * `deletedAt: null` stands at the top level: inside an AND it would cost findUnique its batching.
 */
export function livingWhere(scope: Scope, model: string, where: unknown, path: string): Args {
  return livingAt(scope, model, where, { path, joined: true })
}

function livingAt(scope: Scope, model: string, where: unknown, place: Place): Args {
  const shape = shapeOf(scope, model)
  const filter = isArgs(where) ? filterOf(scope, model, where, place) : {}
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

function filterOf(scope: Scope, model: string, where: Args, place: Place): Args {
  const { relations } = shapeOf(scope, model)
  const filter: Record<string, unknown> = {}
  const more: Args[] = []
  for (const [key, value] of Object.entries(where)) {
    const relation = relations[key]
    const within = { path: `${place.path}.${key}`, joined: place.joined && key !== 'OR' && key !== 'NOT' }
    if (key === 'AND' || key === 'OR' || key === 'NOT') filter[key] = mapArgs(value, (part) => filterOf(scope, model, part, within))
    else if (!relation || value === undefined) filter[key] = value
    else if (relation.list) filter[key] = mapArgs(value, (quantifiers) => manyFilter(scope, relation, quantifiers, within))
    else more.push(...oneFilters(scope, key, relation, value, within))
  }
  return more.length === 0 ? filter : { ...filter, AND: [...listOf(filter.AND), ...more] }
}

/** `some` and `none` look at the living alone; `every` is content with the deleted, whatever they are. */
function manyFilter(scope: Scope, relation: RelationShape, quantifiers: Args, place: Place): Args {
  const shape = shapeOf(scope, relation.model)
  const rewritten = Object.entries(quantifiers).map(([quantifier, where]) => {
    const within = { path: `${place.path}.${quantifier}`, joined: quantifier !== 'every' }
    if (!isArgs(where)) return [quantifier, where]
    if (quantifier !== 'every' || !shape.soft) return [quantifier, livingAt(scope, relation.model, where, within)]
    return [quantifier, { OR: [{ NOT: living(scope, shape) }, filterOf(scope, relation.model, where, within)] }]
  })
  return Object.fromEntries(rewritten) as Args
}

/** A deleted relation is no relation: `null` finds it, `isNot` finds it, `is` does not. */
function oneFilters(scope: Scope, key: string, relation: RelationShape, value: unknown, place: Place): Args[] {
  const is = (where: unknown): Args => ({ [key]: { is: livingAt(scope, relation.model, where, place) } })
  const isNot = (where: unknown): Args => {
    const within = { ...place, joined: false }
    refuseBlindJoin(scope, relation, within)
    return { NOT: { [key]: { is: livingAt(scope, relation.model, where, within) } } }
  }
  refuseBlindJoin(scope, relation, place)
  if (!isArgs(value) || !('is' in value || 'isNot' in value)) return [value === null ? isNot({}) : is(value)]
  const filters: Args[] = []
  if (value.is !== undefined) filters.push(value.is === null ? isNot({}) : is(value.is))
  if (value.isNot !== undefined) filters.push(value.isNot === null ? is({}) : isNot(value.isNot))
  return filters
}

/**
 * The far side of a one-to-one relation is many among deleted rows. Prisma joins them all, which is right only where the condition of the
 * living one must hold: elsewhere a deleted row would satisfy a negation, or a row be found once for each.
 */
function refuseBlindJoin(scope: Scope, relation: RelationShape, { path, joined }: Place): void {
  if (joined || relation.owns || !shapeOf(scope, relation.model).soft) return
  throw new SoftDeleteRefusal(
    path,
    `Prisma would join deleted ${relation.model} rows; ask ${relation.model}, or declare the relation as a list`,
  )
}
