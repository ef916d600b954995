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

test('T11 nobody but the owner may do more than read the log and add to it, and nobody becomes the owner', async () => {
  const names = ['core.activity', ...(await partitions())]
  const rights = await spine.ask(
    `SELECT DISTINCT grantee::regrole::text AS who, privilege_type AS may FROM pg_class, aclexplode(relacl)
     WHERE oid = ANY ($1::regclass[]) AND grantee <> relowner ORDER BY 2`,
    [names],
  )
  expect(rights).toEqual([
    { who: 'plinth_app', may: 'INSERT' },
    { who: 'plinth_app', may: 'SELECT' },
  ])
  expect(await spine.ask(`SELECT attname FROM pg_attribute WHERE attrelid = ANY ($1::regclass[]) AND attacl IS NOT NULL`, [names])).toEqual(
    [],
  )
  expect(await spine.ask(`SELECT roleid::regrole FROM pg_auth_members WHERE member = 'plinth_app'::regrole`)).toEqual([])
  expect(await spine.ask(`SELECT rolsuper, rolcreaterole, rolbypassrls FROM pg_roles WHERE rolname = 'plinth_app'`)).toEqual([
    { rolsuper: false, rolcreaterole: false, rolbypassrls: false },
  ])
})

test('T11 what the application has done with the rights of the owner takes nothing of what was written', async () => {
  const asOwner = await spine.ask(
    `SELECT oid::regprocedure::text AS name FROM pg_proc WHERE prosecdef AND pronamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`,
  )
  expect(asOwner).toEqual([{ name: 'core.drop_old_activity()' }, { name: 'core.ensure_activity_partitions(integer)' }])
  const before = await spine.ask('SELECT * FROM core.activity')
  await application.query('SELECT core.drop_old_activity(), core.ensure_activity_partitions(3)')
  expect(await spine.ask('SELECT * FROM core.activity')).toEqual(before)
  expect(before).toHaveLength(1)
})

test('origins, feed and inbox can be removed when they have served, and never be changed', async () => {
  for (const table of ['core.activity_origins', 'core.outbox', 'core.feed', 'core.inbox', 'core.error_log']) {
    await expect(application.query(`UPDATE ${table} SET service = 'x'`), table).rejects.toMatchObject({ code: '42501' })
    await expect(application.query(`TRUNCATE ${table}`), table).rejects.toMatchObject({ code: '42501' })
    await application.query(`DELETE FROM ${table} WHERE false`)
  }
})
