import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { asAppError, db, transaction, type Tx } from '#db'
import { createTestDatabase } from '../../test/database.ts'
import { startProxy } from '../../test/proxy.ts'
import { ada, called, openSpine, reconnect, type Spine } from '../../test/spine.ts'
import { currentScope } from './unit.ts'

let spine: Spine
beforeAll(async () => {
  spine = await openSpine()
})
beforeEach(async () => {
  await reconnect(spine.database, {})
  await spine.ask('TRUNCATE teams.teams, core.activity, core.outbox CASCADE')
})
afterAll(() => spine[Symbol.asyncDispose]())

const create = (tx: Tx<'teams'>, slug: string): Promise<unknown> => tx.team.create({ data: { name: '', slug } })
const rename = (tx: Tx<'teams'>, slug: string, name: string): Promise<unknown> => tx.team.updateMany({ where: { slug }, data: { name } })
const names = async (): Promise<unknown[]> => (await spine.ask('SELECT name FROM teams.teams ORDER BY slug')).map(({ name }) => name)
const makeTeams = (...slugs: string[]): Promise<void> =>
  transaction('teams', ada, async (tx) => {
    for (const slug of slugs) await create(tx, slug)
  })
/** SQL that a service cannot send. */
const sql = async (text: string): Promise<pg.QueryResult> => {
  const connection = currentScope()?.unit.connection
  if (!connection) throw new Error('not in a transaction')
  return (connection as pg.Client).query(text)
}
const backend = async (): Promise<number> => Number((await sql('SELECT pg_backend_pid() AS pid')).rows[0]?.pid)
const kill = (pid: number): Promise<unknown> => spine.ask('SELECT pg_terminate_backend($1)', [pid])

/** Lets two transactions wait for each other in their first attempt, so that they surely collide. */
function meeting(): () => Promise<void> {
  let arrived = 0
  const both = Promise.withResolvers<undefined>()
  return async () => {
    arrived += 1
    if (arrived === 2) both.resolve(undefined)
    await both.promise
  }
}

/** Somebody else, who holds a lock until told to let go. */
async function holdLock(text: string): Promise<() => Promise<void>> {
  const other = new pg.Client({ connectionString: spine.database.ownerUrl })
  await other.connect()
  await other.query(`BEGIN; ${text}`)
  return () => other.end()
}

test('two transactions that deadlock both have their effect once', async () => {
  await makeTeams('a', 'b')
  let runs = 0
  const meet = meeting()
  const swap = (first: string, second: string): Promise<void> =>
    transaction('teams', ada, async (tx) => {
      runs += 1
      for (const slug of [first, second]) {
        const row = await tx.lock('team', { slug })
        await rename(tx, slug, `${row?.name}+`)
        await meet()
      }
      tx.record('teams.trial.made', {}, { step: first })
    })
  await Promise.all([swap('a', 'b'), swap('b', 'a')])
  expect(await names()).toEqual(['++', '++'])
  expect([await spine.count('core.activity'), await spine.count('core.outbox')]).toEqual([2, 2])
  expect(runs).toBeGreaterThan(2)
})

test('two serializable transactions that cannot both be right both have their effect once', async () => {
  const url = new URL(spine.database.url)
  url.searchParams.set('options', '-c default_transaction_isolation=serializable')
  await reconnect(spine.database, {}, url.href)
  await makeTeams('a')
  let runs = 0
  const meet = meeting()
  const add = (): Promise<void> =>
    transaction('teams', ada, async (tx) => {
      runs += 1
      const row = await tx.team.findFirstOrThrow({ where: { slug: 'a' } })
      await meet()
      await rename(tx, 'a', `${row.name}+`)
    })
  await Promise.all([add(), add()])
  expect(await names()).toEqual(['++'])
  expect(runs).toBeGreaterThan(2)
})

test('a collision that the function catches is mended all the same', async () => {
  let runs = 0
  await transaction('teams', ada, async (tx) => {
    runs += 1
    await create(tx, `run-${runs}`)
    if (runs === 1) await sql(`DO $$ BEGIN RAISE EXCEPTION 'collision' USING ERRCODE = '40001'; END $$`).catch(() => undefined)
    await rename(tx, `run-${runs}`, 'done').catch(() => undefined)
  })
  expect([runs, await names()]).toEqual([2, ['done']])
})

