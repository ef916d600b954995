/**
 * What the processes of one machine count together: how often each caller called, and how many places each person has taken. One process keeps
 * it: the primary where there are several (primary.ts), otherwise the one there is.
 */
import { now } from './clock.ts'

/** A caller's bucket: it holds a minute's worth of calls and fills evenly. */
export interface Bucket {
  readonly key: string
  readonly perMinute: number
}

/** Calls that a process may let through without asking again. */
export interface Lease {
  readonly granted: number
  /** Where nothing was granted: when there will be one. */
  readonly retryAfterSeconds: number
}

export interface Ledger {
  /** Grants as many calls as are wanted and there. A process among several gets some more, so that it need not ask at each call: less and less as the bucket empties. */
  lease(bucket: Bucket, want: number): Lease
  /** Takes back what a process did not use. */
  giveBack(bucket: Bucket, calls: number): void
  /** Takes one of the places that a person has. Gives whether there was one. */
  takeSeat(process: number, owner: string, most: number): boolean
  leaveSeat(process: number, owner: string): void
  /** A process has ended, and with it whatever was open there. Calls that it was granted are not given back: they may have been made. */
  forget(process: number): void
}

interface Level {
  calls: number
  at: number
}

/** More callers than this are forgotten, oldest first: a flood of addresses costs no memory. */
const mostBuckets = 100_000

/** Makes an empty ledger for so many processes. */
export function createLedger(processes: number): Ledger {
  const levels = new Map<string, Level>()
  const seats = new Map<number, Map<string, number>>()
  const put = (key: string, calls: number) => {
    levels.delete(key)
    levels.set(key, { calls, at: now().getTime() })
    if (levels.size > mostBuckets) levels.delete(levels.keys().next().value ?? key)
  }
  return {
    lease(bucket, want) {
      const calls = filled(levels.get(bucket.key), bucket)
      if (calls < 1) return { granted: 0, retryAfterSeconds: Math.ceil(((1 - calls) * 60) / bucket.perMinute) }
      const share = processes === 1 ? 0 : Math.floor(calls / (2 * processes))
      const granted = Math.min(Math.floor(calls), Math.max(want, share))
      put(bucket.key, calls - granted)
      return { granted, retryAfterSeconds: 0 }
    },
    giveBack(bucket, calls) {
      put(bucket.key, Math.min(bucket.perMinute, filled(levels.get(bucket.key), bucket) + calls))
    },
    takeSeat(process, owner, most) {
      const taken = [...seats.values()].reduce((sum, theirs) => sum + (theirs.get(owner) ?? 0), 0)
      if (taken >= most) return false
      const theirs = seats.get(process) ?? new Map<string, number>()
      seats.set(process, theirs.set(owner, (theirs.get(owner) ?? 0) + 1))
      return true
    },
    leaveSeat(process, owner) {
      const theirs = seats.get(process)
      const left = (theirs?.get(owner) ?? 0) - 1
      if (left > 0) theirs?.set(owner, left)
      else theirs?.delete(owner)
    },
    forget: (process) => void seats.delete(process),
  }
}

function filled(level: Level | undefined, { perMinute }: Bucket): number {
  return level ? Math.min(perMinute, level.calls + ((now().getTime() - level.at) / 60_000) * perMinute) : perMinute
}
