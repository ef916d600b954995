import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { COOKIE, startEdge, type Edge } from '../../test/edge.ts'
import { exchange } from '../../test/wire.ts'

let edge: Edge
let proxied: Edge
beforeAll(async () => {
  edge = await startEdge()
  proxied = await startEdge({ TRUSTED_PROXIES: '2' })
  for (const each of [edge, proxied]) each.sessions.add('token-anna')
})
afterAll(async () => {
  await proxied.stop()
  await edge.stop()
})

const addressFor = async (at: Edge, headers: Record<string, string>) =>
  (await (await at.call('address', { headers })).json()).result.data.json

describe('a request id', () => {
  test('is made, and answered also by refusals', async () => {
    const ids = await Promise.all(
      ['/', '/trpc/address', '/nothing', '/trpc/nothing'].map(async (path) => (await fetch(edge.url + path)).headers.get('x-request-id')),
    )
    for (const id of ids) expect(id).toMatch(/^[\w-]{36}$/)
    expect(new Set(ids).size).toBe(4)
  })

  test('of the caller is taken when it is plain, and replaced when it is not', async () => {
    const given = async (id: string) => (await fetch(edge.url, { headers: { 'x-request-id': id } })).headers.get('x-request-id')
    expect(await given('trace-0123456789')).toBe('trace-0123456789')
    for (const id of ['short', 'x'.repeat(65), 'a b c d e f g', '"}\\u000a{"level":"error"', 'ä'.repeat(10)])
      expect(await given(encodeURI(id) === id ? id : id.replace(/[^\x20-\x7e]/g, '?'))).not.toBe(id)
  })
})

describe('the address', () => {
  test('C19 is the peer’s when no proxy is trusted, whatever is forwarded', async () => {
    for (const header of ['x-forwarded-for', 'x-real-ip', 'forwarded', 'cf-connecting-ip', 'true-client-ip', 'x-client-ip']) {
      expect(await addressFor(edge, { [header]: header === 'forwarded' ? 'for=6.6.6.6' : '6.6.6.6' })).toBe('127.0.0.1')
    }
  })

  test.each([
    ['6.6.6.6, 203.0.113.9, 10.0.0.1', '203.0.113.9'],
    ['203.0.113.9, 10.0.0.1', '203.0.113.9'],
    ['6.6.6.6, 203.0.113.9:5123, 10.0.0.1', '203.0.113.9'],
    ['[2001:db8::1]:443, 10.0.0.1', '2001:db8::1'],
    ['nonsense, 10.0.0.1', '127.0.0.1'],
    ['10.0.0.1', '10.0.0.1'],
    ['', '127.0.0.1'],
  ])('behind two proxies, of %j is %s', async (forwarded, expected) => {
    expect(await addressFor(proxied, { 'x-forwarded-for': forwarded })).toBe(expected)
  })

  test('C19 does not lift a limit by changing what it claims', async () => {
    const limited = await startEdge({ ANONYMOUS_CALLS_PER_MINUTE: '5', TRUSTED_PROXIES: '1' })
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => limited.call('address', { headers: { 'x-forwarded-for': `6.6.6.${index}, 203.0.113.9` } })),
    )
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(5)
    await limited.stop()
  })
})

describe('the log', () => {
  let edge: Edge
  beforeAll(async () => {
    edge = await startEdge()
  })
  afterAll(() => edge.stop())
  beforeEach(() => void edge.lines.splice(0))

  test('has one line per request, which names the procedure and holds no token, cookie, input, address or agent', async () => {
    const secret = 'verysecret-token-0123456789'
    await edge.call(`echo?input=${encodeURIComponent(JSON.stringify({ json: { text: secret } }))}`, {
      headers: { authorization: `Bearer ${secret}`, 'user-agent': `agent ${secret}` },
    })
    await edge.call('note', { input: { text: secret }, headers: { cookie: `${COOKIE}=${secret}`, 'sec-fetch-site': 'same-origin' } })
    await fetch(`${edge.url}/verify-email?token=${secret}`)
    await fetch(`${edge.url}/some/${secret}`)
    await fetch(`${edge.url}/trpc/anna@example.com`)
    const lines = edge.lines.filter(({ msg }) => msg === 'request')
    expect(lines.map(({ path }) => path)).toEqual(['/trpc/echo', '/trpc/note', '/*', '/*', '/trpc/*'])
    expect(JSON.stringify(edge.lines)).not.toMatch(/verysecret|127\.0\.0\.1|anna/)
    for (const line of lines)
      expect(line).toMatchObject({ level: 'info', requestId: expect.any(String), status: expect.any(Number), ms: expect.any(Number) })
  })

  test('C21 cannot be forged: a newline in a path or an id stays inside its line', async () => {
    await fetch(`${edge.url}/trpc/a%0A%7B%22level%22%3A%22error%22%7D`)
    expect(edge.lines.filter(({ level }) => level === 'error')).toEqual([])
    expect(edge.lines.filter(({ msg }) => msg === 'request')).toHaveLength(1)
  })
})

describe('headers', () => {
  test.each(['/', '/trpc/address', '/trpc/nothing', '/livez', '/nothing'])(
    'C22 of %s forbid sniffing, framing, running and keeping',
    async (path) => {
      const { headers } = await fetch(edge.url + path)
      expect(Object.fromEntries(headers)).toMatchObject({
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'content-security-policy': expect.stringMatching(/default-src 'none'.*frame-ancestors 'none'/),
        'cache-control': 'no-store',
        'strict-transport-security': expect.stringMatching(/^max-age=\d{8}/),
      })
      expect(headers.has('x-powered-by') || headers.has('server')).toBe(false)
    },
  )

  test.each(['x-request-id', 'origin', 'access-control-request-headers'])(
    'C17 %s that would split the answer is refused or left out',
    async (name) => {
      for (const end of ['\n', '\r', '\r\n ', '\u0000', '%0d%0a']) {
        const line = `${name}: abcdefgh${end}set-cookie: evil=1`
        const answer = await exchange(edge.url, `OPTIONS /trpc/address HTTP/1.1\r\nhost: x\r\n${line}\r\nconnection: close\r\n\r\n`)
        expect([end, answer]).toEqual([end, expect.stringMatching(/^HTTP\/1\.1 (400 Bad Request|204 No Content)\r\n/)])
        expect(answer).not.toMatch(/evil|set-cookie/i)
      }
    },
  )
})
