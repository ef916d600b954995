/** Measures writes: how many, how long they took, and how long nobody was answered. */
import type { Acknowledged } from './messages.ts'

/** The writes of one step. Times in milliseconds. */
export interface Figures {
  readonly step: string
  readonly lastedMs: number
  readonly writes: number
  readonly p99Ms: number
  /** The longest that one write took. */
  readonly slowestMs: number
  /** The longest in which no write at all was acknowledged. */
  readonly silenceMs: number
}

export interface Meter {
  readonly failures: string[]
  add(acknowledged: readonly Acknowledged[], failures?: readonly string[]): void
  /** Runs a step and remembers when it was. */
  step<T>(name: string, work: () => Promise<T>): Promise<T>
  /** Gives the figures of each step, and of all of them together as `whole`. A write belongs to every step that it touches. */
  figures(): Figures[]
}

export const now = (): number => performance.timeOrigin + performance.now()

export function startMeter(tell: (line: string) => void): Meter {
  const writes: Acknowledged[] = []
  const failures: string[] = []
  const steps: { step: string; from: number; to: number }[] = []
  return {
    failures,
    add(acknowledged, failed = []) {
      writes.push(...acknowledged)
      failures.push(...failed)
    },
    async step(step, work) {
      const from = now()
      try {
        return await work()
      } finally {
        steps.push({ step, from, to: now() })
        tell(`${step}: ${(now() - from).toFixed(0)} ms`)
      }
    },
    figures() {
      const whole = { step: 'whole', from: Math.min(...steps.map(({ from }) => from)), to: Math.max(...steps.map(({ to }) => to)) }
      return [...steps, whole].map((span) => figuresOf(writes, span))
    },
  }
}

function figuresOf(writes: readonly Acknowledged[], { step, from, to }: { step: string; from: number; to: number }): Figures {
  const touching = writes.filter(([beganAt, doneAt]) => doneAt >= from && beganAt <= to)
  const took = touching.map(([beganAt, doneAt]) => doneAt - beganAt).toSorted((a, b) => a - b)
  const done = [from, ...touching.map(([, doneAt]) => doneAt).filter((doneAt) => doneAt <= to), to].toSorted((a, b) => a - b)
  return {
    step,
    lastedMs: to - from,
    writes: done.length - 2,
    p99Ms: took[Math.floor(took.length * 0.99)] ?? 0,
    slowestMs: took.at(-1) ?? 0,
    silenceMs: Math.max(...done.slice(1).map((doneAt, index) => doneAt - (done[index] ?? doneAt))),
  }
}
