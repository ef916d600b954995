import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import pg from 'pg'
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest'
import { isListening, listen, notifySoon, stopListening } from '#db/notify.ts'
import { readConfig } from '#lib/config.ts'
import { log } from '#lib/log.ts'
import { createEmptyDatabase, createTestDatabase, query, type TestDatabase } from '../../test/database.ts'
import { eventually, putEvent } from '../../test/outbox.ts'
import { startDispatcher, type Dispatcher } from './dispatcher.ts'
import { openPool, services } from './pool.ts'

log.level = 'silent'
let database: TestDatabase
let owner: pg.Pool
const running: { dispatcher: Dispatcher; pool: pg.Pool }[] = []
const children: ChildProcess[] = []

beforeEach(async () => {
  database = await createTestDatabase()
  owner = new pg.Pool({ connectionString: database.ownerUrl, max: 20 })
  owner.on('error', () => undefined)
})

afterEach(async () => {
  children.splice(0).forEach((child) => child.kill('SIGKILL'))
  await Promise.all(running.splice(0).map(async ({ dispatcher, pool }) => dispatcher.stop().then(() => pool.end())))
  await stopListening()
  await owner.end()
  await database.drop()
})

afterAll(() => stopListening())

const environment = () => ({ DATABASE_URL: database.url, PLINTH_SECRET: 'x'.repeat(32), NODE_ENV: 'test' as const })

async function start(): Promise<void> {
  const pool = openPool(readConfig(environment()), 2, log)
  running.push({ pool, dispatcher: await startDispatcher(pool, services, log) })
}

async function startChild(): Promise<ChildProcess> {
  const child = fork(new URL('dispatcher.child.ts', import.meta.url), { env: { ...process.env, ...environment() } })
  children.push(child)
  await once(child, 'message')
  return child
}

const positions = async (service = 'teams') =>
  (await owner.query<{ position: string }>('SELECT position FROM core.feed WHERE service = $1 ORDER BY position', [service])).rows.map(
    (row) => Number(row.position),
  )

const eventIds = async () =>
  (await owner.query<{ id: string }>('SELECT event_id AS id FROM core.feed ORDER BY position')).rows.map(({ id }) => id)

const waiting = async () => Number((await owner.query('SELECT count(*) FROM core.outbox')).rows[0].count)

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

/** Events by 16 writers at once, of which every fourth transaction rolls back. Gives the ids that were committed. */
async function write(each: number, pauseMs = 0): Promise<string[]> {
  const committed: string[] = []
  const writer = async (number: number) => {
    const client = await owner.connect()
    for (let turn = 0; turn < each; turn++) {
      await client.query('BEGIN')
      const ids = [await putEvent(client), await putEvent(client)]
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, Math.random() * pauseMs))
      const rolledBack = (turn + number) % 4 === 0
      await client.query(rolledBack ? 'ROLLBACK' : 'COMMIT')
      if (!rolledBack) committed.push(...ids)
      notifySoon('plinth_outbox')
    }
    client.release()
  }
  await Promise.all(Array.from({ length: 16 }, (_, number) => writer(number)))
  return committed
}

test('four dispatchers and sixteen writers, some of whom roll back, make a feed without a gap and with each event once', async () => {
  await listen(environment() as never)
  await Promise.all([start(), start(), start(), start()])
  const gaps: number[][] = []
  const end = new AbortController()
  const reader = readOn(end.signal, gaps)
  const committed = await write(25, 3)
  await eventually(async () => (await waiting()) === 0)
  end.abort()
  await reader
  expect(gaps).toEqual([])
  expect(await positions()).toEqual(upTo(committed.length))
  expect((await eventIds()).toSorted()).toEqual(committed.toSorted())
})

test('each service has positions of its own', async () => {
  await start()
  for (const service of ['auth', 'teams', 'auth']) await putEvent(owner, { service, name: `${service}.x.happened` })
  await eventually(async () => (await waiting()) === 0)
  expect(await positions('auth')).toEqual([1, 2])
  expect(await positions('teams')).toEqual([1])
})

