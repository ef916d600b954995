/**
 * Live subscriptions. Each process reads each feed once, however many listen, and hands the events on; who comes late, or reads slowly,
 * reads the table from its own position. So memory is bounded, and a subscription outlives the process that serves it.
 */
import type pg from 'pg'
import { alarm, type Alarm } from '#lib/alarm.ts'
import type { log } from '#lib/log.ts'
import type { FeedEvent } from './consumers.ts'
import { assertResumable, lastPosition, pageSize, readFeed } from './feed.ts'
import type { Service } from './models.ts'
import { onHearing, onNotification } from './notify.ts'

type Log = Pick<typeof log, 'warn'>

const pollMs = 1_000
/** How many events wait for one listener before it is sent back to the table. */
const mailboxSize = 256

export interface Subscription {
  /** Only this team's events. */
  readonly team?: string
  /** The last position the listener has seen; from now on where absent. */
  readonly after?: bigint
  /** Ends the subscription. */
  readonly signal: AbortSignal
}

interface Mailbox {
  readonly team: string | undefined
  readonly wake: Alarm
  items: FeedEvent[]
  overflowed: boolean
}

/** A feed as this process follows it, while somebody listens. */
interface Follower {
  readonly service: Service
  readonly wake: Alarm
  readonly mailboxes: Set<Mailbox>
  /** Every event up to here was handed on. */
  head: bigint
  listeners: number
  ready: Promise<void> | undefined
}

let open:
  | { readonly pool: pg.Pool; readonly log: Log; readonly followers: Map<Service, Follower>; readonly end: readonly (() => void)[] }
  | undefined

/** Lets this process serve subscriptions. A second call does nothing. */
export function startTail(pool: pg.Pool, log: Log): void {
  if (open) return
  const followers = new Map<Service, Follower>()
  const ringAll = () => followers.forEach(({ wake }) => wake.ring())
  const wakeOne = (service: string) => [...followers.values()].find((each) => each.service === service)?.wake.ring()
  open = { pool, log, followers, end: [onNotification('plinth_feed', wakeOne), onHearing(ringAll)] }
}

/** Ends every subscription of this process, without an error: a client resumes elsewhere from its last position. */
export function stopTail(): void {
  const stopped = open
  open = undefined
  stopped?.end.forEach((end) => end())
  for (const follower of stopped?.followers.values() ?? []) {
    follower.wake.ring()
    follower.mailboxes.forEach(({ wake }) => wake.ring())
  }
}

/**
 * Gives the events of a service as they happen, from `after` on: each once, in the order of positions, none left out.
 * Throws CONFLICT (POSITION_GONE) where the feed no longer reaches back to `after`. Ends with the signal, and when this process stops.
 */
export async function* watchFeed(service: Service, { team, after, signal }: Subscription): AsyncGenerator<FeedEvent, void, undefined> {
  const tail = open
  if (!tail) throw new Error('startTail() has not been called')
  const mailbox: Mailbox = { team, wake: alarm(), items: [], overflowed: false }
  const follower = followerOf(tail.followers, service)
  const live = () => !signal.aborted && open === tail
  signal.addEventListener('abort', mailbox.wake.ring)
  follower.listeners++
  try {
    await (follower.ready ??= follow(follower, tail.pool, tail.log))
    if (after !== undefined) await assertResumable(tail.pool, service, after)
    let position = after ?? follower.head
    while (live()) {
      // Both at once, with no await between: from this head on the mailbox has everything, up to it the table.
      follower.mailboxes.add(Object.assign(mailbox, { items: [], overflowed: false }))
      const upTo = follower.head
      for await (const event of history(tail.pool, service, { team, after: position, upTo }, live))
        yield (((position = event.position), event))
      if (upTo > position) position = upTo
      for await (const event of letters(mailbox, live)) if (event.position > position) yield (((position = event.position), event))
    }
  } finally {
    signal.removeEventListener('abort', mailbox.wake.ring)
    follower.mailboxes.delete(mailbox)
    if (--follower.listeners === 0) follower.wake.ring()
  }
}

/** The past, page by page. */
async function* history(
  pool: pg.Pool,
  service: Service,
  range: { team: string | undefined; after: bigint; upTo: bigint },
  live: () => boolean,
) {
  for (let after = range.after; after < range.upTo && live();) {
    const page = await readFeed(pool, service, { ...range, after })
    for (const event of page) {
      if (!live()) return
      yield event
    }
    if (page.length < pageSize) return
    after = page.at(-1)?.position ?? range.upTo
  }
}

/** The present, until the listener falls so far behind that its mailbox was emptied. */
async function* letters(mailbox: Mailbox, live: () => boolean) {
  while (live() && !mailbox.overflowed) {
    const event = mailbox.items.shift()
    if (event) yield event
    else await mailbox.wake.wait(2 ** 30)
  }
}

function followerOf(followers: Map<Service, Follower>, service: Service): Follower {
  const known = followers.get(service)
  if (known) return known
  const made: Follower = { service, wake: alarm(), mailboxes: new Set(), head: 0n, listeners: 0, ready: undefined }
  followers.set(service, made)
  return made
}

/** Starts to follow: resolves when the head is known. */
async function follow(follower: Follower, pool: pg.Pool, log: Log): Promise<void> {
  try {
    follower.head = await lastPosition(pool, follower.service)
  } catch (error) {
    follower.ready = undefined
    throw error
  }
  void keepUp(follower, pool, log)
}

async function keepUp(follower: Follower, pool: pg.Pool, log: Log): Promise<void> {
  const started = open
  while (open === started && follower.listeners > 0) {
    const page = await readFeed(pool, follower.service, { after: follower.head }).catch((error: unknown) => {
      log.warn({ error, service: follower.service }, 'The feed could not be read; it is read again.')
      return []
    })
    for (const event of page) hand(follower, event)
    if (page.length < pageSize) await follower.wake.wait(pollMs)
  }
  follower.ready = undefined
}

function hand(follower: Follower, event: FeedEvent): void {
  follower.head = event.position
  for (const mailbox of follower.mailboxes) {
    if (mailbox.team !== undefined && mailbox.team !== event.team) continue
    if (mailbox.items.length < mailboxSize) mailbox.items.push(event)
    else overflow(follower, mailbox)
    mailbox.wake.ring()
  }
}

/** What it missed stands in the table. */
function overflow(follower: Follower, mailbox: Mailbox): void {
  follower.mailboxes.delete(mailbox)
  mailbox.items = []
  mailbox.overflowed = true
}
