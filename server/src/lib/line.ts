/** Lines: where many want the same at once, a few go on and the others wait in the order in which they came. */
import { setTimeout as sleep } from 'node:timers/promises'

/** Runs work in its turn, and gives what it gives. */
export interface Line {
  <T>(work: () => Promise<T>): Promise<T>
  readonly running: number
  readonly waiting: number
}

/** How a line is made. */
export interface LineOptions {
  readonly atOnce: number
  /** How many may wait, where there is a limit. */
  readonly longest?: number
  /** What one is thrown who comes when so many already wait. */
  readonly full?: (waiting: number) => Error
  /** After so long the next one's turn begins all the same: nobody waits for somebody who waits for something else. */
  readonly turnMs?: number
}

/** Gives a line in which nobody stands yet. */
export function openLine({ atOnce, longest = Infinity, full = () => new Error('Too many wait already'), turnMs }: LineOptions): Line {
  const waiting: (() => void)[] = []
  let running = 0
  const turn = (): Promise<void> => {
    if (waiting.length >= longest) throw full(waiting.length)
    return new Promise((resolve) => waiting.push(resolve))
  }
  const inTurn = async <T>(work: () => Promise<T>): Promise<T> => {
    if (running >= atOnce) await turn()
    else running += 1
    const done = Promise.try(work)
    try {
      await (turnMs === undefined ? done : Promise.race([done, sleep(turnMs, undefined, { ref: false })]))
    } finally {
      // The place is handed on, not given back: whoever comes now cannot slip in before those who wait.
      const next = waiting.shift()
      if (next) next()
      else running -= 1
    }
    return done
  }
  return Object.defineProperties(inTurn, { running: { get: () => running }, waiting: { get: () => waiting.length } }) as Line
}