test('dispatchers killed with SIGKILL in the middle of a turn lose nothing and double nothing', async () => {
  await slowDown('0.15')
  await listen(environment() as never)
  const children = [await startChild(), await startChild()]
  const committed: string[] = []
  for (let kill = 0; kill < 6; kill++) {
    committed.push(await putEvent(owner), await putEvent(owner))
    notifySoon('plinth_outbox')
    await (kill < 3 ? eventually(inTurn) : new Promise((resolve) => setTimeout(resolve, Math.random() * 100)))
    children[kill % 2]?.kill('SIGKILL')
    children[kill % 2] = await startChild()
  }
  await eventually(async () => (await waiting()) === 0)
  expect(await positions()).toEqual(upTo(committed.length))
  expect((await eventIds()).toSorted()).toEqual(committed.toSorted())
})

test('a turn whose backend is killed leaves nothing behind, and the next one does it', async () => {
  await slowDown('0.15')
  await start()
  const id = await putEvent(owner)
  await eventually(inTurn)
  await owner.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()`)
  await eventually(async () => (await waiting()) === 0)
  expect(await eventIds()).toEqual([id])
  expect(await positions()).toEqual([1])
})

test('a dispatcher that is frozen in the middle of a turn keeps nobody from the outbox', async () => {
  await slowDown('0.15')
  const frozen = await startChild()
  await putEvent(owner)
  await eventually(inTurn)
  frozen.kill('SIGSTOP')
  await start()
  await putEvent(owner)
  await eventually(async () => (await waiting()) === 0, 3_000)
  expect(await positions()).toEqual([1, 2])
})

test('a transaction that stays open, with an event of its own, delays no other event; its own comes when it commits, however late', async () => {
  await listen(environment() as never)
  await start()
  const stuck = await owner.connect()
  await stuck.query('BEGIN')
  const late = await putEvent(stuck)
  const others: string[] = []
  for (let round = 0; round < 4; round++) {
    const id = await putEvent(owner)
    others.push(id)
    notifySoon('plinth_outbox')
    await eventually(async () => (await eventIds()).includes(id), 3_000)
    await pause(700)
  }
  await stuck.query('COMMIT')
  stuck.release()
  notifySoon('plinth_outbox')
  await eventually(async () => (await eventIds()).includes(late), 3_000)
  expect(await eventIds()).toEqual([...others, late])
})

test('a transaction that is stuck in another database delays nothing', async () => {
  await using other = await createEmptyDatabase()
  const stuck = new pg.Client({ connectionString: other.url })
  stuck.on('error', () => undefined)
  await stuck.connect()
  await stuck.query('BEGIN ISOLATION LEVEL REPEATABLE READ; CREATE TABLE held (x int); SELECT pg_current_xact_id()')
  await listen(environment() as never)
  await start()
  const id = await putEvent(owner)
  notifySoon('plinth_outbox')
  await eventually(async () => (await eventIds()).includes(id), 3_000)
  await stuck.end()
})

test('an event whose notification got lost is found by polling', async () => {
  await listen(environment() as never)
  await start()
  await query(
    database.ownerUrl,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'plinth listen' AND datname = current_database()`,
  )
  await eventually(() => isListening())
  await new Promise((resolve) => setTimeout(resolve, 50))
  await putEvent(owner)
  await eventually(async () => (await waiting()) === 0, 3_000)
})

/** Reads the feed again and again, as a listener would, and keeps what has a gap in it. */
async function readOn(signal: AbortSignal, gaps: number[][]): Promise<void> {
  while (!signal.aborted) {
    const seen = await positions()
    if (seen.at(-1) !== undefined && seen.at(-1) !== seen.length) gaps.push(seen)
  }
}

/** Holds each turn for a while between taking the events and committing their positions. */
async function slowDown(seconds: string): Promise<void> {
  await owner.query(`
    CREATE FUNCTION core.linger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(${seconds}); RETURN NULL; END $$;
    CREATE TRIGGER linger AFTER INSERT ON core.feed FOR EACH STATEMENT EXECUTE FUNCTION core.linger();`)
}

async function inTurn(): Promise<boolean> {
  const { rows } = await owner.query(`SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()`)
  return rows.length > 0
}
