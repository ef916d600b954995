import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { refuse, transaction } from '#db'
import { AppError } from '#lib/errors.ts'
import { type Cut, type Proxy, startProxy } from '../../test/proxy.ts'
import { ada, called, type CallOptions, openSpine, reconnect, type Spine } from '../../test/spine.ts'

let spine: Spine
let proxy: Proxy
let runs = 0
beforeAll(async () => {
  spine = await openSpine({}, async (url) => (proxy = await startProxy(url)).url)
})
beforeEach(async () => {
  runs = 0
  await spine.ask('TRUNCATE teams.teams, core.activity, core.outbox, core.idempotency_keys CASCADE')
})
afterAll(async () => {
  await spine[Symbol.asyncDispose]()
  await proxy[Symbol.asyncDispose]()
})

const mutate = (options: CallOptions): Promise<unknown> =>
  called(options, () =>
    transaction('teams', ada, async (tx) => {
      runs += 1
      await tx.team.create({ data: { name: 'a team', slug: `team-${runs}` } })
      tx.record('teams.trial.made', {}, { step: 'one' })
      return { run: runs }
    }),
  )
const effects = async (): Promise<number[]> => [
  await spine.count('teams.teams'),
  await spine.count('core.activity'),
  await spine.count('core.outbox'),
]

const places: Cut[] = ['BEFORE_COMMIT', 'DURING_COMMIT', 'AFTER_COMMIT']

for (const where of places) {
  test(`a keyed call whose connection breaks ${where} has one effect and gets the answer of that effect`, async () => {
    for (const key of ['a', 'b']) {
      proxy.cut(where)
      const answer = await mutate({ key })
      expect(await mutate({ key })).toEqual(answer)
    }
    expect(await effects()).toEqual([2, 2, 2])
  })

  test(`a keyed call with a secret whose connection breaks ${where} has one effect, and its secret is not lost`, async () => {
    for (const key of ['a', 'b']) {
      proxy.cut(where)
      const answer = (await mutate({ key, secret: true })) as { run: number }
      expect(await spine.ask('SELECT FROM teams.teams WHERE slug = $1', [`team-${answer.run}`])).toHaveLength(1)
    }
    expect(await effects()).toEqual([2, 2, 2])
  })

  test(`a call without a key whose connection breaks ${where} has 0 or 1 effects and is told so`, async () => {
    proxy.cut(where)
    await expect(mutate({})).rejects.toMatchObject({ code: 'UNKNOWN_OUTCOME' })
    const [rows, ...others] = await effects()
    expect(rows).toBe(where === 'BEFORE_COMMIT' ? 0 : where === 'AFTER_COMMIT' ? 1 : rows)
    expect(others).toEqual([rows, rows])
    expect(runs).toBe(1)
  })
}

test('a call whose COMMIT is lost every time is told so, and has one effect when the client sends it again', async () => {
  proxy.cut('BEFORE_COMMIT', 5)
  await expect(mutate({ key: 'k' })).rejects.toMatchObject({ code: 'UNKNOWN_OUTCOME' })
  expect(await mutate({ key: 'k' })).toEqual({ run: 6 })
  expect(await mutate({ key: 'k' })).toEqual({ run: 6 })
  expect(await effects()).toEqual([1, 1, 1])
})

test('what the key kept is given, also when the commit of looking it up is lost', async () => {
  await mutate({ key: 'k' })
  proxy.cut('AFTER_COMMIT')
  expect(await mutate({ key: 'k' })).toEqual({ run: 1 })
})

test('once the key is claimed again it is certain that the lost COMMIT was none, and the answer is a plain one', async () => {
  proxy.cut('BEFORE_COMMIT')
  let attempts = 0
  const changing = called({ key: 'k' }, () =>
    transaction('teams', ada, async () => {
      attempts += 1
      if (attempts === 2) throw new AppError('NOT_FOUND', 'Gone meanwhile.')
    }),
  )
  await expect(changing).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

test('a refusal stands, whatever became of its COMMIT', async () => {
  proxy.cut('AFTER_COMMIT')
  const refused = called({ key: 'k' }, () => transaction('teams', ada, async () => refuse('FORBIDDEN', 'No.')))
  await expect(refused).rejects.toMatchObject({ code: 'FORBIDDEN' })
})

test('a keyed mutation of one row is five round trips', async () => {
  await mutate({ key: 'warm' })
  proxy.forget()
  await mutate({ key: 'k' })
  expect(proxy.trips.map((sql) => sql.trim().split(/\s+/).slice(0, 3).join(' '))).toEqual([
    "BEGIN; SELECT set_config('app.actor',",
    'INSERT INTO core.idempotency_keys',
    'INSERT INTO "teams"."teams"',
    'WITH record AS',
    'COMMIT',
  ])
  proxy.forget()
  await transaction('teams', ada, async (tx) => tx.team.count())
  expect(proxy.trips).toHaveLength(3)
})

test('a connection that falls silent is given up, and its place in the pool is free again', async () => {
  const settings = { STATEMENT_TIMEOUT_MS: '100', POOL_WAIT_MS: '300', POOL_MAX: '1' }
  await reconnect(spine.database, settings, proxy.url)
  await mutate({})
  proxy.blackHole(true)
  await expect(mutate({})).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  proxy.blackHole(false)
  await mutate({})
  expect(await effects()).toEqual([2, 2, 2])
}, 30_000)
