import { TRPCClientError } from '@trpc/client'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { startEdge, type Edge } from '../../server/test/edge.ts'
import { executed } from '../../server/test/fixtures/edge-router.ts'
import { isAppError } from './index.ts'

let edge: Edge
beforeAll(async () => {
  edge = await startEdge()
  edge.sessions.add('token-anna')
})
afterAll(() => edge.stop())
beforeEach(() => void executed.splice(0))

/** A fetch that notes what was sent, and may fail first. */
function noting(fail: (attempt: number) => Promise<Response | void> | void = () => {}) {
  const requests: { url: URL; init: RequestInit; headers: Headers }[] = []
  const send: typeof fetch = async (input, init = {}) => {
    requests.push({ url: new URL(String(input)), init, headers: new Headers(init.headers) })
    return (await fail(requests.length)) ?? fetch(input, init)
  }
  return { requests, send }
}

const lost = () => Promise.reject(new TypeError('fetch failed'))

describe('calls', () => {
  test('carry dates, bigints and undefined both ways', async () => {
    const value = { text: 'ä', at: new Date(1e12), big: 2n ** 70n, members: undefined }
    expect(await edge.client().echo.query(value)).toStrictEqual(value)
    expect((await edge.client().note.mutate(value)).input).toStrictEqual(value)
  })

  test('of one tick travel together, ten at most', async () => {
    const { requests, send } = noting()
    const client = edge.client(undefined, send)
    const answers = await Promise.all(Array.from({ length: 12 }, (_, index) => client.echo.query({ text: String(index) })))
    expect(answers.map(({ text }) => text)).toEqual(Array.from({ length: 12 }, (_, index) => String(index)))
    expect(requests.map(({ url }) => url.pathname.split(',').length)).toEqual([10, 2])
  })

  test('that set cookies travel alone', async () => {
    const { requests, send } = noting()
    const { createClient } = await import('./index.ts')
    const client = createClient({ url: edge.url, fetch: send })
    await Promise.allSettled([
      client.auth.signOut.mutate(),
      client.auth.verifyEmail.mutate({ token: 'x' }),
      client.auth.verifyEmail.mutate({ token: 'y' }),
    ])
    expect(requests.map(({ url }) => url.pathname).toSorted()).toEqual(['/trpc/auth.signOut', '/trpc/auth.verifyEmail,auth.verifyEmail'])
  })

  test('carry the token that is present at the time, and then no cookie', async () => {
    const { requests, send } = noting()
    const { createClient } = await import('./index.ts')
    let token: string | null = null
    const client = createClient({ url: `${edge.url}/`, fetch: send, token: () => token })
    await client.auth.me.query().catch(() => undefined)
    token = 'token-anna'
    await client.auth.me.query().catch(() => undefined)
    expect(requests.map(({ headers, init }) => [headers.get('authorization'), init.credentials])).toEqual([
      [null, 'include'],
      ['Bearer token-anna', 'omit'],
    ])
  })
})

describe('keys', () => {
  test('go with every mutation, one for each call of a batch, and with no query', async () => {
    const { requests, send } = noting()
    const client = edge.client(undefined, send)
    await Promise.all([client.note.mutate({ text: 'a' }), client.note.mutate({ text: 'b' }), client.echo.query({})])
    const [mutations, queries] = [requests.find(({ init }) => init.method === 'POST'), requests.find(({ init }) => init.method === 'GET')]
    const keys = mutations?.headers.get('idempotency-key')?.split(',') ?? []
    expect(new Set(keys).size).toBe(2)
    expect(executed.map(({ idempotencyKey }) => idempotencyKey).toSorted()).toEqual(keys.toSorted())
    expect(queries?.headers.has('idempotency-key')).toBe(false)
  })

  test('stay the same through every try', async () => {
    const { requests, send } = noting((attempt) => (attempt < 4 ? lost() : undefined))
    await edge.client(undefined, send).note.mutate({ text: 'a' })
    expect(requests).toHaveLength(4)
    expect(new Set(requests.map(({ headers }) => headers.get('idempotency-key'))).size).toBe(1)
  })

  test('of a stranger belong to the device, of a person to the person', async () => {
    const anna = edge.sessions.add('token-anna')
    const mine = await edge.client('token-anna').callUnderWay.mutate({})
    expect(mine).toMatchObject({ procedure: 'callUnderWay', owner: anna.userId, secret: false })
    const [first, second] = [edge.client(), edge.client()]
    const owners = [await first.callUnderWay.mutate({}), await first.callUnderWay.mutate({}), await second.callUnderWay.mutate({})].map(
      ({ owner }) => owner,
    )
    expect(owners[0]).toMatch(/^device:[0-9a-f]{32}$/)
    expect(owners[1]).toBe(owners[0])
    expect(owners[2]).not.toBe(owners[0])
  })

  test.each([
    ['too few for the batch', 'note,note?batch=1', 'a'.repeat(20)],
    ['too many for the call', 'note', `${'a'.repeat(20)},${'b'.repeat(20)}`],
    ['too short', 'note', 'short'],
    ['not plain', 'note', 'a'.repeat(20) + ';drop'],
  ])('that are %s are refused, and nothing is executed', async (_why, path, keys) => {
    const headers = { 'idempotency-key': keys, 'x-plinth-device': 'd'.repeat(20) }
    const answer = await edge.call(path, { input: {}, headers })
    expect(answer.status).toBe(400)
    expect((await answer.json()).error.json.data.details.fields).toHaveProperty('idempotency-key')
    expect(executed).toEqual([])
  })

  test('of nobody are refused', async () => {
    const answer = await edge.call('note', { input: {}, headers: { 'idempotency-key': 'a'.repeat(20) } })
    expect((await answer.json()).error.json.data.details.fields).toHaveProperty('x-plinth-device')
  })
})

