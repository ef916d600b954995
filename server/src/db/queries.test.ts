import { afterAll, beforeAll, expect, test } from 'vitest'
import { divertLog, log } from '#lib/log.ts'
import { withCall } from '#lib/call.ts'
import { transaction } from '#db'
import { ada, openSpine, type Spine } from '../../test/spine.ts'
import { database } from './client.ts'
import { useSlowQueryLimit } from './queries.ts'

let spine: Spine
let restore: () => void
const lines: { msg: string; procedure?: string; ms: number; statement: string; requestId?: string }[] = []

beforeAll(async () => {
  spine = await openSpine()
  restore = divertLog({ write: (line) => void lines.push(JSON.parse(line)) })
  log.level = 'warn'
  useSlowQueryLimit(100)
})
afterAll(async () => {
  restore()
  await spine[Symbol.asyncDispose]()
})

const inCall = <T>(procedure: string, fn: () => Promise<T>): Promise<T> =>
  withCall({ requestId: `request-of-${procedure}`, procedure, address: null, userAgent: null, idempotency: null, output: null }, fn)

test('a slow statement is logged with its procedure, its duration and its request, and without any value', async () => {
  await inCall('teams.slow', () =>
    database().pool.query({ text: `SELECT pg_sleep($1), $2::text, 'it''s secret' AS "word"`, values: [0.15, 'anna@example.com'] }),
  )
  await inCall('teams.fast', () => database().pool.query('SELECT 1'))
  expect(lines).toHaveLength(1)
  const [line] = lines.splice(0)
  expect(line).toMatchObject({ msg: 'A statement was slow.', procedure: 'teams.slow', requestId: 'request-of-teams.slow' })
  expect(line?.statement).toBe(`SELECT pg_sleep($1), $2::text, '?' AS "word"`)
  expect(line?.ms).toBeGreaterThanOrEqual(150)
  expect(JSON.stringify(line)).not.toMatch(/anna|secret|0\.15/)
})

test('one of a transaction too, and one that waited for its connection is of its own call', async () => {
  const slow = (name: string) => inCall(name, () => database().pool.query(`SELECT pg_sleep(0.12)`))
  const names = Array.from({ length: 12 }, (_, index) => `teams.call${index}`)
  await Promise.all(names.map(slow))
  expect(
    lines
      .splice(0)
      .map(({ procedure }) => procedure)
      .toSorted(),
  ).toEqual(names.toSorted())
  await inCall('teams.inside', () =>
    transaction('teams', ada, async (tx) => {
      await tx.team.findMany({ where: { name: 'Blue' } })
      await spine.ask('SELECT 1')
      await new Promise((resolve) => setTimeout(resolve, 150))
    }),
  )
  // A transaction that thinks is no slow statement.
  expect(lines.splice(0)).toEqual([])
})

test('at 0 nothing is slow', async () => {
  useSlowQueryLimit(0)
  await database().pool.query('SELECT pg_sleep(0.12)')
  expect(lines).toEqual([])
})
