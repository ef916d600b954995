/** How often one caller may call: a token bucket per signed-in person or per address, counted per call of a batch. Held in this process. */
import { AppError } from '#lib/errors.ts'
import { now } from '#lib/clock.ts'
import { customerOf } from '#lib/network-address.ts'

export interface Limits {
  /** Takes one call from the caller's bucket. Throws TOO_MANY_REQUESTS when it is empty. */
  charge(userId: string | null, address: string | null): void
  /**
   * Throws TOO_MANY_REQUESTS where an address has shown too many credentials that were none: asked before a query is made for another.
   * Apart from the calls of strangers, so that those at an address keep nobody there from their session.
   */
  requireTries(address: string | null): void
  /** Counts a credential that was none. */
  countTry(address: string | null): void
}

interface Bucket {
  tokens: number
  at: number
}

/** More callers than this are forgotten, oldest first: a flood of addresses costs no memory. */
const MOST_BUCKETS = 100_000

/** Makes the buckets. Each holds a minute's worth of calls and fills evenly. */
export function createLimits(config: { CALLS_PER_MINUTE: number; ANONYMOUS_CALLS_PER_MINUTE: number }): Limits {
  const buckets = new Map<string, Bucket>()
  const triesOf = (address: string | null) => [buckets, `tries:${customerOf(address)}`, config.CALLS_PER_MINUTE] as const
  return {
    charge(userId, address) {
      if (userId !== null) return take(buckets, `user:${userId}`, config.CALLS_PER_MINUTE)
      take(buckets, `address:${customerOf(address)}`, config.ANONYMOUS_CALLS_PER_MINUTE)
    },
    requireTries: (address) => void available(...triesOf(address)),
    // What came in parallel was let in together: an empty bucket is no more than empty.
    countTry: (address) => put(buckets, triesOf(address)[1], Math.max(0, filled(...triesOf(address)) - 1)),
  }
}

function take(buckets: Map<string, Bucket>, key: string, perMinute: number): void {
  put(buckets, key, available(buckets, key, perMinute) - 1)
}

/** What is in a bucket. Throws TOO_MANY_REQUESTS when that is less than one call. */
function available(buckets: Map<string, Bucket>, key: string, perMinute: number): number {
  const tokens = filled(buckets, key, perMinute)
  if (tokens >= 1) return tokens
  const retryAfterSeconds = Math.ceil(((1 - tokens) * 60) / perMinute)
  throw new AppError('TOO_MANY_REQUESTS', 'Too many calls. Try again later.', { retryAfterSeconds })
}

function filled(buckets: Map<string, Bucket>, key: string, perMinute: number): number {
  const known = buckets.get(key)
  return known ? Math.min(perMinute, known.tokens + ((now().getTime() - known.at) / 60_000) * perMinute) : perMinute
}

function put(buckets: Map<string, Bucket>, key: string, tokens: number): void {
  buckets.delete(key)
  buckets.set(key, { tokens, at: now().getTime() })
  if (buckets.size > MOST_BUCKETS) buckets.delete(buckets.keys().next().value ?? key)
}
