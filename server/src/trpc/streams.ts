/** The subscriptions that are open in this process: each ends with its caller, with the right it was opened by, or with the process. */
import { AppError } from '#lib/errors.ts'
import { createLedger } from '#lib/ledger.ts'
import { level } from '#lib/metrics.ts'
import { siblings, type Siblings } from '#lib/siblings.ts'
import { createRechecks, type AskAgain } from './rechecks.ts'

export interface Streams {
  /**
   * Gives a new stream its life: a signal that fires when the caller leaves, when `end` is called with a reason, or when the process drains.
   */
  open(caller: AbortSignal | undefined): Life
  /** The same, counted among the owner's. @throws TOO_MANY_REQUESTS when the owner has as many as one person needs, over all processes of the machine */
  openFor(owner: string, caller: AbortSignal | undefined): Promise<Life>
  /** Asks a stream's door again while it is open, and ends it when the door would not open any more (rechecks.ts). Returns how to ask at once. */
  readonly askAgain: AskAgain
  /** Ends all of them so that clients reconnect elsewhere and resume; one opened later ends at once. */
  drain(): void
}

export interface Life {
  readonly signal: AbortSignal
  /** Ends this stream; an AppError as the reason is what the client is told. */
  end(reason: unknown): void
}

/** Open at once, of one person on one machine: a few devices with a few tabs each. */
export const MOST_STREAMS = 50

const streamsOpen = level('plinth_streams_open', 'Live subscriptions that are open.')

/** Makes the book of open streams. `isHearing` says whether news of revocations surely arrive; the LISTEN connection knows. */
export function createStreams(isHearing?: () => boolean): Streams {
  const opened = new Set<AbortController>()
  const seats = seatsOf(siblings())
  let draining = false
  const open = (caller: AbortSignal | undefined, leave?: () => void): Life => {
    const own = new AbortController()
    const signal = caller ? AbortSignal.any([caller, own.signal]) : own.signal
    const close = () => {
      opened.delete(own)
      leave?.()
    }
    opened.add(own)
    if (signal.aborted) close()
    else signal.addEventListener('abort', close, { once: true })
    if (draining) own.abort(leaving())
    return { signal, end: (reason) => own.abort(reason) }
  }
  return {
    open: (caller) => open(caller),
    async openFor(owner, caller) {
      if (!(await seats.take(owner)))
        throw new AppError('TOO_MANY_REQUESTS', 'Too many live subscriptions are open.', { retryAfterSeconds: 30 })
      streamsOpen(1)
      return open(caller, () => {
        streamsOpen(-1)
        seats.leave(owner)
      })
    },
    askAgain: createRechecks(isHearing),
    drain() {
      draining = true
      for (const stream of opened) stream.abort(leaving())
    },
  }
}

interface Seats {
  take(owner: string): boolean | Promise<boolean>
  leave(owner: string): void
}

/** Counted by the primary where there are several processes. */
function seatsOf(beside: Siblings | undefined): Seats {
  const most = MOST_STREAMS
  if (beside) return { take: (owner) => beside.ask('takeSeat', { owner, most }), leave: (owner) => beside.tell('leaveSeat', { owner }) }
  const ledger = createLedger(1)
  return { take: (owner) => ledger.takeSeat(1, owner, most), leave: (owner) => ledger.leaveSeat(1, owner) }
}

/**
 * Passes on what the source gives until the signal fires, then throws the signal's reason.
 * An AbortError ends the connection without a word, so that an EventSource reconnects and resumes; any other reason reaches the client.
 */
export async function* until<T>(source: AsyncIterable<T>, life: Life): AsyncGenerator<T, void> {
  const iterator = source[Symbol.asyncIterator]()
  try {
    while (true) {
      const step = await nextOrEnd(iterator, life.signal)
      if (step.done) return
      yield step.value
    }
  } finally {
    life.end(leaving())
    // Not awaited: a source that never gives again would hold the end back.
    void iterator.return?.()?.then(undefined, () => undefined)
  }
}

/** Listens anew for each step: one promise that lives as long as the stream would keep every step in memory. */
function nextOrEnd<T>(iterator: AsyncIterator<T>, signal: AbortSignal): Promise<IteratorResult<T>> {
  return new Promise((resolve, reject) => {
    // A caller that left gives a text for a reason, or none.
    const end = () => reject(signal.reason instanceof Error ? signal.reason : leaving())
    if (signal.aborted) return end()
    signal.addEventListener('abort', end, { once: true })
    iterator
      .next()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', end))
  })
}

function leaving(): DOMException {
  return new DOMException('The stream has ended.', 'AbortError')
}