test('what collides every time is told to try later after five attempts, and leaves nothing', async () => {
  let runs = 0
  const always = transaction('teams', ada, async (tx) => {
    runs += 1
    await create(tx, `team-${runs}`)
    await sql(`DO $$ BEGIN RAISE EXCEPTION 'collision' USING ERRCODE = '40001'; END $$`)
  })
  await expect(always).rejects.toMatchObject({ code: 'CONFLICT', details: { reason: 'TOO_BUSY' } })
  expect([runs, await spine.count('teams.teams')]).toEqual([5, 0])
})

test('a lock that comes after a while is waited for in several attempts', async () => {
  await makeTeams('a')
  await reconnect(spine.database, { LOCK_TIMEOUT_MS: '100' })
  const letGo = await holdLock(`SELECT * FROM teams.teams FOR UPDATE`)
  let runs = 0
  await transaction('teams', ada, async (tx) => {
    runs += 1
    if (runs === 2) await letGo()
    await rename(tx, 'a', 'done')
  })
  expect([runs, await names()]).toEqual([2, ['done']])
})

test('a lock that does not come is TOO_BUSY', async () => {
  await makeTeams('a')
  await reconnect(spine.database, { LOCK_TIMEOUT_MS: '50' })
  const letGo = await holdLock(`SELECT * FROM teams.teams FOR UPDATE`)
  const work = transaction('teams', ada, async (tx) => rename(tx, 'a', 'done'))
  await expect(work).rejects.toMatchObject({ code: 'CONFLICT', details: { reason: 'TOO_BUSY' }, cause: { code: '55P03' } })
  await letGo()
})

test('a statement over its time limit is UNAVAILABLE, once, and the connection serves on', async () => {
  await reconnect(spine.database, { STATEMENT_TIMEOUT_MS: '100', POOL_MAX: '1' })
  let runs = 0
  const slow = transaction('teams', ada, async (tx) => {
    runs += 1
    await create(tx, 'slow')
    await sql('SELECT pg_sleep(5)')
  })
  await expect(slow).rejects.toMatchObject({ code: 'UNAVAILABLE', cause: { code: '57014' } })
  await makeTeams('next')
  expect([runs, await spine.count('teams.teams')]).toEqual([1, 1])
})

test('a function that never ends is given up when its time is up: its caller is told, nothing stays, and the connection is free', async () => {
  await reconnect(spine.database, { TRANSACTION_TIMEOUT_MS: '100', POOL_MAX: '1' })
  let late: Promise<unknown> | undefined
  const hangs = transaction('teams', ada, async (tx) => {
    await tx.team.create({ data: { name: 'Never', slug: 'never' } })
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    late = (async () => tx.team.findMany())().catch((error: unknown) => error)
    return late
  })
  const begun = performance.now()
  await expect(hangs).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  expect(performance.now() - begun).toBeLessThan(1_300)
  expect(await spine.ask(`SELECT FROM teams.teams WHERE slug = 'never'`)).toEqual([])
  await transaction('teams', ada, async (tx) => tx.team.findFirst())
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  expect(String(await late)).toContain('has ended')
  await reconnect(spine.database, {})
})

test('a transaction over its time limit is UNAVAILABLE and does nothing after it', async () => {
  await reconnect(spine.database, { TRANSACTION_TIMEOUT_MS: '100', POOL_MAX: '1' })
  const late: unknown[] = []
  const slow = transaction('teams', ada, async (tx) => {
    await create(tx, 'early')
    await pause(300)
    const attempts = [tx.lock('team', { slug: 'early' }), create(tx, 'late'), tx.notify('plinth_revoked', 'late')]
    late.push(...(await Promise.allSettled(attempts)).map(({ status }) => status))
  })
  await expect(slow).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  await makeTeams('next')
  expect(late).toEqual(['rejected', 'rejected', 'rejected'])
  expect(await spine.ask('SELECT slug FROM teams.teams')).toEqual([{ slug: 'next' }])
})