describe('another try', () => {
  test.each<[what: string, fail: () => Promise<Response>]>([
    ['a network that failed', lost],
    ['a proxy without a server behind it', async () => new Response('<h1>502</h1>', { status: 502 })],
    ['an answer that broke off', async () => new Response('{"result":', { status: 200 })],
    ['a server that is full', async () => refusalOf('UNAVAILABLE', 503, { retryAfterSeconds: 0 })],
    ['a table that is busy', async () => refusalOf('CONFLICT', 409, { reason: 'TOO_BUSY' })],
    ['an unknown outcome', async () => refusalOf('UNKNOWN_OUTCOME', 503)],
  ])('is made after %s', async (_what, fail) => {
    const { requests, send } = noting((attempt) => (attempt === 1 ? fail() : undefined))
    expect((await edge.client(undefined, send).note.mutate({ text: 'a' })).input).toEqual({ text: 'a' })
    expect(requests).toHaveLength(2)
  })

  test.each<[what: string, fail: () => Promise<Response>]>([
    ['a fault of the server', async () => refusalOf('INTERNAL', 500)],
    ['a conflict', async () => refusalOf('CONFLICT', 409, { reason: 'NAME_TAKEN' })],
    ['a mutation that had its effect', async () => refusalOf('ALREADY_DONE', 409)],
    ['a proxy that refuses', async () => new Response('<h1>403</h1>', { status: 403 })],
    ['a wait longer than a person has', async () => refusalOf('TOO_MANY_REQUESTS', 429, { retryAfterSeconds: 600 })],
  ])('is not made after %s', async (_what, fail) => {
    const { requests, send } = noting((attempt) => (attempt === 1 ? fail() : undefined))
    await expect(edge.client(undefined, send).note.mutate({ text: 'a' })).rejects.toThrow(TRPCClientError)
    expect(requests).toHaveLength(1)
    expect(executed).toEqual([])
  })

  test('ends after seven, with the last failure', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      const { requests, send } = noting(lost)
      const failure = edge
        .client(undefined, send)
        .echo.query({})
        .catch((thrown: unknown) => thrown)
      await vi.advanceTimersByTimeAsync(60_000)
      const error = await failure
      expect([requests.length, (error as Error).message, isAppError(error)]).toEqual([7, 'fetch failed', false])
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('an abort', () => {
  test('ends the call, which is not tried again', async () => {
    const { requests, send } = noting()
    const abort = new AbortController()
    const call = edge.client(undefined, send).wait.mutate({ ms: 5_000 }, { signal: abort.signal })
    setTimeout(() => abort.abort(), 50)
    await expect(call).rejects.toThrow(/abort/i)
    await new Promise((resolve) => setTimeout(resolve, 400))
    expect(requests).toHaveLength(1)
  })

  test('that came before the call lets nothing be sent', { retry: 3 }, async () => {
    const { requests, send } = noting()
    const start = performance.now()
    await expect(edge.client(undefined, send).note.mutate({}, { signal: AbortSignal.abort() })).rejects.toThrow(/abort/i)
    expect(performance.now() - start).toBeLessThan(500)
    expect([requests.length, executed.length]).toEqual([0, 0])
  })

  test('ends the wait for the next try', { retry: 3 }, async () => {
    const { requests, send } = noting(() => Promise.resolve(refusalOf('UNAVAILABLE', 503, { retryAfterSeconds: 10 })))
    const abort = new AbortController()
    const call = edge.client(undefined, send).echo.query({}, { signal: abort.signal })
    setTimeout(() => abort.abort(), 50)
    const start = performance.now()
    await expect(call).rejects.toThrow()
    expect(performance.now() - start).toBeLessThan(1_000)
    expect(requests).toHaveLength(1)
  })

  test('ends a subscription', async () => {
    const abort = new AbortController()
    const seen: number[] = []
    for await (const { data } of edge.client('token-anna').ticks.subscribe({ everyMs: 5 }, { signal: abort.signal })) {
      seen.push(data.number)
      if (data.number === 3) abort.abort()
    }
    expect(seen.at(-1)).toBeLessThanOrEqual(4)
  })
})

function refusalOf(code: string, status: number, details?: object): Response {
  const data = { code, httpStatus: status, requestId: 'x', path: 'note', ...(details && { details }) }
  return Response.json([{ error: { json: { code: -32603, message: 'No.', data } } }], { status })
}
