/** Which failures are tried again, and when. */
import type { Operation, TRPCClientError } from '@trpc/client'
import type { AppRouter } from './api.ts'
import { dataOf } from './errors.ts'

const MOST_ATTEMPTS = 5
const FIRST_DELAY_MS = 150
const LONGEST_DELAY_MS = 5_000
/** A server that asks for more patience than this is told to the caller instead. */
const LONGEST_ASKED_WAIT_S = 20

/**
 * Says after how many milliseconds to try again, or null for never. Tried again are calls of which the server says that nothing was done, and
 * calls whose answer was lost: a query does no harm twice, and a mutation carries a key under which it has its effect once.
 * A subscription is tried again for as long as its caller wants it; it resumes after the last event it saw.
 */
export function retryDelayMs(op: Operation, error: TRPCClientError<AppRouter>, attempts: number): number | null {
  if (op.signal?.aborted || isAbort(error)) return null
  if (op.type !== 'subscription' && attempts >= MOST_ATTEMPTS) return null
  const data = dataOf(error)
  if (data?.code === 'UNAVAILABLE' || data?.code === 'TOO_MANY_REQUESTS') return askedDelay(data.details.retryAfterSeconds, attempts)
  const isBusy = data?.code === 'CONFLICT' && data.details.reason === 'TOO_BUSY'
  const isLost = data?.code === 'UNKNOWN_OUTCOME' || (data === undefined && !isRefusedByProxy(error))
  return isBusy || isLost ? backoff(attempts) : null
}

function askedDelay(seconds: number, attempts: number): number | null {
  return seconds > LONGEST_ASKED_WAIT_S ? null : Math.max(seconds * 1000, backoff(attempts))
}

/** Doubles each time, with full jitter, so that many clients do not come back at once. */
function backoff(attempts: number): number {
  return Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (attempts - 1)) * (0.5 + Math.random() / 2)
}

function isAbort(error: TRPCClientError<AppRouter>): boolean {
  return error.name === 'AbortError' || error.cause?.name === 'AbortError'
}

/** A 4xx that is not of our shape will be the same the next time. */
function isRefusedByProxy(error: TRPCClientError<AppRouter>): boolean {
  const response = error.meta?.['response']
  const status = response instanceof Response ? response.status : statusOfEvent(error.cause)
  return status !== undefined && status >= 400 && status < 500
}

/** The event that ends an EventSource carries the status of the answer. */
function statusOfEvent(cause: unknown): number | undefined {
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined
  return typeof code === 'number' ? code : undefined
}
