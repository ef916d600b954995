import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { connectDatabase, disconnectDatabase, transaction } from '#db'
import { anonymous } from '#lib/actor.ts'
import { readConfig } from '#lib/config.ts'
import { createEmptyDatabase, createTestDatabase, query, type TestDatabase } from '../../test/database.ts'
import { database, poolMax } from './client.ts'

let home: TestDatabase
beforeAll(async () => {
  home = await createTestDatabase()
})
afterEach(disconnectDatabase)
afterAll(() => home.drop())

const open = (settings: Record<string, string>): Promise<{ warnings: string[] }> =>
  connectDatabase(
    readConfig({ NODE_ENV: 'test', DATABASE_URL: home.url, PLINTH_SECRET: 'a secret for tests that is long enough', ...settings }),
  )
const changed = (change: (url: URL) => void): string => {
  const url = new URL(home.url)
  change(url)
  return url.href
}
const show = async (name: string): Promise<unknown> =>
  (await database().pool.query(`SELECT current_setting($1) AS value`, [name])).rows[0]?.value

test('each connection has the role, the limits and the time zone from its first moment', async () => {
  await open({ STATEMENT_TIMEOUT_MS: '1234', LOCK_TIMEOUT_MS: '567', TRANSACTION_TIMEOUT_MS: '8910' })
  const settings = ['role', 'statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'TimeZone', 'application_name']
  expect(await Promise.all(settings.map(show))).toEqual(['plinth_app', '1234ms', '567ms', '8910ms', 'UTC', 'plinth'])
})

test('what the URL sets is kept beside it, and does not win over it', async () => {
  await open({ DATABASE_URL: changed((url) => url.searchParams.set('options', '-c work_mem=5MB -c lock_timeout=1')) })
  expect([await show('work_mem'), await show('lock_timeout'), await show('role')]).toEqual(['5MB', '5s', 'plinth_app'])
})

test('the pool has 20 connections in production and 5 elsewhere, unless it is told', async () => {
  expect([poolMax({ NODE_ENV: 'production' }), poolMax({ NODE_ENV: 'development' }), poolMax({ NODE_ENV: 'test' })]).toEqual([20, 5, 5])
  await open({ POOL_MAX: '3' })
  expect(database().pool.options).toMatchObject({ max: 3, connectionTimeoutMillis: 30_000, idleTimeoutMillis: 10_000 })
})

test('statements are planned once for a connection, unless a pooler cannot bear it', async () => {
  const prepared = async (): Promise<unknown> =>
    (await database().pool.query('SELECT count(*)::int AS count FROM pg_prepared_statements')).rows[0]?.count
  const work = (): Promise<unknown> =>
    transaction('teams', anonymous, async (tx) => tx.lock('team', { id: (await tx.team.findFirst())?.id ?? randomUUID() }))
  for (const [setting, count] of [
    ['on', 2],
    ['off', 0],
  ] as const) {
    await open({ PREPARED_STATEMENTS: setting, POOL_MAX: '1' })
    for (let turn = 0; turn < 3; turn++) await work()
    expect(await prepared(), setting).toBe(count)
    await disconnectDatabase()
  }
})

test('connecting twice keeps the connections that are there', async () => {
  await open({})
  const { pool } = database()
  await open({ POOL_MAX: '1' })
  expect(database().pool).toBe(pool)
})

test('what is wrong at start is one sentence that names the variable, and no password', async () => {
  const empty = await createEmptyDatabase()
  const faults: [Record<string, string>, RegExp][] = [
    [{ DATABASE_URL: 'postgresql://me:hush@127.0.0.1:1/x' }, /^DATABASE_URL: no database answers at 127\.0\.0\.1:1 \(ECONNREFUSED\)\.$/],
    [{ DATABASE_URL: changed((url) => (url.pathname = '/nowhere')) }, /^DATABASE_URL: the server at .* has no database nowhere\.$/],
    [{ DATABASE_ROLE: 'nobody_there' }, /^DATABASE_ROLE: the role nobody_there does not exist\. db:deploy makes it\.$/],
    [
      { POOL_MAX: '9999' },
      /^POOL_MAX is 9999: with 6 more for jobs and notifications that exceeds the \d+ connections that the server allows\.$/,
    ],
  ]
  for (const [settings, sentence] of faults) {
    await expect(open(settings)).rejects.toMatchObject({ name: 'SetupError', message: expect.stringMatching(sentence) })
  }
  await empty.drop()
})

test('a server whose connections are nearly taken is worth a warning', async () => {
  const [free] = await query<{ free: number }>(home.ownerUrl, `SELECT current_setting('max_connections')::int - 3 AS free`)
  const { warnings } = await open({ POOL_MAX: String((free?.free ?? 0) - 6) })
  expect(warnings).toEqual([
    expect.stringMatching(/^Only \d+ of the server's \d+ connections are free; this process may take \d+ \(POOL_MAX \d+\)\.$/),
  ])
})
