/** Follows every event from the activity log through the feed to its effects. */
import { isDeepStrictEqual } from 'node:util'
import type { Report } from './report.ts'
import type { EffectRow, EventRow, Snapshot } from './snapshot.ts'

/** A consumer and the events that it takes. */
export interface Subscriber {
  readonly name: string
  readonly on: readonly string[]
}

/** Checks activity against feed, the feed's positions, and that everything has drained. */
export function checkEvents(snapshot: Snapshot, report: Report): void {
  const feed = Map.groupBy(snapshot.feed, ({ id }) => id)
  const activity = new Map(snapshot.activity.map((row) => [row.id, row]))
  for (const row of snapshot.activity) {
    const found = feed.get(row.id) ?? []
    if (found.length !== 1) report.violation('activity-and-feed-agree', `${row.event} ${row.id} is ${found.length} times in the feed`)
    else if (!isSame(row, found[0])) report.violation('activity-and-feed-agree', `${row.event} ${row.id} differs in the feed`)
  }
  for (const { id, event } of snapshot.feed) {
    if (!activity.has(id)) report.violation('activity-and-feed-agree', `${event} ${id} is in the feed and not in the activity log`)
  }
  report.count('activity rows', snapshot.activity.length)
  report.count('feed positions', snapshot.feed.length)
  checkPositions(snapshot, report)
  checkDrained(snapshot, report)
}

function isSame(a: EventRow, b: EventRow | undefined): boolean {
  if (!b) return false
  const fields = ['service', 'event', 'actorId', 'team', 'user', 'requestId', 'data'] as const
  return fields.every((field) => isDeepStrictEqual(a[field], b[field]))
}

function checkPositions(snapshot: Snapshot, report: Report): void {
  for (const { service, position } of snapshot.sequencers) {
    const positions = snapshot.feed
      .filter((row) => row.service === service)
      .map((row) => row.position)
      .toSorted((a, b) => a - b)
    const wrong = positions.findIndex((value, index) => value !== index + 1)
    if (wrong >= 0) report.violation('feed-gapless', `${service}: position ${positions[wrong]} stands where ${wrong + 1} should`)
    if (positions.length !== position)
      report.violation('feed-gapless', `${service}: ${positions.length} positions, and the sequencer says ${position}`)
  }
}

const atRest = new Set(['completed', 'cancelled'])

function checkDrained({ outbox, jobs }: Snapshot, report: Report): void {
  if (outbox.length > 0) report.violation('drained', `${outbox.length} events wait in the outbox`)
  for (const { queue, state, count } of jobs) {
    report.count(`jobs ${state}`, count)
    if (!atRest.has(state)) report.violation('drained', `${queue}: ${count} jobs are ${state}`)
  }
}

/** Checks that each consumer had its effect once for each of its events, and noted it in its inbox. */
export function checkEffects(snapshot: Snapshot, subscribers: readonly Subscriber[], report: Report): void {
  const ours = new Set(subscribers.map(({ name }) => name))
  const inbox = tally(snapshot.inbox.filter(({ consumer }) => ours.has(consumer)))
  const effects = tally(snapshot.effects)
  const expected = new Set<string>()
  for (const { name, on } of subscribers) {
    const names = new Set(on)
    for (const { id, event } of snapshot.feed.filter((row) => names.has(row.event))) {
      const which = `${name} ${id}`
      expected.add(which)
      const received = inbox.get(which) ?? 0
      const had = effects.get(which) ?? 0
      if (received !== 1 || had !== 1) report.violation('one-effect', `${name} for ${event} ${id}: ${had} effects, ${received} inbox rows`)
    }
  }
  for (const which of new Set([...inbox.keys(), ...effects.keys()])) {
    if (!expected.has(which)) report.violation('one-effect', `${which} belongs to no event of the feed that it takes`)
  }
  report.count('effects in the inbox', snapshot.inbox.length)
  report.count('effects in the table', snapshot.effects.length)
}

/** Checks that a mail went out, under the event's id, for each event that asks for one: at least once is all that is promised outside. */
export function checkMails({ feed }: Snapshot, event: string, mails: ReadonlySet<string>, report: Report): void {
  for (const { id } of feed.filter((row) => row.event === event)) {
    if (!mails.has(id)) report.violation('mailed', `${event} ${id} has no mail`)
  }
  report.count('mails', mails.size)
}

function tally(rows: readonly EffectRow[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { consumer, event } of rows) counts.set(`${consumer} ${event}`, (counts.get(`${consumer} ${event}`) ?? 0) + 1)
  return counts
}