test('a full pool is UNAVAILABLE in its time, and nothing is done', { retry: 3 }, async () => {
  await reconnect(spine.database, { POOL_MAX: '2', POOL_WAIT_MS: '200' })
  let runs = 0
  const hold = (): Promise<void> =>
    transaction('teams', ada, async () => {
      runs += 1
      await pause(600)
    })
  const held = [hold(), hold()]
  await pause(100)
  const startedAt = Date.now()
  await expect(hold()).rejects.toMatchObject({ code: 'UNAVAILABLE', details: { retryAfterSeconds: 1 } })
  expect(Date.now() - startedAt).toBeLessThan(450)
  await Promise.all(held)
  expect(runs).toBe(2)
})

test('a killed backend is no loss: the transaction runs again, also without a key, for nothing of it can have stayed', async () => {
  let runs = 0
  await transaction('teams', ada, async (tx) => {
    runs += 1
    await create(tx, `run-${runs}`)
    tx.record('teams.trial.made', {}, { step: 'one' })
    if (runs < 3) await kill(await backend())
    await rename(tx, `run-${runs}`, 'done')
  })
  expect(await spine.ask('SELECT slug, name FROM teams.teams')).toEqual([{ slug: 'run-3', name: 'done' }])
  expect([await spine.count('core.activity'), await spine.count('core.outbox')]).toEqual([1, 1])
})

test('a connection that broke before COMMIT was sent leaves no doubt', async () => {
  let runs = 0
  await transaction('teams', ada, async (tx) => {
    runs += 1
    await create(tx, `run-${runs}`)
    if (runs === 2) return
    await kill(await backend())
    await pause(50)
  })
  expect(await spine.ask('SELECT slug FROM teams.teams')).toEqual([{ slug: 'run-2' }])
})

test('connections that die while idle are replaced without a word, the very first one too', async () => {
  const killAll = (): Promise<unknown> =>
    spine.ask(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'plinth' AND datname = current_database()`)
  await killAll()
  await pause(50)
  await Promise.all(Array.from({ length: 5 }, () => transaction('teams', ada, async () => pause(20))))
  await killAll()
  await Promise.all(Array.from({ length: 5 }, (_, n) => makeTeams(`team-${n}`)))
  expect(await spine.count('teams.teams')).toBe(5)
})

test('a database that is gone is UNAVAILABLE, inside transactions and outside', async () => {
  const proxy = await startProxy(spine.database.url)
  await reconnect(spine.database, {}, proxy.url)
  await makeTeams('before')
  await proxy[Symbol.asyncDispose]()
  await expect(makeTeams('after')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  const read: unknown = await db('teams').team.count().catch(asAppError)
  expect(read).toMatchObject({ code: 'UNAVAILABLE' })
})

test('after a migration changed a table every connection goes on as if nothing had happened, inside transactions and outside', async () => {
  const kinds: (() => Promise<unknown>)[] = [
    () => db('teams').teamInvitation.findMany(),
    () => transaction('teams', ada, async (tx) => tx.teamInvitation.findMany()),
    () => transaction('teams', ada, async (tx) => tx.lock('teamInvitation', { email: 'ada@example.org' })),
  ]
  for (const kind of kinds) {
    const onAll = (): Promise<unknown> => Promise.all(Array.from({ length: 10 }, kind))
    await onAll()
    await spine.ask('ALTER TABLE teams.invitations ALTER COLUMN email TYPE varchar(320)')
    await onAll()
    await spine.ask('ALTER TABLE teams.invitations ALTER COLUMN email TYPE text')
    await onAll()
  }
})

test('a transaction that is stuck in another database delays nothing here', async () => {
  await using elsewhere = await createTestDatabase()
  const stuck = new pg.Client({ connectionString: elsewhere.ownerUrl })
  await stuck.connect()
  await stuck.query('BEGIN; INSERT INTO core.sequencers (service) VALUES ($$stuck$$)')
  await called({ key: 'k' }, () => transaction('teams', ada, async (tx) => tx.record('teams.trial.made', {}, { step: 'one' })))
  expect(await spine.count('core.outbox')).toBe(1)
  await stuck.end()
})
