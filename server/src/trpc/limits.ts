/** How often one caller may call: a token bucket per signed-in person or per address, counted per call of a batch. It holds for the machine. */
import { AppError } from '#lib/errors.ts'
import { createLedger, type Bucket, type Lease } from '#lib/ledger.ts'
import { customerOf } from '#lib/network-address.ts'
import { siblings } from '#lib/siblings.ts'
import { createShares } from './shares.ts'

export interface Limits {
  /** Takes one call from the caller's bucket: a person's, an API key's or an address's. Throws TOO_MANY_REQUESTS when it is empty; rejects where another process had to be asked. */
  charge(callerId: string | null, address: string | null): void | Promise<void>
  /**
   * Throws TOO_MANY_REQUESTS where an address has shown too many credentials that were none: asked before a query is made for another.
   * Apart from the calls of strangers, so that those at an address keep nobody there from their session.
   */
  requireTries(address: string | null): void
  /** Counts a credential that was none. */
  countTry(address: string | null): void
}

/** Makes the buckets. Each holds a minute's worth of calls and fills evenly. */
export function createLimits(config: { CALLS_PER_MINUTE: number; ANONYMOUS_CALLS_PER_MINUTE: number }): Limits {
  const ledger = createLedger(1)
  const beside = siblings()
  const take = beside ? createShares(beside) : (bucket: Bucket) => refusalOf(ledger.lease(bucket, 1))
  const bucketOf = (callerId: string | null, address: string | null): Bucket =>
    callerId === null
      ? { key: `address:${customerOf(address)}`, perMinute: config.ANONYMOUS_CALLS_PER_MINUTE }
      : { key: `caller:${callerId}`, perMinute: config.CALLS_PER_MINUTE }
  // Tries are counted after the fact, each process its part of them: to ask the others first would take longer than the query that it spares.
  const tries = Math.ceil(config.CALLS_PER_MINUTE / (beside?.count ?? 1))
  const triesOf = (address: string | null): Bucket => ({ key: `tries:${customerOf(address)}`, perMinute: tries })
  return {
    charge(callerId, address) {
      const refused = take(bucketOf(callerId, address))
      return refused instanceof Promise ? refused.then(refuse) : refuse(refused)
    },
    requireTries(address) {
      const bucket = triesOf(address)
      const lease = ledger.lease(bucket, 1)
      if (lease.granted > 0) ledger.giveBack(bucket, 1)
      refuse(refusalOf(lease))
    },
    // What came in parallel was let in together: an empty bucket is no more than empty.
    countTry: (address) => void ledger.lease(triesOf(address), 1),
  }
}

function refusalOf(lease: Lease): Lease | null {
  return lease.granted > 0 ? null : lease
}

function refuse(refused: Lease | null): void {
  if (!refused) return
  const { retryAfterSeconds } = refused
  throw new AppError('TOO_MANY_REQUESTS', 'Too many calls. Try again later.', { retryAfterSeconds })
}
