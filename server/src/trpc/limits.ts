/** How often one caller may call: a token bucket per signed-in person or per address, counted per call of a batch. Held in this process. */
import { isIPv6 } from 'node:net'
import { AppError } from '#lib/errors.ts'
import { now } from '#lib/clock.ts'

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
      take(buckets, `address:${networkOf(address)}`, config.ANONYMOUS_CALLS_PER_MINUTE)
    },
  }
}

function take(buckets: Map<string, Bucket>, key: string, perMinute: number): void {
  const at = now().getTime()
  const known = buckets.get(key)
  const filled = known ? Math.min(perMinute, known.tokens + ((at - known.at) / 60_000) * perMinute) : perMinute
  if (filled < 1) {
    throw new AppError('TOO_MANY_REQUESTS', 'Too many calls. Try again later.', { retryAfterSeconds: Math.ceil(((1 - filled) * 60) / perMinute) })
  }
  buckets.delete(key)
  buckets.set(key, { tokens: filled - 1, at })
  if (buckets.size > MOST_BUCKETS) buckets.delete(buckets.keys().next().value ?? key)
}

/**
 * The part of an address that one customer holds: the whole of an IPv4 address, the /64 of an IPv6 one.
 * An IPv4 address in IPv6 clothing (`::ffff:1.2.3.4`, in any spelling) is the IPv4 address.
 */
export function networkOf(address: string | null): string {
  if (address === null || !isIPv6(address)) return address ?? 'unknown'
  const groups = expand(address)
  const mapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff
  const [high = 0, low = 0] = groups.slice(6)
  if (mapped) return [high >> 8, high & 255, low >> 8, low & 255].join('.')
  return `${groups.slice(0, 4).map((group) => group.toString(16)).join(':')}::/64`
}

/** The eight groups of an IPv6 address. */
function expand(address: string): number[] {
  const [bare = ''] = address.split('%')
  const dotted = bare.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) => `${pair(a, b)}:${pair(c, d)}`)
  const [head = '', tail] = dotted.split('::')
  const before = head ? head.split(':') : []
  const after = tail ? tail.split(':') : []
  const gap = tail === undefined ? [] : Array<string>(8 - before.length - after.length).fill('0')
  return [...before, ...gap, ...after].map((group) => Number.parseInt(group, 16))
}

function pair(high: string, low: string): string {
  return (Number(high) * 256 + Number(low)).toString(16)
}
