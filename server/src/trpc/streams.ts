/** The subscriptions that are open in this process: each ends with its caller, with the right it was opened by, or with the process. */

export interface Streams {
  /** Gives a new stream its life: a signal that fires when the caller leaves, when `end` is called with a reason, or when the process drains. */
  open(caller: AbortSignal | undefined): Life
  /** Ends all of them so that clients reconnect elsewhere and resume; one opened later ends at once. */
  drain(): void
}

export interface Life {
  readonly signal: AbortSignal
  /** Ends this stream; an AppError as the reason is what the client is told. */
  end(reason: unknown): void
  /** Forgets the stream when it is over. */
  close(): void
}

/** Makes the book of open streams. */
export function createStreams(): Streams {
  const open = new Set<AbortController>()
  let draining = false
  return {
    open(caller) {
      const own = new AbortController()
      if (draining) own.abort(leaving())
      open.add(own)
      const signal = caller ? AbortSignal.any([caller, own.signal]) : own.signal
      return { signal, end: (reason) => own.abort(reason), close: () => open.delete(own) }
    },
    drain() {
      draining = true
      for (const stream of open) stream.abort(leaving())
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
    life.close()
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
    iterator.next().then(resolve, reject).finally(() => signal.removeEventListener('abort', end))
  })
}

function leaving(): DOMException {
  return new DOMException('The stream has ended.', 'AbortError')
}
