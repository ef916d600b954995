import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { transaction } from '#db'
import { log } from '#lib/log.ts'
import { withCall } from '#lib/call.ts'
import { ada, openSpine, reconnect, type Spine } from '../../test/spine.ts'
import { advanceClock } from '#lib/clock.ts'
import { keepError, listErrors, settleErrors } from './error-log.ts'

let spine: Spine
beforeAll(async () => {
  log.level = 'silent'
  spine = await openSpine()
})
beforeEach(async () => {
  await settleErrors()
  await spine.ask('TRUNCATE core.error_log')
  advanceClock(61_000)
})
afterAll(() => spine[Symbol.asyncDispose]())

const kept = async () => {
  await settleErrors()
  return spine.ask<Record<string, string>>('SELECT * FROM core.error_log ORDER BY id')
}
const circumstances = { procedure: 'teams.create', requestId: 'request-1', actorId: ada.userId }

test('a fault in a transaction is kept, although nothing else of it is, and without the values of its message', async () => {
  const fault = await transaction('teams', ada, async (tx) => {
    await tx.team.create({ data: { name: 'Blue', slug: 'blue' } })
    throw Object.assign(new TypeError('no mail to anna@example.com', { cause: new Error('"hunter2" was refused') }), { code: 'EENVELOPE' })
  }).catch((error: unknown) => error)
  keepError(fault, circumstances)
  const [row, ...more] = await kept()
  expect(more).toEqual([])
  expect(row).toMatchObject({ service: 'teams', procedure: 'teams.create', request_id: 'request-1', actor_id: ada.userId })
  expect(row).toMatchObject({ type: 'TypeError', code: 'EENVELOPE', message: 'no mail to [email]' })
  expect(row?.['stack']).toMatch(/error-log\.test\.ts:\d+[^]*caused by Error: \[value\] was refused\n +at /)
  expect(JSON.stringify(row)).not.toMatch(/anna@|hunter2/)
  expect(await spine.count('teams.teams')).toBe(0)
})

test('inside a transaction it goes past it, and does not wait for it', async () => {
  await transaction('teams', ada, async (tx) => {
    await tx.team.create({ data: { name: 'Red', slug: 'red' } })
    keepError(new Error('seen on the way'), circumstances)
    await settleErrors()
    expect(await kept()).toHaveLength(1)
    throw new Error('undone')
  }).catch(() => undefined)
  expect(await kept()).toHaveLength(1)
  expect(await spine.count('teams.teams')).toBe(0)
})

test('the same error that is met twice is one row, and what is no error is a row too', async () => {
  const fault = new Error('once')
  for (let turn = 0; turn < 3; turn++) keepError(fault, circumstances)
  keepError('a text with hunter2')
  keepError(undefined)
  expect((await kept()).map(({ message, service }) => [service, message])).toEqual([
    ['teams', 'once'],
    ['core', 'Something that is no error was thrown'],
    ['core', 'Something that is no error was thrown'],
  ])
})

test('a fault that is met at each call is kept ten times a minute, and does not hide another', async () => {
  const meet = () => keepError(new Error(`of its kind`), circumstances)
  for (let turn = 0; turn < 1_000; turn++) meet()
  keepError(new RangeError('another'), circumstances)
  const rows = await kept()
  expect(rows.map(({ message }) => message)).toEqual([...Array<string>(10).fill('of its kind'), 'another'])
  expect(new Set(rows.map(({ same_as }) => same_as)).size).toBe(2)
  advanceClock(61_000)
  meet()
  expect(await kept()).toHaveLength(12)
})

test('a database that cannot take it fails nobody and keeps nobody waiting', async () => {
  await spine.ask('ALTER TABLE core.error_log RENAME TO gone')
  const begun = performance.now()
  withCall({ requestId: 'r', procedure: 'p', address: null, userAgent: null, idempotency: null, output: null }, () =>
    expect(keepError(new Error('lost'))).toBeUndefined(),
  )
  expect(performance.now() - begun).toBeLessThan(50)
  await settleErrors()
  await spine.ask('ALTER TABLE core.gone RENAME TO error_log')
  expect(await kept()).toEqual([])
  await reconnect(spine.database, {})
})

test('they are listed newest first, page by page, and by request', async () => {
  for (const number of [1, 2, 3]) {
    keepError(new Error(`fault ${number}`), { ...circumstances, requestId: `request-${number}` })
    await settleErrors()
  }
  const first = await listErrors({ limit: 2 })
  expect(first.items.map(({ message }) => message)).toEqual(['fault 3', 'fault 2'])
  const second = await listErrors({ limit: 2, cursor: first.nextCursor ?? '' })
  expect(second.items.map(({ message }) => message)).toEqual(['fault 1'])
  const [one, ...others] = (await listErrors({ limit: 20, requestId: 'request-2' })).items
  expect(one).toMatchObject({ message: 'fault 2', actorId: ada.userId, procedure: 'teams.create', at: expect.any(Date) })
  expect(others).toEqual([])
})
