/** Which failures are tried again, and when. */
import { TRPCClientError, type Operation, type TRPCLink } from '@trpc/client'
import { observable, type Unsubscribable } from '@trpc/server/observable'
import type { AppRouter } from './api.ts'
import { dataOf } from './errors.ts'

/** With the delays below: for about seven seconds, in which a server restarts. */
const MOST_ATTEMPTS = 7
const FIRST_DELAY_MS = 150
const LONGEST_DELAY_MS = 5_000
/** A server that asks for more patience than this is told to the caller instead. */
const LONGEST_ASKED_WAIT_S = 20

/** An answer that is not of our server: a proxy's page. */
export class UnreadableAnswer extends Error {
  override readonly name = 'UnreadableAnswer'
  readonly status: number

  constructor(status: number) {
    super(`The answer, of status ${status}, is not of this server.`)
    this.status = status
  }
}

/** The link that tries again. An abort ends the wait between two tries as well. */
export const retried: TRPCLink<AppRouter> = () => {
  return ({ op, next }) =>
    observable((observer) => {
      let attempts = 0
      let lastEventId: string | undefined
      let current: Unsubscribable | undefined
      let timer: ReturnType<typeof setTimeout> | undefined
      const attempt = () => {
        attempts++
        current = next(lastEventId === undefined ? op : { ...op, input: { ...(op.input as object), lastEventId } }).subscribe({
          next(envelope) {
            if ('id' in envelope.result && typeof envelope.result.id === 'string') lastEventId = envelope.result.id
            if (envelope.result.type === 'started') attempts = 0
            observer.next(envelope)
          },
          error(error) {
            const delayMs = retryDelayMs(op, error, attempts)
            if (delayMs === null) observer.error(error)
            else timer = setTimeout(attempt, delayMs)
          },
          complete: () => observer.complete(),
        })
      }
      const abort = () => (op.type === 'subscription' ? observer.complete() : observer.error(aborted(op)))
      op.signal?.addEventListener('abort', abort, { once: true })
      attempt()
      return () => {
        op.signal?.removeEventListener('abort', abort)
        clearTimeout(timer)
        current?.unsubscribe()
      }
    })
}

function aborted({ signal }: Operation): TRPCClientError<AppRouter> {
  return TRPCClientError.from(signal?.reason instanceof Error ? signal.reason : new Error('The call was aborted.'))
}

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

/** A 4xx that is not of our shape will be the same the next time. An EventSource tells the status in the event that ends it. */
function isRefusedByProxy({ cause }: TRPCClientError<AppRouter>): boolean {
  const told = cause as { status?: unknown; code?: unknown } | undefined
  const status = cause instanceof UnreadableAnswer ? cause.status : told?.code
  return typeof status === 'number' && status >= 400 && status < 500
}
