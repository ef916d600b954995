/**
 * Doors that are asked again about what came through them. News of a revocation comes at once where this process hears; what no news tells
 * of, and what it does not hear, is found by asking: one timer for all, a few questions at a time, so that many streams are no flood.
 */
import { asAppError } from '#db'
import { isListening } from '#db/notify.ts'
import { now } from '#lib/clock.ts'
import type { Life } from './streams.ts'

/** Rejects when the door would not open any more, and that ends the stream. Gives when it closes by itself, where that is known. */
export type Ask = () => Promise<Date | undefined>

/** Starts to ask again for as long as the life lasts. Returns how to ask at once. */
export type AskAgain = (life: Life, ask: Ask) => () => void

interface Entry {
  readonly life: Life
  readonly ask: Ask
  /** In milliseconds by the process's clock. */
  askedAt: number
  closesAt: number
}

interface Book {
  readonly isHearing: () => boolean
  readonly entries: Set<Entry>
  /** Waiting for their answer to be asked for: of whom something was revoked, before those whose turn it is. */
  readonly urgent: Set<Entry>
  readonly due: Set<Entry>
  asking: number
  timer: NodeJS.Timeout | undefined
}

const TICK_MS = 1_000
/** However well we hear. */
const EVERY_MS = 30_000
/** Questions at a time: most of them cost a query, and calls need the pool as well. */
const MOST_ASKING = 4

/**
 * Makes the book of those to ask again: after half a minute, after a second while this process does not surely hear of revocations, and when
 * the session expires.
 */
export function createRechecks(isHearing: () => boolean = isListening): AskAgain {
  const book: Book = { isHearing, entries: new Set(), urgent: new Set(), due: new Set(), asking: 0, timer: undefined }
  return (life, ask) => {
    if (life.signal.aborted) return () => undefined
    const entry: Entry = { life, ask, askedAt: now().getTime(), closesAt: Infinity }
    enter(book, entry)
    return () => {
      if (!book.entries.has(entry)) return
      book.urgent.add(entry)
      work(book)
    }
  }
}

function enter(book: Book, entry: Entry): void {
  book.entries.add(entry)
  book.timer ??= setInterval(() => tick(book), TICK_MS).unref()
  entry.life.signal.addEventListener('abort', () => leave(book, entry), { once: true })
}

function leave(book: Book, entry: Entry): void {
  for (const set of [book.entries, book.urgent, book.due]) set.delete(entry)
  if (book.entries.size > 0) return
  clearInterval(book.timer)
  book.timer = undefined
}

function tick(book: Book): void {
  const at = now().getTime()
  const everyMs = book.isHearing() ? EVERY_MS : 0
  for (const entry of book.entries) if (at - entry.askedAt >= everyMs || at >= entry.closesAt) book.due.add(entry)
  work(book)
}

function work(book: Book): void {
  while (book.asking < MOST_ASKING) {
    const [entry] = book.urgent.size > 0 ? book.urgent : book.due
    if (!entry) return
    const isUrgent = book.urgent.delete(entry)
    book.due.delete(entry)
    book.asking++
    void askNow(entry, isUrgent).finally(() => {
      book.asking--
      work(book)
    })
  }
}

async function askNow(entry: Entry, isUrgent: boolean): Promise<void> {
  entry.askedAt = now().getTime()
  try {
    entry.closesAt = (await entry.ask())?.getTime() ?? Infinity
  } catch (error) {
    // A database that cannot answer gives no events either: asked again at the next turn. Of whom something was revoked, nothing is assumed.
    if (!isUrgent && asAppError(error)?.code === 'UNAVAILABLE') entry.askedAt = -Infinity
    else entry.life.end(error)
  }
}
