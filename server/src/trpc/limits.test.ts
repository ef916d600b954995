import { isAppError } from '@plinth/client'
import { afterEach, describe, expect, test } from 'vitest'
import { advanceClock } from '#lib/clock.ts'
import { startEdge, type Edge } from '../../test/edge.ts'
import { executed } from '../../test/fixtures/edge-router.ts'
import { createLimits } from './limits.ts'

let edge: Edge
afterEach(async () => {
  executed.length = 0
  await edge?.stop()
})

const batchOf = (size: number) => ({
  path: `${Array(size).fill('note').join(',')}?batch=1`,
  init: {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(Object.fromEntries(Array.from({ length: size }, (_, index) => [index, { json: {} }]))),
  },
})

describe('limits', () => {
  test('count every call of a batch: those above the limit are refused, and only those', async () => {
    edge = await startEdge({ ANONYMOUS_CALLS_PER_MINUTE: '6' })
    const { path, init } = batchOf(10)
    const answer = await edge.call(path, init)
    const results: { error?: { json: { data: { code: string } } } }[] = await answer.json()
    expect(answer.status).toBe(207)
    expect(results.filter(({ error }) => error?.json.data.code === 'TOO_MANY_REQUESTS')).toHaveLength(4)
    expect(executed).toHaveLength(6)
  })

  test('say when to come back, in the header and in the details', async () => {
    edge = await startEdge({ ANONYMOUS_CALLS_PER_MINUTE: '2' })
    await edge.call('note', { input: {} })
    await edge.call('note', { input: {} })
    const answer = await edge.call('note', { input: {} })
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, '30'])
    advanceClock(31_000)
    expect((await edge.call('note', { input: {} })).status).toBe(200)
  })

  test('are a person’s own when signed in, whatever the address does', async () => {
    edge = await startEdge({ ANONYMOUS_CALLS_PER_MINUTE: '1', CALLS_PER_MINUTE: '3' })
    edge.sessions.add('token-anna')
    edge.sessions.add('token-ben')
    const statuses = async (token?: string) => {
      const answers = await Promise.all(
        [1, 2, 3, 4].map(() => edge.call('address', token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } })),
      )
      return answers.map(({ status }) => status).toSorted()
    }
    expect(await statuses()).toEqual([200, 429, 429, 429])
    expect(await statuses('token-anna')).toEqual([200, 200, 200, 429])
    expect(await statuses('token-ben')).toEqual([200, 200, 200, 429])
    expect(await statuses('token-unknown')).toEqual([429, 429, 429, 429])
  })

  test('let no flood of unknown tokens reach the database, and keep no stranger’s calls from being calls', async () => {
    edge = await startEdge({ CALLS_PER_MINUTE: '3' })
    edge.sessions.add('token-anna')
    const statusOf = async (token: string) => (await edge.call('address', { headers: { authorization: `Bearer ${token}` } })).status
    const statuses: number[] = []
    for (let number = 0; number < 10; number++) statuses.push(await statusOf(`token-unknown-${number}`))
    expect([...new Set(statuses.slice(0, 3)), ...new Set(statuses.slice(3))]).toEqual([200, 429])
    expect(edge.sessions.lookups).toBe(3)
    expect((await edge.call('address')).status).toBe(200)
    advanceClock(21_000)
    expect(await statusOf('token-anna')).toBe(200)
  })

  test('hold for a whole customer: a /64 of IPv6 and an IPv4 address in every spelling', () => {
    const limits = createLimits({ CALLS_PER_MINUTE: 1, ANONYMOUS_CALLS_PER_MINUTE: 3 })
    for (const address of ['2001:db8:1:2::1', '2001:db8:1:2:ffff::9', '2001:0DB8:0001:0002:0:0:0:5']) void limits.charge(null, address)
    expect(() => limits.charge(null, '2001:db8:1:2:3:4:5:6')).toThrow(/Too many/)
    for (const address of ['1.2.3.4', '::ffff:1.2.3.4', '::ffff:102:304']) void limits.charge(null, address)
    expect(() => limits.charge(null, '0:0:0:0:0:ffff:1.2.3.4')).toThrow(/Too many/)
    void limits.charge(null, '2001:db8:1:3::1')
  })

  test('the client waits for as long as it was told', async () => {
    edge = await startEdge({ ANONYMOUS_CALLS_PER_MINUTE: '60' })
    const client = edge.client()
    await Promise.all(Array.from({ length: 60 }, () => client.echo.query({})))
    const start = performance.now()
    expect(await client.echo.query({ text: 'later' })).toEqual({ text: 'later' })
    expect(performance.now() - start).toBeGreaterThan(900)
  })

  test('a wait that is too long is told to the caller', async () => {
    edge = await startEdge({ ANONYMOUS_CALLS_PER_MINUTE: '1' })
    await edge.client().echo.query({})
    const error = await edge
      .client()
      .echo.query({})
      .catch((thrown: unknown) => thrown)
    expect(isAppError(error, 'TOO_MANY_REQUESTS') && error.data.details.retryAfterSeconds).toBe(60)
  })
})
