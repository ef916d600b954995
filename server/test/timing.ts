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

const hundred = 100
const mostHundreds = 10

/**
 * The same by a hundred times each: the longest median by the shortest. While it is more than `enough`, up to nine hundred more of each are measured, and
 * all of them count: what a busy machine does to the medians gets less and less, what one of them really takes longer stays.
 */
export async function spreadOfMedians(works: readonly (() => Promise<unknown>)[], enough = 1.1): Promise<number> {
  for (const work of works) await work()
  const times: number[][] = works.map(() => [])
  let spread = Infinity
  for (let round = 0; round < mostHundreds && spread > enough; round += 1) {
    for (let i = 0; i < hundred; i += 1) for (const which of shuffled(works.length)) await takeTime(works, times, which)
    spread = spreadOf(times)
  }
  return spread
}

/** Gives how long the fastest of so many turns takes, in milliseconds: a busy machine stretches some of them, and what is slow in itself is slow in all. */
export async function fastest(turns: number, work: () => Promise<unknown>): Promise<number> {
  let best = Infinity
  for (let turn = 0; turn < turns; turn += 1) {
    const started = performance.now()
    await work()
    best = Math.min(best, performance.now() - started)
  }
  return best
}

async function compare(works: readonly (() => Promise<unknown>)[]): Promise<number> {
  const times: number[][] = works.map(() => [])
  const end = performance.now() + roundMs
  for (let i = 0; i < fewest * works.length || performance.now() < end; i += 1) {
    await takeTime(works, times, (i + Math.floor(i / works.length)) % works.length)
  }
  return spreadOf(times)
}

/** What one of them leaves to be done later slows the next, which is another one each time. */
function shuffled(length: number): number[] {
  const places = Array.from({ length }, (_, place) => ({ place, by: Math.random() }))
  return places.toSorted((a, b) => a.by - b.by).map(({ place }) => place)
}

async function takeTime(works: readonly (() => Promise<unknown>)[], times: number[][], which: number): Promise<void> {
  const started = performance.now()
  await works[which]?.()
  times[which]?.push(performance.now() - started)
}

function spreadOf(times: readonly number[][]): number {
  const medians = times.map((taken) => taken.toSorted((a, b) => a - b)[Math.floor(taken.length / 2)] ?? Number.NaN)
  return Math.max(...medians) / Math.min(...medians)
}
