import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { readConfig } from '#lib/config.ts'
import { log } from '#lib/log.ts'
import { openSpine, type Spine } from '../../test/spine.ts'
import { openPool } from './pool.ts'
import { houseSchedules } from './schedules.ts'

log.level = 'silent'
let spine: Spine
let owner: pg.Pool
let application: pg.Pool

beforeAll(async () => {
  spine = await openSpine()
  const { database } = spine
  owner = new pg.Pool({ connectionString: database.ownerUrl, max: 2 })
  owner.on('error', () => undefined)
  application = openPool(readConfig({ DATABASE_URL: database.url, PLINTH_SECRET: 'x'.repeat(32) }), 2, log)
})

afterAll(async () => {
  await owner.end()
  await application.end()
  await spine[Symbol.asyncDispose]()
})

beforeEach(() => owner.query('TRUNCATE core.feed, core.inbox, core.idempotency_keys, core.activity_origins'))

const run = (name: string) =>
  houseSchedules(application)
    .find((each) => each.name === name)
    ?.run()

const count = async (table: string) => Number((await owner.query(`SELECT count(*) FROM ${table}`)).rows[0].count)

test('what has served its time goes, what has not stays', async () => {
  const ages = `unnest(ARRAY['1 hour', '23 hours', '25 hours', '29 days', '31 days', '89 days', '91 days']::interval[]) AS age`
  await owner.query(
    `INSERT INTO core.activity_origins SELECT 'auth', gen_random_uuid(), '192.0.2.1', null, core.clock() - age FROM ${ages}`,
  )
  await owner.query(`INSERT INTO core.idempotency_keys SELECT 'auth', 'x', 'x', age::text, '', null, core.clock() - age FROM ${ages}`)
  await owner.query(`INSERT INTO core.inbox SELECT 'auth', 'auth.x', gen_random_uuid(), core.clock() - age FROM ${ages}`)
  await owner.query(
    `INSERT INTO core.error_log (service, id, created_at, type, message, stack, same_as)
     SELECT 'core', gen_random_uuid(), core.clock() - age, 'Error', '', '', '' FROM ${ages}`,
  )
  for (const name of ['core.activity_origins', 'core.idempotency_keys', 'core.inbox', 'core.error_log']) await run(name)
  expect(await count('core.error_log')).toBe(4)
  expect(await count('core.activity_origins')).toBe(4)
  expect(await count('core.idempotency_keys')).toBe(2)
  expect(await count('core.inbox')).toBe(6)
})

test('activity is kept for thirteen whole months, and the application can take no younger one away', async () => {
  const months = async () =>
    (
      await owner.query<{ month: string }>(
        `SELECT right(inhrelid::regclass::text, 7) AS month FROM pg_inherits WHERE inhparent = 'core.activity'::regclass`,
      )
    ).rows
      .map(({ month }) => month)
      .toSorted()
  const before = await months()
  await owner.query(`DO $$ BEGIN
    FOR age IN 12 .. 15 LOOP
      EXECUTE format('CREATE TABLE core.%I PARTITION OF core.activity FOR VALUES FROM (%L) TO (%L)',
        'activity_' || to_char(date_trunc('month', core.clock()) - make_interval(months => age), 'YYYY_MM'),
        date_trunc('month', core.clock()) - make_interval(months => age), date_trunc('month', core.clock()) - make_interval(months => age - 1));
    END LOOP;
  END $$`)
  const all = await months()
  await run('core.activity_retention')
  expect(all.length).toBe(before.length + 4)
  expect(await months()).toEqual(all.slice(2))
  await expect(application.query(`DROP TABLE core.activity_${all.at(-1)}`)).rejects.toThrow(/must be owner/)
  await owner.query(`DROP TABLE core.activity_${all[2]}, core.activity_${all[3]}`)
})

test('many pages of old rows all go', async () => {
  await owner.query(
    `INSERT INTO core.inbox SELECT 'auth', 'auth.x', gen_random_uuid(), core.clock() - interval '1 year' FROM generate_series(1, 12001)`,
  )
  await run('core.inbox')
  expect(await count('core.inbox')).toBe(0)
})

test('the feed loses its beginning alone: an old event among young ones stays', async () => {
  const days = [40, 39, 36, 10, 50, 1]
  await owner.query(
    `INSERT INTO core.feed (service, position, event_id, event, actor_kind, data, created_at)
     SELECT 'teams', position, gen_random_uuid(), 'teams.team.created', 'SYSTEM', '{}', core.clock() - make_interval(days => age)
     FROM unnest($1::int[]) WITH ORDINALITY AS old (age, position)`,
    [days],
  )
  await owner.query(`UPDATE core.sequencers SET position = 6 WHERE service = 'teams'`)
  await run('core.feed')
  const { rows } = await owner.query<{ position: string }>('SELECT position FROM core.feed ORDER BY position')
  expect(rows.map(({ position }) => Number(position))).toEqual([4, 5, 6])
})

test('the partitions of the activity log are made ahead by the application, which owns none', async () => {
  await owner.query(`DO $$ DECLARE name text; BEGIN
    SELECT format('core.activity_%s', to_char(core.clock() + interval '2 months', 'YYYY_MM')) INTO name; EXECUTE 'DROP TABLE ' || name; END $$`)
  await run('core.activity_partitions')
  const { rows } = await owner.query(
    `SELECT to_regclass('core.activity_' || to_char(core.clock() + interval '2 months', 'YYYY_MM')) IS NOT NULL AS there`,
  )
  expect(rows).toEqual([{ there: true }])
})

test('each schedule of the house is named once and has a turn at least daily', () => {
  const schedules = houseSchedules(application)
  expect(new Set(schedules.map(({ name }) => name)).size).toBe(schedules.length)
  for (const { cron } of schedules) expect(cron).toMatch(/^\d+ (\d+|\*) \* \* \*$/)
})
