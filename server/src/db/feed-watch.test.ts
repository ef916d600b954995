import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readConfig } from '#lib/config.ts'
import { isAppError } from '#lib/errors.ts'
import { log } from '#lib/log.ts'
import { createTestDatabase, query, type TestDatabase } from '../../test/database.ts'
import { eventually, putEvent } from '../../test/outbox.ts'
import { startDispatcher, type Dispatcher } from '../jobs/dispatcher.ts'
import { openPool, services } from '../jobs/pool.ts'
import type { FeedEvent } from './consumers.ts'
import { startTail, stopTail, watchFeed, type Subscription } from './feed-watch.ts'
import { listen, notifySoon, stopListening } from './notify.ts'

log.level = 'silent'
let database: TestDatabase
let owner: pg.Pool
let application: pg.Pool
let dispatcher: Dispatcher
const open: AbortController[] = []

beforeEach(async () => {
  database = await createTestDatabase()
  owner = new pg.Pool({ connectionString: database.ownerUrl, max: 10 })
  owner.on('error', () => undefined)
  const config = readConfig({ DATABASE_URL: database.url, PLINTH_SECRET: 'x'.repeat(32) })
  application = openPool(config, 4, log)
  await listen(config)
  dispatcher = await startDispatcher(application, services, log)
  startTail(application, log)
})

afterEach(async () => {
  open.splice(0).forEach((each) => each.abort())
  stopTail()
  await dispatcher.stop()
  await application.end()
  await stopListening()
  await owner.end()
  await database.drop()
})

interface Listener {
  readonly positions: number[]
  readonly ids: string[]
  readonly end: AbortController
  readonly over: Promise<void>
}

/** Listens and remembers. `pauseMs` is how long it takes over each event. */
function hear(input: Omit<Subscription, 'signal'> = {}, pauseMs = 0): Listener {
  const end = new AbortController()
  open.push(end)
  const heard = { positions: [] as number[], ids: [] as string[] }
  return { ...heard, end, over: follow(watchFeed('teams', { ...input, signal: end.signal }), heard, pauseMs) }
}

async function follow(events: AsyncIterable<FeedEvent>, heard: Pick<Listener, 'positions' | 'ids'>, pauseMs: number): Promise<void> {
  for await (const event of events) {
    heard.positions.push(Number(event.position))
    heard.ids.push(event.id)
    if (pauseMs > 0) await pause(pauseMs)
  }
}

async function put(count: number, team?: string): Promise<void> {
  for (let made = 0; made < count; made++) await putEvent(owner, team ? { team } : {})
  notifySoon('plinth_outbox')
}

const position = async () => Number((await owner.query(`SELECT position FROM core.sequencers WHERE service = 'teams'`)).rows[0].position)
const dispatched = (count: number) => eventually(async () => (await position()) === count)
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const upTo = (last: number, first = 1) => Array.from({ length: last - first + 1 }, (_, index) => first + index)

test('a listener gets what happens from now on, and nothing of before', async () => {
  await put(3)
  await dispatched(3)
  const listener = hear()
  await eventually(async () =>
    put(1)
      .then(() => pause(50))
      .then(() => listener.positions.length > 0),
  )
  expect(listener.positions[0]).toBeGreaterThan(3)
})

test('a listener that names a position gets everything after it, from the past and the present, each once', async () => {
  await put(450)
  await dispatched(450)
  const listener = hear({ after: 20n })
  await put(50)
  await eventually(() => listener.positions.at(-1) === 500)
  expect(listener.positions).toEqual(upTo(500, 21))
})

test('a listener gets the events of its team alone', async () => {
  const [mine, other] = [randomUUID(), randomUUID()]
  await put(2, mine)
  await put(2, other)
  await dispatched(4)
  const listener = hear({ team: mine, after: 0n })
  await put(2, other)
  await put(1, mine)
  await eventually(() => listener.positions.includes(7))
  expect(listener.positions).toEqual([1, 2, 7])
})

test('listeners that come, go and resume while sixteen writers write get every event once and in order', async () => {
  const writers = Promise.all(Array.from({ length: 16 }, async () => put(20)))
  const total: number[] = []
  while (total.at(-1) !== 320) {
    const after = BigInt(total.at(-1) ?? 0)
    const listener = hear({ after })
    await pause(Math.random() * 60)
    listener.end.abort()
    await listener.over
    total.push(...listener.positions)
  }
  await writers
  expect(total).toEqual(upTo(320))
})

test('thirty listeners that join from the beginning while events come in all get every event once and in order', async () => {
  hear()
  const writers = Promise.all(Array.from({ length: 8 }, async () => put(40)))
  const listeners: Listener[] = []
  while (listeners.length < 30) {
    listeners.push(hear({ after: 0n }))
    await pause(5)
  }
  await writers
  await eventually(() => listeners.every(({ positions }) => positions.at(-1) === 320))
  for (const { positions } of listeners) expect(positions).toEqual(upTo(320))
})

test('a subscription goes on in another process where it ended in this one', async () => {
  await put(10)
  const before = hear({ after: 0n })
  await eventually(() => before.positions.length > 3)
  stopTail()
  await before.over
  await put(10)
  await dispatched(20)
  startTail(application, log)
  const after = hear({ after: BigInt(before.positions.at(-1) ?? 0) })
  await eventually(() => after.positions.at(-1) === 20)
  expect([...before.positions, ...after.positions]).toEqual(upTo(20))
})

test('a listener that is slower than the events gets them all, and the others are not kept waiting', async () => {
  const slow = hear({ after: 0n }, 1)
  const quick = hear({ after: 0n })
  await put(1_200)
  await eventually(() => quick.positions.at(-1) === 1_200)
  expect(slow.positions.length).toBeLessThan(1_200)
  await eventually(() => slow.positions.at(-1) === 1_200)
  expect(slow.positions).toEqual(upTo(1_200))
})

test('an event of which no notification comes reaches the listener by polling', async () => {
  const listener = hear({ after: 0n })
  await stopListening()
  await putEvent(owner)
  await eventually(() => listener.positions.length > 0, 4_000)
  expect(listener.positions).toEqual([1])
})

test('a listener survives a database that is away for a moment', async () => {
  const listener = hear({ after: 0n })
  await put(1)
  await eventually(() => listener.positions.length === 1)
  await query(
    database.ownerUrl,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'plinth %' AND datname = current_database()`,
  )
  await put(1)
  await eventually(() => listener.positions.length === 2, 4_000)
  expect(listener.positions).toEqual([1, 2])
})

test('a position whose successors were removed, and one that was never given out, are refused with a reason', async () => {
  await put(5)
  await dispatched(5)
  await owner.query('DELETE FROM core.feed WHERE position <= 3')
  for (const [after, resumable] of [
    [1n, false],
    [2n, false],
    [3n, true],
    [5n, true],
    [6n, false],
  ] as const) {
    const listener = hear({ after })
    setTimeout(() => listener.end.abort(), 50)
    const outcome = await listener.over.then(
      () => true,
      (error: unknown) => isAppError(error, 'CONFLICT') && error.details.reason,
    )
    expect([after, outcome]).toEqual([after, resumable ? true : 'POSITION_GONE'])
  }
})

test('a subscription ends at once with its signal', { retry: 3 }, async () => {
  const listener = hear()
  await pause(50)
  const start = performance.now()
  listener.end.abort()
  await listener.over
  expect(performance.now() - start).toBeLessThan(50)
})
