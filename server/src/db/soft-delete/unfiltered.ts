/** The client beneath the soft-deleting one. Only this folder reaches for it. */
import type { Args } from './shapes.ts'

/** A query of Prisma's that runs when it is awaited, or with the others of the `$transaction([...])` that it is given to. */
export interface Query<T> extends Promise<T> {
  requestTransaction?(transaction: unknown): Promise<T>
}

/** What soft delete asks of a model, whichever it is. */
export interface Delegate {
  update(args: Args): Query<unknown>
  updateMany(args: Args): Query<{ count: number }>
  deleteMany(args: Args): Query<{ count: number }>
  findUnique(args?: object): Query<unknown>
  findUniqueOrThrow(args?: object): Query<unknown>
  findFirst(args?: object): Query<unknown>
  findFirstOrThrow(args?: object): Query<unknown>
  findMany(args?: object): Query<unknown>
  count(args?: object): Query<unknown>
  aggregate(args?: object): Query<unknown>
  groupBy(args?: object): Query<unknown>
}

interface Layer {
  readonly $parent?: Layer
  readonly [property: string]: unknown
}

/**
 * Gives a model as it is without soft delete, on the same connection or transaction as `client`.
 * Other extensions may lie above this one, so it climbs down until the mark of soft delete is gone.
 */
export function unfiltered(client: object, property: string): Delegate {
  let layer = client as Layer
  while (layer.$softDeleting === true && layer.$parent) layer = layer.$parent
  const delegate = layer[property]
  if (!delegate) throw new Error(`The client has no model ${property}`)
  return delegate as Delegate
}
