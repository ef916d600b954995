/** What is made of many rounds: middles, quantiles and what is wanted of them. Pure, so that it can be held to. */

/** Gives the middle of the values; NaN of none. Of an even number the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other)
  const half = sorted.length / 2
  const upper = sorted[Math.floor(half)] ?? Number.NaN
  return Number.isInteger(half) ? (upper + (sorted[half - 1] ?? Number.NaN)) / 2 : upper
}

/** Gives the value that the share (0 to 1) of all values does not exceed, by nearest rank; NaN of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
}

/**
 * Gives half the distance between the quartiles as a share of the median: how far rounds of the same thing differ. Two figures that are closer
 * than this are not told apart.
 */
export function spread(values: readonly number[]): number {
  return (quantile(values, 0.75) - quantile(values, 0.25)) / 2 / median(values)
}

/**
 * Gives the median of the quotients of each round. What was measured side by side had the same company on the machine: this is steadier than the
 * quotient of two medians.
 */
export function ratio(ours: readonly number[], theirs: readonly number[]): number {
  return median(ours.flatMap((value, round) => (theirs[round] ? [value / theirs[round]] : [])))
}

/** Gives the things in an order of the round's own: all begin equally often, and none always runs after the same. */
export function turn<T>(things: readonly T[], round: number): T[] {
  const start = things.length === 0 ? 0 : Math.floor(round / 2) % things.length
  const turned = [...things.slice(start), ...things.slice(0, start)]
  return round % 2 === 0 ? turned : turned.reverse()
}
