/** Chance from a seed: the same seed makes the same choices in the same order. Timing is not among them. */

export interface Random {
  /** A number from 0 up to, and without, 1. */
  next(): number
  /** A whole number from `low` to `high`, both possible. */
  between(low: number, high: number): number
  /** One of the items. */
  pick<T>(items: readonly T[]): T
  /** True once in `1 / probability` times. */
  chance(probability: number): boolean
  /** An independent stream for a part of its own, so that what one part draws does not move another's choices. */
  fork(name: string): Random
}

/** Makes chance from a seed (mulberry32 over a FNV-1a hash of the seed's text). */
export function randomFrom(seed: number | string): Random {
  let state = hash(String(seed))
  function next(): number {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const between = (low: number, high: number): number => low + Math.floor(next() * (high - low + 1))
  return {
    next,
    between,
    pick: (items) => {
      const item = items[between(0, items.length - 1)]
      if (item === undefined) throw new Error('There is nothing to pick from')
      return item
    },
    chance: (probability) => next() < probability,
    fork: (name) => randomFrom(`${seed}/${name}`),
  }
}

function hash(text: string): number {
  let value = 0x811c9dc5
  for (const byte of Buffer.from(text)) value = Math.imul(value ^ byte, 0x01000193)
  return value >>> 0
}
