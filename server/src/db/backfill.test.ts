import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createTestDatabase, query, type TestDatabase } from '../../test/database.ts'
import { eventually } from '../../test/outbox.ts'

let database: TestDatabase
const ask = <Row extends pg.QueryResultRow>(sql: string): Promise<Row[]> => query<Row>(database.ownerUrl, sql)
const empty = async (): Promise<number> => (await ask<{ n: number }>('SELECT count(*)::int AS n FROM t WHERE b IS NULL'))[0]?.n ?? -1

beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())
beforeEach(async () => {
  await ask(`DROP TABLE IF EXISTS t`)
  await ask(`CREATE TABLE t AS SELECT gen_random_uuid() AS id, n AS a, NULL::int AS b FROM generate_series(1, 2500) AS n`)
  await ask('ALTER TABLE t ADD PRIMARY KEY (id)')
})

test('a backfill fills what is empty and can be filled, and leaves the rest as it is', async () => {
  await ask('UPDATE t SET b = 0 WHERE a <= 10')
  await ask('UPDATE t SET a = NULL WHERE a = 2500')
  await ask(`CALL core.backfill('t', 'b', 'a * 2', batch => 300, pause_ms => 0)`)
  expect(await ask('SELECT count(*)::int AS n, sum(b)::int AS sum FROM t WHERE b IS NOT NULL')).toEqual([
    { n: 2499, sum: 2499 * 2500 - 110 },
  ])
})

test('a backfill commits each batch, passes over rows that somebody holds, and fills them when they are free', async () => {
  const holder = new pg.Client({ connectionString: database.ownerUrl })
  await holder.connect()
  await holder.query('BEGIN; SELECT FROM t WHERE a = 7 FOR UPDATE')
  const filling = ask(`CALL core.backfill('t', 'b', 'a', batch => 300)`)
  await eventually(async () => (await empty()) === 1)
  await holder.query('COMMIT')
  await holder.end()
  await filling
  expect(await empty()).toBe(0)
})

test('a backfill that is ended goes on with what is still empty', async () => {
  const filling = ask(`CALL core.backfill('t', 'b', 'a', batch => 100, pause_ms => 200)`)
  const ended = expect(filling).rejects.toThrow('terminating connection')
  await eventually(async () => (await empty()) < 2500)
  await ask(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'CALL core.backfill%'`,
  )
  await ended
  expect(await empty()).toBeGreaterThan(0)
  await ask(`CALL core.backfill('t', 'b', 'a')`)
  expect(await empty()).toBe(0)
})

test('the application may not run a backfill', async () => {
  const [row] = await ask(`SELECT has_function_privilege('plinth_app', p.oid, 'EXECUTE') AS may FROM pg_proc p WHERE proname = 'backfill'`)
  expect(row).toEqual({ may: false })
})
