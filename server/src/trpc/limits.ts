/** How often one caller may call: a token bucket per signed-in person or per address, counted per call of a batch. Held in this process. */
import { AppError } from '#lib/errors.ts'
import { now } from '#lib/clock.ts'
import { customerOf } from '#lib/network-address.ts'

export interface Limits {
  /** Takes one call from the caller's bucket. Throws TOO_MANY_REQUESTS when it is empty. */
  charge(userId: string | null, address: string | null): void
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
  return {
    charge(userId, address) {
      if (userId !== null) return take(buckets, `user:${userId}`, config.CALLS_PER_MINUTE)
      take(buckets, `address:${customerOf(address)}`, config.ANONYMOUS_CALLS_PER_MINUTE)
    },
  }
}

function take(buckets: Map<string, Bucket>, key: string, perMinute: number): void {
  const at = now().getTime()
  const known = buckets.get(key)
  const filled = known ? Math.min(perMinute, known.tokens + ((at - known.at) / 60_000) * perMinute) : perMinute
  if (filled < 1) {
    throw new AppError('TOO_MANY_REQUESTS', 'Too many calls. Try again later.', {
      retryAfterSeconds: Math.ceil(((1 - filled) * 60) / perMinute),
    })
  }
  buckets.delete(key)
  buckets.set(key, { tokens: filled - 1, at })
  if (buckets.size > MOST_BUCKETS) buckets.delete(buckets.keys().next().value ?? key)
}
