import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startEdge, type Edge } from '../../server/test/edge.ts'
import { executed } from '../../server/test/fixtures/edge-router.ts'
import { isAppError } from './index.ts'

let edge: Edge
beforeAll(async () => {
  edge = await startEdge()
})
afterAll(() => edge.stop())
beforeEach(() => void executed.splice(0))

/** A client that streams, and what it sent; `answer` may stand in for the server. */
function streaming(answer: (attempt: number, url: URL) => Promise<Response> | undefined = () => undefined) {
  const requests: { url: URL; method: string | undefined; answer: Response }[] = []
  let attempts = 0
  const send: typeof fetch = async (input, init) => {
    const url = new URL(String(input))
    const response = await (answer(++attempts, url) ?? fetch(input, init))
    requests.push({ url, method: init?.method, answer: response })
    return response
  }
  return { requests, client: edge.client(undefined, send, { streaming: true }) }
}

const later = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

describe('a client that streams', () => {
  test('gives a fast answer while a slow one of the same batch is under way', async () => {
    const { client, requests } = streaming()
    const done: string[] = []
    await Promise.all([
      client.after.query({ ms: 1_500 }).then(() => done.push('slow')),
      client.echo.query({}).then(() => later(500).then(() => done.push('fast, and half a second more'))),
    ])
    expect(done).toEqual(['fast, and half a second more', 'slow'])
    expect(requests.map(({ url }) => url.pathname)).toEqual(['/trpc/after,echo'])
    expect(requests[0]?.answer.headers.get('x-request-id')).toMatch(/^[\w-]{8,64}$/)
  })

  test('is what makes the difference: without it the fast answer waits', async () => {
    const client = edge.client()
    const start = performance.now()
    const fast = client.echo.query({}).then(() => performance.now() - start)
    await Promise.all([client.after.query({ ms: 400 }), fast])
    expect(await fast).toBeGreaterThan(390)
  })

  test('carries dates, bigints and undefined', async () => {
    const value = { text: 'ä', at: new Date(1e12), big: 2n ** 70n, members: undefined }
    expect(await streaming().client.echo.query(value)).toStrictEqual(value)
  })

  test('sends mutations as ever: one answer for the batch, a key for each', async () => {
    const { client, requests } = streaming()
    await Promise.all([client.note.mutate({ text: 'a' }), client.note.mutate({ text: 'b' })])
    expect(requests.map(({ method, answer }) => [method, answer.headers.get('transfer-encoding')])).toEqual([['POST', null]])
    expect(new Set(executed.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(2)
  })

  test('hears of each error as without: its code, its details, its request, and nothing of a fault of ours', async () => {
    const { client, requests } = streaming()
    const [fine, secret, bad, stranger] = await Promise.allSettled([
      client.echo.query({ text: 'fine' }),
      client.fail.unexpectedly.query(),
      client.echo.query({ text: 7 } as never),
      client.whoAmI.query(),
    ])
    expect(fine).toMatchObject({ value: { text: 'fine' } })
    const requestId = requests[0]?.answer.headers.get('x-request-id')
    const errorOf = (result: PromiseSettledResult<unknown>) => (result.status === 'rejected' ? (result.reason as unknown) : undefined)
    expect(errorOf(secret)).toMatchObject({ message: 'Something went wrong on our side.', data: { code: 'INTERNAL', requestId } })
    expect(errorOf(bad)).toMatchObject({
      data: { code: 'BAD_REQUEST', requestId, path: 'echo', details: { fields: { text: [expect.any(String)] } } },
    })
    expect(isAppError(errorOf(stranger), 'UNAUTHORIZED')).toBe(true)
    expect(requests).toHaveLength(1)
    expect(JSON.stringify(errorOf(secret))).not.toContain('hunter2')
  })

  test('tries again only what had not arrived when an answer broke off', async () => {
    const { client, requests } = streaming((attempt, url) => (attempt === 1 ? fetchFirstLines(url) : undefined))
    const answers = await Promise.all([client.echo.query({ text: 'fast' }), client.after.query({ ms: 300 })])
    expect(answers).toEqual([{ text: 'fast' }, { ms: 300, wasLeft: false }])
    expect(requests.map(({ url }) => url.pathname)).toEqual(['/trpc/echo,after', '/trpc/after'])
  })

  test.each([
    ['a page of a proxy', () => new Response('<h1>502</h1>', { status: 502 })],
    ['JSON of a proxy', () => Response.json([{ no: 'error of ours' }], { status: 502 })],
    ['a network that failed', () => Promise.reject(new TypeError('fetch failed'))],
    ['an answer that broke off at once', () => new Response('{"json":', { status: 200 })],
  ])('tries again after %s', async (_what, fail) => {
    const { client } = streaming((attempt) => (attempt === 1 ? Promise.resolve(fail()) : undefined))
    expect(await client.echo.query({ text: 'a' })).toEqual({ text: 'a' })
  })

  test('understands a refusal of the whole request', async () => {
    const client = edge.client(`not-a-token-${'x'.repeat(9_000)}`, undefined, { streaming: true })
    const error = await Promise.all([client.whoAmI.query(), client.whoAmI.query()]).catch((thrown: unknown) => thrown)
    expect(isAppError(error)).toBe(true)
  })

  test('leaves the one call that is aborted, and the server when all are; nothing of it is logged as a fault', async () => {
    const { client, requests } = streaming()
    const abort = new AbortController()
    const [left, stayed] = await Promise.allSettled([
      client.after.query({ ms: 5_000 }, { signal: AbortSignal.any([abort.signal, AbortSignal.timeout(50)]) }),
      client.after.query({ ms: 300 }),
    ])
    expect([left.status, stayed.status]).toEqual(['rejected', 'fulfilled'])
    executed.splice(0)
    const both = [600, 601].map((ms) => client.after.query({ ms }, { signal: abort.signal }))
    setTimeout(() => abort.abort(), 100)
    expect((await Promise.allSettled(both)).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    await later(700)
    expect(requests.length).toBe(2)
    expect(executed.map(({ input }) => input)).toEqual([600, 601].map((ms) => ({ ms, wasLeft: true })))
    expect(edge.lines.filter(({ level, err }) => Number(level) >= 50 && !JSON.stringify(err).includes('hunter2'))).toEqual([])
  })
})

/** The server's answer until the first call is done, which then breaks off. */
async function fetchFirstLines(url: URL): Promise<Response> {
  const response = await fetch(url, { headers: { accept: 'application/jsonl' } })
  const reader = response.body?.getReader()
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      for (const start = performance.now(); performance.now() - start < 150;) {
        const chunk = await Promise.race([reader?.read(), later(100)])
        if (chunk instanceof Object && 'value' in chunk && chunk.value) controller.enqueue(chunk.value as Uint8Array)
      }
      controller.error(new TypeError('terminated'))
    },
  })
  return new Response(body, response)
}
