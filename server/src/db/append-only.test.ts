import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { transaction } from '#db'
import { ada, called, openSpine, type Spine } from '../../test/spine.ts'

let spine: Spine
let application: pg.Client
beforeAll(async () => {
  spine = await openSpine()
  application = new pg.Client({ connectionString: spine.database.url, options: '-c role=plinth_app' })
  await application.connect()
  await called({}, () => transaction('teams', ada, async (tx) => tx.record('teams.trial.made', {}, { step: 'one' })))
})
afterAll(async () => {
  await application.end()
  await spine[Symbol.asyncDispose]()
})

const partitions = async (): Promise<string[]> =>
  (await spine.ask(`SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'core.activity'::regclass`)).map(
    ({ name }) => String(name),
  )

test('T11 the application cannot change, remove or truncate what was recorded, nor any partition of it', async () => {
  const tables = ['core.activity', ...(await partitions())]
  expect(tables.length).toBeGreaterThan(3)
  for (const table of tables) {
    for (const attempt of [`UPDATE ${table} SET event = 'x'`, `DELETE FROM ${table}`, `TRUNCATE ${table}`, `DROP TABLE ${table}`]) {
      await expect(application.query(attempt), attempt).rejects.toMatchObject({ code: '42501' })
    }
  }
  expect(await spine.ask('SELECT event, data FROM core.activity')).toEqual([{ event: 'teams.trial.made', data: { step: 'one' } }])
})

test('T11 the application cannot give itself the right', async () => {
  await expect(application.query('ALTER TABLE core.activity OWNER TO plinth_app')).rejects.toMatchObject({ code: '42501' })
  await application.query('GRANT ALL ON core.activity TO plinth_app').catch(() => undefined)
  const rights = await spine.ask(`SELECT has_table_privilege('plinth_app', 'core.activity', 'UPDATE, DELETE, TRUNCATE') AS any`)
  expect(rights).toEqual([{ any: false }])
})

test('origins, feed and inbox can be removed when they have served, and never be changed', async () => {
  for (const table of ['core.activity_origins', 'core.outbox', 'core.feed', 'core.inbox', 'core.error_log']) {
    await expect(application.query(`UPDATE ${table} SET service = 'x'`), table).rejects.toMatchObject({ code: '42501' })
    await expect(application.query(`TRUNCATE ${table}`), table).rejects.toMatchObject({ code: '42501' })
    await application.query(`DELETE FROM ${table} WHERE false`)
  }
})
