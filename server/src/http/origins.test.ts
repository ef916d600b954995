import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { COOKIE, startEdge, type Edge } from '../../test/edge.ts'
import { executed } from '../../test/fixtures/edge-router.ts'

let edge: Edge
const cookie = `${COOKIE}=cookie-anna`
const home = 'https://plinth.example.com'
const friend = 'https://console.example.org'

beforeAll(async () => {
  edge = await startEdge({ ALLOWED_ORIGINS: `${friend}, http://localhost:5173` })
  edge.sessions.add('cookie-anna')
  edge.sessions.add('token-anna')
})
afterAll(() => edge.stop())
beforeEach(() => void executed.splice(0))

/** fetch of Node refuses to set Sec-Fetch-* never; Origin neither. */
async function mutate(headers: Record<string, string>): Promise<number> {
  const response = await edge.call('note', { input: {}, headers })
  expect(executed.length).toBe(response.status === 200 ? 1 : 0)
  return response.status
}

describe('a mutation with a session cookie', () => {
  test.each<[why: string, headers: Record<string, string>]>([
    ['Sec-Fetch-Site: same-origin', { 'sec-fetch-site': 'same-origin' }],
    ['Sec-Fetch-Site: same-origin and our Origin', { 'sec-fetch-site': 'same-origin', origin: home }],
    ['our Origin, from a browser without Sec-Fetch-Site', { origin: home }],
    ['an allowed origin', { origin: friend, 'sec-fetch-site': 'cross-site' }],
    ['another allowed origin', { origin: 'http://localhost:5173' }],
  ])('is executed for %s', async (_why, headers) => {
    expect(await mutate({ cookie, ...headers })).toBe(200)
  })

  test.each<[why: string, headers: Record<string, string>]>([
    ['a foreign page', { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }],
    ['a foreign Origin alone', { origin: 'https://evil.example' }],
    ['neither Origin nor Sec-Fetch-Site', {}],
    ['Origin: null', { origin: 'null' }],
    ['an origin that begins like ours', { origin: 'https://plinth.example.com.evil.io' }],
    ['an origin that ends like ours', { origin: 'https://evil-plinth.example.com' }],
    ['our host over http', { origin: 'http://plinth.example.com' }],
    ['our host on another port', { origin: 'https://plinth.example.com:8443' }],
    ['a sibling subdomain', { origin: 'https://other.example.com', 'sec-fetch-site': 'same-site' }],
    ['a sibling subdomain that says it is ours', { origin: home, 'sec-fetch-site': 'same-site' }],
    ['Sec-Fetch-Site: cross-site alone', { 'sec-fetch-site': 'cross-site' }],
    ['Sec-Fetch-Site: none', { 'sec-fetch-site': 'none' }],
    ['an allowed origin with a slash', { origin: `${friend}/` }],
    ['a Referer of ours alone', { referer: `${home}/page` }],
  ])('C03 C04 is refused for %s', async (_why, headers) => {
    expect(await mutate({ cookie, ...headers })).toBe(403)
  })
})

describe('what needs the same proof', () => {
  test('C03 a query with a cookie, and a subscription', async () => {
    for (const path of ['whoAmI', 'ticks?input=%7B%22json%22%3A%7B%22everyMs%22%3A5%7D%7D']) {
      expect((await edge.call(path, { headers: { cookie } })).status).toBe(403)
      expect((await edge.call(path, { headers: { cookie, origin: 'https://evil.example' } })).status).toBe(403)
      const answer = await edge.call(path, { headers: { cookie, 'sec-fetch-site': 'same-origin' } })
      expect(answer.status).toBe(200)
      await answer.body?.cancel()
    }
  })

  test('C01 a stranger from a foreign page: nobody is signed in by another site', async () => {
    expect(await mutate({ origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' })).toBe(403)
    executed.length = 0
    expect(await mutate({})).toBe(200)
  })

  test('C03 not a bearer token, for no page sends one by itself', async () => {
    expect(await mutate({ authorization: 'Bearer token-anna' })).toBe(200)
  })

  test('a refusal has the shape of every refusal', async () => {
    const answer = await edge.call('note', { input: {}, headers: { cookie } })
    expect(await answer.json()).toMatchObject({
      error: { json: { data: { code: 'FORBIDDEN', requestId: answer.headers.get('x-request-id') } } },
    })
  })
})

describe('over plain http, where browsers send no Sec-Fetch-Site', () => {
  let lan: Edge
  beforeAll(async () => {
    lan = await startEdge({ PUBLIC_URL: 'http://192.168.1.7:3000' })
    lan.sessions.add('cookie-anna')
  })
  afterAll(() => lan.stop())

  test('a query shows its page by Referer, a mutation by Origin', async () => {
    const mine = 'plinth_session=cookie-anna'
    const ours = 'http://192.168.1.7:3000'
    const ask = async (headers: Record<string, string>) => (await lan.call('whoAmI', { headers: { cookie: mine, ...headers } })).status
    expect(await ask({ referer: `${ours}/page?x` })).toBe(200)
    expect(await ask({ referer: 'http://192.168.1.8:3000/page' })).toBe(403)
    expect(await ask({})).toBe(403)
    const change = async (headers: Record<string, string>) =>
      (await lan.call('note', { input: {}, headers: { cookie: mine, ...headers } })).status
    expect(await change({ origin: ours })).toBe(200)
    expect(await change({ referer: `${ours}/page` })).toBe(403)
  })
})

describe('CORS', () => {
  const preflight = (origin: string) =>
    edge.call('note', {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type,x-evil' },
    })

  test.each(['https://evil.example', 'null', home, `${friend}.evil.io`, '*', 'https://CONSOLE.example.org'])(
    'C06 a preflight from %s is answered without permission',
    async (origin) => {
      const answer = await preflight(origin)
      expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([])
    },
  )

  test('a preflight from an allowed origin names it, and the headers that the client sends', async () => {
    const answer = await preflight(friend)
    expect(answer.status).toBe(204)
    expect(answer.headers.get('access-control-allow-origin')).toBe(friend)
    expect(answer.headers.get('access-control-allow-credentials')).toBe('true')
    expect(answer.headers.get('access-control-allow-headers')).toContain('idempotency-key')
    expect(answer.headers.get('access-control-allow-headers')).not.toContain('x-evil')
    expect(answer.headers.get('vary')).toContain('Origin')
  })

  test('C06 an answer, and a refusal, may be read by an allowed origin and by no other', async () => {
    for (const path of ['echo?input=%7B%22json%22%3A%7B%7D%7D', 'nothing']) {
      expect((await edge.call(path, { headers: { origin: friend } })).headers.get('access-control-allow-origin')).toBe(friend)
      expect((await edge.call(path, { headers: { origin: 'https://evil.example' } })).headers.get('access-control-allow-origin')).toBeNull()
    }
  })
})
