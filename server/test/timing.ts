/** Whether the time of an answer tells what the answer does not. */

const rounds = 5
/** Where a round of them would be over sooner, there are more of them: short calls vary most. */
const fewest = 9
const roundMs = 400

/**
 * Compares how long these take, in turns and in changing order: the longest median by the shortest. A busy machine stretches single rounds,
 * so the most even of four counts; work that is really missing from one of them is missing in every round.
 */
export async function unevenness(works: readonly (() => Promise<unknown>)[], enough = 1.25): Promise<number> {
  for (const work of works) await work()
  let best = Infinity
  for (let round = 0; round < rounds && best > enough; round += 1) best = Math.min(best, await compare(works))
  return best
}

async function compare(works: readonly (() => Promise<unknown>)[]): Promise<number> {
  const times: number[][] = works.map(() => [])
  const end = performance.now() + roundMs
  for (let i = 0; i < fewest * works.length || performance.now() < end; i += 1) {
    const which = (i + Math.floor(i / works.length)) % works.length
    const started = performance.now()
    await works[which]?.()
    times[which]?.push(performance.now() - started)
  }
  const medians = times.map((taken) => taken.toSorted((a, b) => a - b)[Math.floor(taken.length / 2)] ?? Number.NaN)
  return Math.max(...medians) / Math.min(...medians)
}
