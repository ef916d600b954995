/** The subscriptions that are open in this process: each ends with its caller, with the right it was opened by, or with the process. */
import { AppError } from '#lib/errors.ts'
import { level } from '#lib/metrics.ts'
import { createRechecks, type AskAgain } from './rechecks.ts'

export interface Streams {
  /**
   * Gives a new stream its life: a signal that fires when the caller leaves, when `end` is called with a reason, or when the process drains.
   * With an owner it counts. Throws TOO_MANY_REQUESTS when the owner has as many as one person needs.
   */
  open(caller: AbortSignal | undefined, owner?: string): Life
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

/** Open at once, of one person in one process: a few devices with a few tabs each. */
export const MOST_STREAMS = 50

const streamsOpen = level('plinth_streams_open', 'Live subscriptions that are open.')

/** Makes the book of open streams. `isHearing` says whether news of revocations surely arrive; the LISTEN connection knows. */
export function createStreams(isHearing?: () => boolean): Streams {
  /** Each with its owner, where it counts. */
  const open = new Map<AbortController, string | undefined>()
  let draining = false
  return {
    open(caller, owner) {
      const theirs = owner === undefined ? 0 : [...open.values()].filter((each) => each === owner).length
      if (theirs >= MOST_STREAMS)
        throw new AppError('TOO_MANY_REQUESTS', 'Too many live subscriptions are open.', { retryAfterSeconds: 30 })
      const own = new AbortController()
      const signal = caller ? AbortSignal.any([caller, own.signal]) : own.signal
      open.set(own, owner)
      // A stream of a team passes two doors; the first has the owner.
      const counts = Number(owner !== undefined)
      streamsOpen(counts)
      signal.addEventListener('abort', () => open.delete(own) && streamsOpen(-counts), { once: true })
      if (draining) own.abort(leaving())
      return { signal, end: (reason) => own.abort(reason) }
    },
    askAgain: createRechecks(isHearing),
    drain() {
      draining = true
      for (const stream of open.keys()) stream.abort(leaving())
    },
  }
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
