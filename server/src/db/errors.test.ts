import { expect, test } from 'vitest'
import { AppError } from '#lib/errors.ts'
import { asAppError, failureOf } from './errors.ts'

/** As pg throws it. */
const fromServer = (code: string, more: object = {}): Error =>
  Object.assign(new Error('the value was hush'), { code, severity: 'ERROR', ...more })
/** As Prisma wraps it. */
const fromPrisma = (originalCode: string, more: object = {}): Error =>
  Object.assign(new Error('Invalid `team.create()`: hush'), {
    code: 'P2010',
    meta: { driverAdapterError: { cause: { originalCode, ...more } } },
  })
const fromSocket = (code: string): Error => Object.assign(new Error('hush'), { code, syscall: 'connect', errno: -1 })

test('an error says why it came, whether pg or Prisma tells it', () => {
  const reasons: Record<string, string[]> = {
    COLLISION: ['40001', '40P01'],
    LOCKED: ['55P03'],
    UNREACHABLE: ['57P03', '53300', '25006'],
    LOST: ['57P01', '57P02', '08006', '08003', '25P03'],
    SLOW: ['57014'],
    FULL: ['53100', '53200'],
  }
  for (const [reason, states] of Object.entries(reasons)) {
    for (const state of states) expect([failureOf(fromServer(state)), failureOf(fromPrisma(state))], state).toEqual([reason, reason])
  }
  expect(['ECONNREFUSED', 'ENOTFOUND', 'ECONNRESET', 'EPIPE'].map((code) => failureOf(fromSocket(code)))).toEqual([
    'UNREACHABLE',
    'UNREACHABLE',
    'LOST',
    'LOST',
  ])
  expect(failureOf(new Error('timeout exceeded when trying to connect'))).toBe('CROWDED')
  expect(failureOf(new Error('Connection terminated unexpectedly'))).toBe('LOST')
  expect(failureOf(new Error('A query cannot be executed on an expired transaction.'))).toBe('SLOW')
  expect(failureOf(new Error('A query cannot be executed on a committed transaction.'))).toBeUndefined()
  expect(failureOf(fromServer('0A000', { message: 'cached plan must not change result type' }))).toBe('STALE_PLAN')
})

test('a fault of ours stays one: it is never tried again and never an answer', () => {
  for (const error of [
    fromServer('23505'),
    fromServer('42P01'),
    fromServer('22P02'),
    fromServer('0A000'),
    fromPrisma('23502'),
    new TypeError('x'),
    'text',
  ]) {
    expect([failureOf(error), asAppError(error)]).toEqual([undefined, undefined])
  }
})

test('an answer repeats nothing of the error, and keeps it as its cause for the log', () => {
  const answers = ['40001', '55P03', '57014', '53100', '57P01']
    .map((state) => fromPrisma(state))
    .map((error) => [error, asAppError(error)] as const)
  for (const [error, answer] of answers) {
    expect(JSON.stringify([answer?.message, answer?.details])).not.toContain('hush')
    expect(answer?.cause).toBe(error)
  }
  expect(answers.map(([, answer]) => answer?.code)).toEqual(['CONFLICT', 'CONFLICT', 'UNAVAILABLE', 'UNAVAILABLE', 'UNAVAILABLE'])
  const already = new AppError('NOT_FOUND', 'There.')
  expect(asAppError(already)).toBe(already)
})

test('a living row under a deleted one is NOT_FOUND; a foreign key that points nowhere is a fault', () => {
  expect(asAppError(fromServer('23503', { constraint: 'soft_delete_guard' }))).toMatchObject({ code: 'NOT_FOUND' })
  expect(asAppError(fromServer('23503', { constraint: 'members_team_id_fkey' }))).toBeUndefined()
  expect(asAppError(fromPrisma('23503', { constraint: { index: 'members_team_id_fkey' } }))).toBeUndefined()
})
