import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { apart, purgeExpiredKeys, refuse, transaction } from '#db'
import { AppError } from '#lib/errors.ts'
import { ada, called, type CallOptions, openSpine, type Spine } from '../../test/spine.ts'

let spine: Spine
let runs = 0
beforeAll(async () => {
  spine = await openSpine()
})
beforeEach(async () => {
  runs = 0
  await spine.ask('TRUNCATE teams.teams, core.activity, core.outbox, core.idempotency_keys CASCADE')
})
afterAll(() => spine[Symbol.asyncDispose]())

/** A mutation: makes a team of which the database does not ask that it be one. */
const mutate = (options: CallOptions, result: unknown = { madeAt: new Date(0), size: 1n, note: undefined }): Promise<unknown> =>
  called(options, () =>
    transaction('teams', ada, async (tx) => {
      runs += 1
      const slug = `team-${runs}-${Math.random()}`
      await tx.team.create({ data: { name: 'a team', slug } })
      tx.record('teams.trial.made', {}, { step: 'one' })
      return result
    }),
  )
const effects = async (): Promise<number[]> => [
  await spine.count('teams.teams'),
  await spine.count('core.activity'),
  await spine.count('core.outbox'),
]

test('a call sent twice has one effect and one answer, with its dates and big numbers', async () => {
  const first = await mutate({ key: 'k' })
  expect(await mutate({ key: 'k' })).toEqual(first)
  expect(first).toEqual({ madeAt: new Date(0), size: 1n, note: undefined })
  expect([runs, await effects()]).toEqual([1, [1, 1, 1]])
})

test('a call sent twenty times at once has one effect, and all get its answer', async () => {
  const results = await Promise.all(Array.from({ length: 20 }, (_, n) => mutate({ key: 'k' }, `run ${n}`)))
  expect(new Set(results).size).toBe(1)
  expect([runs, await effects()]).toEqual([1, [1, 1, 1]])
})

test('a key is of one owner and one procedure, and calls without a key are calls of their own', async () => {
  await mutate({ key: 'k' })
  await mutate({ key: 'another' })
  await mutate({})
  await mutate({})
  expect(await effects()).toEqual([4, 4, 4])
})

test('a key that comes again with another input is refused', async () => {
  await mutate({ key: 'k', input: 'this' })
  await expect(mutate({ key: 'k', input: 'that' })).rejects.toMatchObject({ code: 'CONFLICT', details: { reason: 'KEY_REUSED' } })
  expect(await effects()).toEqual([1, 1, 1])
})

test('a result that holds a secret is stored nowhere, and the repeat is told that it was done', async () => {
  expect(await mutate({ key: 'k', secret: true }, { token: 'top-secret' })).toEqual({ token: 'top-secret' })
  await expect(mutate({ key: 'k', secret: true }, { token: 'top-secret' })).rejects.toMatchObject({ code: 'ALREADY_DONE' })
  const stored = await spine.ask(`SELECT row_to_json(k)::text AS row FROM core.idempotency_keys k`)
  expect(JSON.stringify(stored)).not.toContain('top-secret')
  expect(await effects()).toEqual([1, 1, 1])
})

test('a result over 64 kB is not kept', async () => {
  await mutate({ key: 'small' }, 'x'.repeat(60_000))
  await mutate({ key: 'large' }, 'x'.repeat(70_000))
  expect(await mutate({ key: 'small' })).toHaveLength(60_000)
  await expect(mutate({ key: 'large' })).rejects.toMatchObject({ code: 'ALREADY_DONE' })
})

test('an output that the procedure may not give is found before the commit', async () => {
  const output = (): never => {
    throw new Error('not the output')
  }
  await expect(mutate({ key: 'k', output })).rejects.toThrow('not the output')
  expect(await effects()).toEqual([0, 0, 0])
  expect(await mutate({ key: 'k', output: (result) => ({ checked: result }) }, 'fine')).toEqual({ checked: 'fine' })
  expect(await mutate({ key: 'k', output: (result) => ({ checked: result }) }, 'again')).toEqual({ checked: 'fine' })
})

test('a refusal gives the key back: the same call is decided anew', async () => {
  let mayDo = false
  const attempt = (): Promise<string> =>
    called({ key: 'k' }, () =>
      transaction('teams', ada, async (tx) => {
        tx.record('teams.trial.made', {}, { step: mayDo ? 'done' : 'refused' })
        return mayDo ? 'done' : refuse('FORBIDDEN', 'Not yet.')
      }),
    )
  await expect(attempt()).rejects.toMatchObject({ code: 'FORBIDDEN' })
  expect(await spine.count('core.idempotency_keys')).toBe(0)
  mayDo = true
  expect(await attempt()).toBe('done')
  expect(await spine.count('core.activity')).toBe(2)
})

test('twins of a refused call are each decided, one after the other', async () => {
  const attempts = Array.from({ length: 5 }, () =>
    called({ key: 'k' }, () =>
      transaction('teams', ada, async (tx) => {
        tx.record('teams.trial.made', {}, { step: 'refused' })
        return refuse('FORBIDDEN', 'No.')
      }),
    ),
  )
  const codes = (await Promise.allSettled(attempts)).map((one) => one.status === 'rejected' && (one.reason as AppError).code)
  expect(codes).toEqual(Array(5).fill('FORBIDDEN'))
  expect(await spine.count('core.activity')).toBe(5)
})

test('a call that was rolled back gives the key back', async () => {
  const failing = called({ key: 'k' }, () =>
    transaction('teams', ada, async () => {
      throw new AppError('NOT_FOUND', 'Nothing there.')
    }),
  )
  await expect(failing).rejects.toMatchObject({ code: 'NOT_FOUND' })
  await mutate({ key: 'k' })
  expect(await effects()).toEqual([1, 1, 1])
})

test('a key older than a day is a new call, and is swept away', async () => {
  const age = (hours: number): Promise<unknown> =>
    spine.ask('UPDATE core.idempotency_keys SET created_at = core.clock() - make_interval(hours => $1)', [hours])
  await mutate({ key: 'k' }, 'first')
  await age(23)
  expect(await mutate({ key: 'k' }, 'second')).toBe('first')
  await age(24)
  expect(await mutate({ key: 'k' }, 'third')).toBe('third')
  expect(await mutate({ key: 'k' }, 'fourth')).toBe('third')
  expect(await purgeExpiredKeys()).toBe(0)
  await age(24)
  expect(await purgeExpiredKeys()).toBe(1)
})

test('a second outermost transaction of a keyed call is refused, unless it is apart', async () => {
  const twice = called({ key: 'k' }, async () => {
    await transaction('teams', ada, async () => 'first')
    return transaction('teams', ada, async () => 'second')
  })
  await expect(twice).rejects.toThrow('opened a second transaction')
  const counted = called({ key: 'other' }, async () => {
    await apart(() => transaction('teams', ada, async (tx) => tx.record('teams.trial.made', {}, { step: 'counted' })))
    return transaction('teams', ada, async () => 'done')
  })
  expect(await counted).toBe('done')
  expect(await spine.ask('SELECT result FROM core.idempotency_keys ORDER BY key')).toEqual([
    { result: { json: 'first' } },
    { result: { json: 'done' } },
  ])
})
