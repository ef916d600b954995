/** The keys of objects, typed. */

/** Gives the keys of an object that has no others than its type says: one that zod has made. */
export function keysOf<T extends object>(value: T): (keyof T & string)[] {
  // Object.keys promises strings alone, for an object may have more keys than its type.
  return Object.keys(value) as (keyof T & string)[]
}
