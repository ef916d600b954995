/**
 * Sessions that were checked a moment ago. A hit costs a hash and a look into a Map instead of a query. It is trusted only while this process
 * surely hears of revocations; it forgets at once what ended here, and within 250 ms what ended elsewhere.
 */
import { isListening, onDeaf } from '#db/notify.ts'
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
const hundredThousand = 100_000

/** What a load found. */
export interface Loaded<T> {
  readonly userId: string
  readonly value: T
  /** How long it is true if nothing is revoked. */
  readonly forMs: number
}

/** A load under way, and whose news came meanwhile; null stands for everybody's. */
type Load = Set<string | null>

export interface SessionCache<T> {
  /** What is remembered under this key, while it is to be trusted. */
  get(key: string): T | undefined
  /** Loads what is then remembered, unless it was revoked while the load was under way. Nothing found is not remembered: it costs a query each time. */
  load(key: string, read: () => Promise<Loaded<T> | null>): Promise<T | null>
  readonly size: number
}

interface Memory<T> {
  readonly most: number
  readonly entries: Map<string, Entry<T>>
  readonly keysOf: Map<string, Set<string>>
  readonly loads: Set<Load>
}

/** Makes a cache of this many sessions at most; the oldest give way. */
export function createSessionCache<T>(most = hundredThousand): SessionCache<T> {
  const memory: Memory<T> = { most, entries: new Map(), keysOf: new Map(), loads: new Set() }
  onDeaf(() => forgetAll(memory))
  onAnyRevoked((userId) => {
    for (const load of memory.loads) load.add(userId)
    if (userId === null) return forgetAll(memory)
    for (const key of [...(memory.keysOf.get(userId) ?? [])]) forget(memory, key)
  })
  return {
    get: (key) => recall(memory, key),
    load: (key, read) => load(memory, key, read),
    get size() {
      return memory.entries.size
    },
  }
}

function recall<T>(memory: Memory<T>, key: string): T | undefined {
  const entry = memory.entries.get(key)
  if (!entry || !isListening()) return undefined
  const at = now().getTime()
  // A clock that was set back would make it live longer.
  if (at >= entry.since && at < entry.until) return entry.value
  return void forget(memory, key)
}

async function load<T>(memory: Memory<T>, key: string, read: () => Promise<Loaded<T> | null>): Promise<T | null> {
  const [revoked, since]: [Load, number] = [new Set(), now().getTime()]
  memory.loads.add(revoked)
  try {
    const loaded = await read()
    if (!loaded) return null
    if (isListening() && !revoked.has(loaded.userId) && !revoked.has(null)) remember(memory, key, loaded, since)
    return loaded.value
  } finally {
    memory.loads.delete(revoked)
  }
}

function remember<T>(memory: Memory<T>, key: string, { userId, value, forMs }: Loaded<T>, since: number): void {
  const { entries, keysOf, most } = memory
  forget(memory, key)
  entries.set(key, { userId, value, since, until: since + Math.min(forMs, longestMs) })
  keysOf.set(userId, (keysOf.get(userId) ?? new Set()).add(key))
  if (entries.size > most) forget(memory, entries.keys().next().value ?? key)
}

function forget<T>({ entries, keysOf }: Memory<T>, key: string): void {
  const userId = entries.get(key)?.userId
  entries.delete(key)
  if (userId === undefined) return
  const keys = keysOf.get(userId)
  keys?.delete(key)
  if (keys?.size === 0) keysOf.delete(userId)
}

function forgetAll<T>({ entries, keysOf }: Memory<T>): void {
  entries.clear()
  keysOf.clear()
}
