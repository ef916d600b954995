import pg from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { schedule } from '#db/consumers.ts'
import { readConfig } from '#lib/config.ts'
import { log } from '#lib/log.ts'
import { advance } from '../../test/clock.ts'
import { createTestDatabase, type TestDatabase } from '../../test/database.ts'
import { eventually } from '../../test/outbox.ts'
import { openPool } from './pool.ts'
import { startQueue } from './queue.ts'
import { startScheduler } from './scheduler.ts'

log.level = 'silent'
let database: TestDatabase
let owner: pg.Pool
const cleanups: (() => Promise<unknown>)[] = []

beforeEach(async () => {
  database = await createTestDatabase()
  owner = new pg.Pool({ connectionString: database.ownerUrl, max: 2 })
  owner.on('error', () => undefined)
})

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
  await owner.end()
  await database.drop()
})

/** Sets the database's clock to a time of the day (UTC); it goes on from there. */
async function setClock(time: string): Promise<void> {
  const { rows } = await owner.query<{ ms: number }>(
    `SELECT extract(epoch FROM date_trunc('day', core.clock(), 'UTC') + interval '1 day' + $1::interval - core.clock())::float8 * 1000 AS ms`,
    [time],
  )
  await advance(database.ownerUrl, Math.round(rows[0]?.ms ?? 0))
}

/** A process with one schedule, whose runs are counted. */
async function startProcess(cron: string, fired: string[], number: number): Promise<void> {
  const pool = openPool(readConfig({ DATABASE_URL: database.url, PLINTH_SECRET: 'x'.repeat(32) }), 4, log)
  const job = schedule({ name: 'teams.test', cron, run: async () => fired.push(`process ${number}`) })
  const patience = { attempts: 3, firstRetrySeconds: 1, longestRetrySeconds: 1, superviseSeconds: 1, pollSeconds: 0.5 }
  const queue = await startQueue({ pool, jobs: [job], log, concurrency: 2, patience })
  const scheduler = startScheduler(queue.boss, pool, [job], log)
  cleanups.push(async () => {
    await scheduler.stop()
    await queue.stop(1_000)
    await pool.end()
  })
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

test('a turn of a schedule fires once, on time, however many processes run', async () => {
  await setClock('03:16:58.500')
  const fired: string[] = []
  await Promise.all([1, 2, 3].map((number) => startProcess('17 3 * * *', fired, number)))
  expect(fired).toEqual([])
  await eventually(() => fired.length > 0)
  const { rows } = await owner.query<{ at: string }>(
    `SELECT to_char(core.clock() - (now() - created_on), 'HH24:MI:SS') AS at FROM jobs.job`,
  )
  expect(rows).toEqual([{ at: '03:17:00' }])
  await pause(1_000)
  expect(fired).toHaveLength(1)
})

test('a turn that came while no process ran is made up for once, if it is not long ago', async () => {
  await setClock('03:20:00')
  const fired: string[] = []
  await startProcess('17 3 * * *', fired, 1)
  await eventually(() => fired.length > 0)
  await startProcess('17 3 * * *', fired, 2)
  await pause(1_000)
  expect(fired).toHaveLength(1)
})

test('a turn of long ago is not made up for', async () => {
  await setClock('05:00:00')
  const fired: string[] = []
  await startProcess('17 3 * * *', fired, 1)
  await pause(1_000)
  expect(fired).toEqual([])
})
