import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestDatabase, query } from '../../../test/database.ts'
import type { TestDatabase } from '../../../test/database.ts'
import { findDrift } from './drift.ts'
import { migrationsFolder } from './files.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createTestDatabase()
  await query(
    database.ownerUrl,
    `INSERT INTO core.activity (service, id, created_at, event, actor_kind, data) VALUES ('auth', gen_random_uuid(), core.clock(), 'x', 'SYSTEM', '{}')`,
  )
})

afterAll(() => database.drop())

/** What PostgreSQL answers the application's role: `ok`, or the SQLSTATE. */
async function asApplication(sql: string): Promise<string> {
  try {
    await query(database.url, `BEGIN; SET LOCAL ROLE plinth_app; ${sql}; ROLLBACK`)
    return 'ok'
  } catch (error) {
    return (error as { code: string }).code
  }
}

const thisMonth = async (): Promise<string> => {
  const [row] = await query<{ name: string }>(
    database.ownerUrl,
    `SELECT 'core.activity_' || to_char(now() AT TIME ZONE 'UTC', 'YYYY_MM') AS name`,
  )
  return row?.name ?? ''
}

describe("the application's role", () => {
  test('inserts and reads the activity log', async () => {
    expect(
      await asApplication(
        `INSERT INTO core.activity (service, id, created_at, event, actor_kind, data) VALUES ('auth', gen_random_uuid(), core.clock(), 'x', 'USER', '{}')`,
      ),
    ).toBe('ok')
    expect(await asApplication('SELECT * FROM core.activity')).toBe('ok')
  })

  test('cannot change, delete, truncate, detach or drop the activity log, nor any partition of it', async () => {
    const partition = await thisMonth()
    for (const table of ['core.activity', partition]) {
      expect([table, await asApplication(`UPDATE ${table} SET event = 'y'`)]).toEqual([table, '42501'])
      expect([table, await asApplication(`DELETE FROM ${table}`)]).toEqual([table, '42501'])
      expect([table, await asApplication(`TRUNCATE ${table}`)]).toEqual([table, '42501'])
      expect([table, await asApplication(`DROP TABLE ${table}`)]).toEqual([table, '42501'])
    }
    expect(await asApplication(`ALTER TABLE core.activity DETACH PARTITION ${partition}`)).toBe('42501')
  })

  test('has the partitions of coming months made, which are as closed as the others', async () => {
    expect(await asApplication('SELECT core.ensure_activity_partitions(6)')).toBe('ok')
    await query(database.ownerUrl, 'SELECT core.ensure_activity_partitions(6)')
    const partitions = await query<{ name: string }>(
      database.ownerUrl,
      `SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'core.activity'::regclass`,
    )
    expect(partitions).toHaveLength(8)
    for (const { name } of partitions) expect([name, await asApplication(`DELETE FROM ${name}`)]).toEqual([name, '42501'])
    expect(await asApplication('SELECT core.ensure_activity_partitions(2000)')).toBe('22023')
  })

  test('never changes what has happened: feed, outbox, inbox and origins are inserted and removed alone', async () => {
    for (const table of ['feed', 'outbox', 'inbox', 'activity_origins', 'error_log']) {
      expect([table, await asApplication(`DELETE FROM core.${table}`)]).toEqual([table, 'ok'])
      expect([table, await asApplication(`UPDATE core.${table} SET service = 'x'`)]).toEqual([table, '42501'])
      expect([table, await asApplication(`TRUNCATE core.${table}`)]).toEqual([table, '42501'])
    }
    expect(await asApplication('DELETE FROM core.sequencers')).toBe('42501')
  })

  test('makes no table, function or trigger, and does not move the clock', async () => {
    expect(await asApplication('CREATE TABLE teams.t (n int)')).toBe('42501')
    expect(await asApplication('CREATE OR REPLACE FUNCTION core.clock() RETURNS timestamptz LANGUAGE sql AS $$ SELECT now() $$')).toBe(
      '42501',
    )
    expect(await asApplication('ALTER TABLE teams.teams DISABLE TRIGGER ALL')).toBe('42501')
  })

  test('works on tables that later migrations make', async () => {
    await query(database.ownerUrl, 'CREATE TABLE teams.later (id bigserial PRIMARY KEY)')
    expect(await asApplication('INSERT INTO teams.later DEFAULT VALUES; UPDATE teams.later SET id = 5; DELETE FROM teams.later')).toBe('ok')
    expect(await asApplication('TRUNCATE teams.later')).toBe('42501')
    await query(database.ownerUrl, 'DROP TABLE teams.later')
  })
})

test('partitions are made once when many ask at the same time', async () => {
  await using fresh = await createTestDatabase()
  const made = await Promise.all(
    Array.from({ length: 6 }, () => query<{ n: number }>(fresh.ownerUrl, 'SELECT core.ensure_activity_partitions(9) AS n')),
  )
  expect(made.map(([row]) => row?.n).toSorted()).toEqual([0, 0, 0, 0, 0, 6])
})

describe('drift', () => {
  test('is none in a database that was only migrated', async () => {
    await using fresh = await createTestDatabase()
    expect(await findDrift(fresh.ownerUrl, migrationsFolder, ['jobs'])).toEqual([])
  })

  test('is every change by hand: columns, indexes, functions, triggers, rights and what the append-only log allows', async () => {
    await using fresh = await createTestDatabase()
    await query(
      fresh.ownerUrl,
      `ALTER TABLE teams.teams ADD COLUMN by_hand int, ALTER COLUMN name DROP NOT NULL;
       CREATE INDEX by_hand ON teams.members (role);
       ALTER FUNCTION core.clock() VOLATILE;
       ALTER TABLE teams.members DISABLE TRIGGER USER;
       GRANT TRUNCATE ON teams.teams TO plinth_app;
       GRANT DELETE ON ${await thisMonth()} TO plinth_app`,
    )
    const drift = (await findDrift(fresh.ownerUrl, migrationsFolder, ['jobs'])).map((line) => line.split('\n', 1)[0])
    expect(drift).toEqual(
      expect.arrayContaining([
        'column teams.teams.by_hand is in no migration',
        'column teams.teams.name is',
        'index teams.by_hand is in no migration',
        'function core.clock() is',
        'rights on teams.teams is',
        `the role plinth_app may DELETE ${await thisMonth()}`,
        'the role plinth_app may TRUNCATE teams.teams',
      ]),
    )
    expect(drift.some((line) => line?.startsWith('trigger teams.members.'))).toBe(true)
  })
})
