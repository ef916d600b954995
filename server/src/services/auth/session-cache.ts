/**
 * Sessions that were checked a moment ago. A hit costs a hash and a look into a Map instead of a query. It is trusted only while this process
 * surely hears of revocations; it forgets at once what ended here, and within 250 ms what ended elsewhere.
 */
import { isListening } from '#db/notify.ts'
import { now } from '#lib/clock.ts'
import { onAnyRevoked } from './revocations.ts'

interface Entry<T> {
  readonly userId: string
  readonly value: T
  readonly since: number
  readonly until: number
}

/** However well we hear: after this long it is read again. */
const longestMs = 60_000
const most = 100_000

export interface SessionCache<T> {
  /** What was stored under this key, while it is to be trusted. */
  get(key: string): T | undefined
  /** To be called before the load whose result is stored: gives the function that stores it, unless a revocation came in between. */
  begin(): (key: string, userId: string, value: T, forMs: number) => void
  readonly size: number
}

/** Makes a cache. Only what was found is stored: an unknown token always costs a query. */
export function createSessionCache<T>(): SessionCache<T> {
  const entries = new Map<string, Entry<T>>()
  const keysOf = new Map<string, Set<string>>()
  let generation = 0

  const forget = (key: string): void => {
    const userId = entries.get(key)?.userId
    entries.delete(key)
    if (userId === undefined) return
    const keys = keysOf.get(userId)
    keys?.delete(key)
    if (keys?.size === 0) keysOf.delete(userId)
  }

  onAnyRevoked((userId) => {
    generation += 1
    if (userId !== null) return [...(keysOf.get(userId) ?? [])].forEach(forget)
    entries.clear()
    keysOf.clear()
  })

  return {
    get(key) {
      const entry = entries.get(key)
      if (!entry || !isListening()) return undefined
      const at = now().getTime()
      // A clock that was set back would make it live longer.
      if (at >= entry.since && at < entry.until) return entry.value
      return void forget(key)
    },
    begin() {
      const before = generation
      return (key, userId, value, forMs) => {
        if (generation !== before || !isListening()) return
        const since = now().getTime()
        forget(key)
        entries.set(key, { userId, value, since, until: since + Math.min(forMs, longestMs) })
        keysOf.set(userId, (keysOf.get(userId) ?? new Set()).add(key))
        if (entries.size > most) forget(entries.keys().next().value ?? key)
      }
    },
    get size() {
      return entries.size
    },
  }
}
