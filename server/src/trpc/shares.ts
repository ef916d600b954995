/**
 * Limits that hold over all processes of the machine. The primary keeps the buckets; each process lets through what it was granted of them, and
 * asks again when that is used up. What it did not use within two seconds it gives back, so that another process can.
 */
import type { Bucket, Lease } from '#lib/ledger.ts'
import type { Siblings } from '#lib/siblings.ts'

interface Share {
  readonly bucket: Bucket
  left: number
  usedAt: number
  /** Those who wait for the next grant, in the order they came. */
  readonly waiting: ((lease: Lease) => void)[]
}

const unusedMs = 2_000

/** Gives a function that takes one call from a bucket, over all processes; null where there was one. */
export function createShares({ ask, tell }: Pick<Siblings, 'ask' | 'tell'>): (bucket: Bucket) => null | Promise<Lease | null> {
  const shares = new Map<string, Share>()
  let sweep: NodeJS.Timeout | undefined

  const giveBackUnused = () => {
    const at = performance.now()
    for (const [key, share] of shares) {
      if (share.waiting.length > 0 || at - share.usedAt < unusedMs) continue
      shares.delete(key)
      if (share.left > 0) tell('giveBack', { bucket: share.bucket, calls: share.left })
    }
    if (shares.size > 0) return
    clearInterval(sweep)
    sweep = undefined
  }

  const refill = async (share: Share) => {
    while (share.waiting.length > 0) {
      const { granted, retryAfterSeconds } = await ask('lease', { bucket: share.bucket, want: share.waiting.length }).catch(noAnswer)
      share.left += granted
      // Whoever asked while the answer was on its way had not been counted, and may still find something left.
      const served = share.waiting.splice(0, Math.max(granted, granted === 0 ? share.waiting.length : 0))
      for (const resolve of served) {
        if (granted > 0) share.left--
        resolve({ granted, retryAfterSeconds })
      }
    }
  }

  return (bucket) => {
    let share = shares.get(bucket.key)
    if (!share) shares.set(bucket.key, (share = { bucket, left: 0, usedAt: 0, waiting: [] }))
    share.usedAt = performance.now()
    sweep ??= setInterval(giveBackUnused, unusedMs / 2).unref()
    if (share.left > 0 && share.waiting.length === 0) {
      share.left--
      return null
    }
    const { promise, resolve } = Promise.withResolvers<Lease>()
    if (share.waiting.push(resolve) === 1) void refill(share)
    return promise.then((lease) => (lease.granted > 0 ? null : lease))
  }
}

/** A primary that does not answer lets nobody through: it does not hand out connections either. */
function noAnswer(): Lease {
  return { granted: 0, retryAfterSeconds: 1 }
}
