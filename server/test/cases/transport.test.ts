import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { divertLog } from '#lib/log.ts'
import { openBrowser, type Browser } from '../browser.ts'
import { query } from '../database.ts'
import { startTestServer, type TestServer } from '../server.ts'

const password = 'nine lazy otters hum'
const home = 'https://plinth.example.com'
const name = '__Host-plinth_session'
const json = 'application/json'
const foreign = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }
const lines: string[] = []
const undivert = divertLog({ write: (line) => void lines.push(line) })
let server: TestServer
let browser: Browser
let trickles: Trickle[]

beforeAll(async () => {
  server = await startTestServer({ env: { PUBLIC_URL: home, LOG_LEVEL: 'trace' } })
  trickles = Array.from({ length: 200 }, (_, index) => trickle(index % 2 === 0 ? 'header' : 'body'))
  await server.signUpAs('ada@example.com', { password })
  browser = openBrowser(server.url)
  await browser.mutate('auth.signIn', { email: 'ada@example.com', password, delivery: 'COOKIE' })
})
afterAll(async () => {
  for (const { socket } of trickles) socket.destroy()
  undivert()
  await server.stop()
})

const cookie = () => `${name}=${browser.cookies.get(name)}`
const isSignedIn = async () => (await browser.query('auth.me')).status === 200
/** A request as it is written here and not otherwise, with the session's cookie. */
const send = (path: string, headers: Record<string, string>, init: RequestInit = {}) =>
  fetch(`${server.url}/trpc/${path}`, { method: 'POST', ...init, headers: { cookie: cookie(), ...headers } })
const refusalOf = async (response: Response) => {
  const body = JSON.parse(await response.text())
  return [response.status, (Array.isArray(body) ? body[0] : body).error.json.data.code]
}
const signUps = async () =>
  (await query<{ count: number }>(server.database.ownerUrl, 'SELECT count(*)::int AS count FROM auth.users'))[0]?.count

describe('a page of somebody else', () => {
  test('C01 signs nobody out, not even twenty times at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => send('auth.signOut', { ...foreign, 'content-type': json }, { body: '{}' })),
    )
    for (const answer of answers) {
      expect(answer.headers.getSetCookie()).toEqual([])
      expect(await refusalOf(answer)).toEqual([403, 'FORBIDDEN'])
    }
    expect(await isSignedIn()).toBe(true)
  })

  test.each([
    ['multipart/form-data; boundary=x', '--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n'],
    ['application/octet-stream', '{}'],
    ['text/plain', '{}'],
    ['application/x-www-form-urlencoded', 'json='],
    ['', '{}'],
    ['text/plain; application/json', '{}'],
  ])('C02 runs nothing as %j, and neither does a page of ours', async (type, body) => {
    const attempt = (headers: Record<string, string>) =>
      send('auth.signOut', { ...headers, 'content-type': type }, { body: new Blob([body]) })
    for (const headers of [foreign, { 'sec-fetch-site': 'same-origin' }])
      expect(await refusalOf(await attempt(headers))).toEqual([415, 'UNSUPPORTED_MEDIA_TYPE'])
    expect(await isSignedIn()).toBe(true)
  })

  test('C03 a cookie without any word of where the call comes from is 403, a bearer token is taken', async () => {
    const { token } = await server.signUpAs('tool@example.com', { password })
    const path = 'auth.session.revokeOthers'
    expect(await refusalOf(await send(path, { 'content-type': json }, { body: '{}' }))).toEqual([403, 'FORBIDDEN'])
    const headers = { authorization: `Bearer ${token}`, 'content-type': json }
    expect((await fetch(`${server.url}/trpc/${path}`, { method: 'POST', headers, body: '{}' })).status).toBe(200)
    expect(await isSignedIn()).toBe(true)
  })

  test.each([
    [{ origin: 'null' }],
    [{ origin: `${home}.evil.io` }],
    [{ origin: home.replace('https', 'http') }],
    [{ origin: 'https://other.example.com', 'sec-fetch-site': 'same-site' }],
    [{ origin: home, 'sec-fetch-site': 'same-site' }],
  ])('C04 %j is not ours', async (headers: Record<string, string>) => {
    expect(await refusalOf(await send('auth.signOut', { ...headers, 'content-type': json }, { body: '{}' }))).toEqual([403, 'FORBIDDEN'])
    expect(await isSignedIn()).toBe(true)
  })

  test.each(['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH'])('C05 %s runs no mutation', async (method) => {
    const input = encodeURIComponent(JSON.stringify({ json: { email: 'x@example.com', name: 'X', password } }))
    const before = await signUps()
    for (const path of ['auth.signOut', `auth.signUp?input=${input}`, `auth.signUp?batch=1&input=%7B%220%22%3A${input}%7D`]) {
      const answer = await send(path, { 'sec-fetch-site': 'same-origin' }, { method })
      expect(answer.status).toBe(405)
      if (method !== 'HEAD') expect(await refusalOf(answer)).toEqual([405, 'METHOD_NOT_SUPPORTED'])
    }
    expect([await isSignedIn(), await signUps()]).toEqual([true, before])
  })

  test('C06 is given no permission to read: not before a call, not with an answer, not with a refusal', async () => {
    const asked = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' }
    const answers = await Promise.all([
      send('auth.me', { ...foreign, ...asked }, { method: 'OPTIONS' }),
      send('auth.me', foreign, { method: 'GET' }),
      send('auth.me', { ...foreign, 'sec-fetch-site': 'same-origin' }, { method: 'GET' }),
      send('nothing', foreign),
    ])
    for (const { headers } of answers) expect([...headers.keys()].filter((key) => key.startsWith('access-control-'))).toEqual([])
  })
})

describe('a body', () => {
  const own = { 'content-type': json, 'sec-fetch-site': 'same-origin' }
  const signIn = (body: string) => send('auth.signIn', own, { body })

  test('C09 of a megabyte is 413, with an announced length and without', async () => {
    const body = JSON.stringify({ json: { email: 'x@example.com', password: 'x'.repeat(1024 * 1024), delivery: 'COOKIE' } })
    expect(await refusalOf(await signIn(body))).toEqual([413, 'PAYLOAD_TOO_LARGE'])
    const streamed = () => send('auth.signIn', own, { body: new Blob([body]).stream(), duplex: 'half' } as RequestInit)
    const answers = await Promise.all(Array.from({ length: 20 }, () => streamed().catch(() => null)))
    for (const answer of answers) if (answer) expect(answer.status).toBe(413)
  })

  test('C11 that is deep or wide is refused at once', { retry: 3 }, async () => {
    const deep = `{"json":${'['.repeat(20_000)}${']'.repeat(20_000)}}`
    const wide = JSON.stringify({ json: Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`k${index}`, 1])) })
    for (const [body, status] of [
      [deep, 400],
      [wide, 413],
    ] as const) {
      const start = performance.now()
      expect((await signIn(body)).status).toBe(status)
      expect(performance.now() - start).toBeLessThan(200)
    }
  })

  test.each([
    '{"json":{"email":"a@example.com"},"meta":{"values":{"__proto__.x":["Date"]},"v":1}}',
    '{"json":{"email":"a@example.com"},"meta":{"values":{"constructor.prototype.x":["Date"]},"v":1}}',
    '{"json":{"email":"a@example.com"},"meta":{"referentialEqualities":{"email":["__proto__.x"]},"v":1}}',
    '{"json":{"email":"a@example.com"},"meta":{"referentialEqualities":{"email":["constructor.prototype.x"]},"v":1}}',
  ])('C12 changes no prototype: %s', async (body) => {
    expect(await refusalOf(await signIn(body))).toEqual([400, 'BAD_REQUEST'])
    expect(({} as Record<string, unknown>)['x']).toBeUndefined()
    expect((await browser.query('auth.me')).text).not.toContain('"x"')
  })

  test.each(['Date', 'regexp', 'map', 'set', 'bigint', 'number', 'Error', 'URL'])(
    'C13 an address or a password as %s is 400',
    async (kind) => {
      for (const field of ['email', 'password']) {
        const values = {
          email: 'ada@example.com',
          password,
          delivery: 'COOKIE',
          [field]: ['map', 'set'].includes(kind) ? [] : '2020-01-01',
        }
        const answer = await signIn(JSON.stringify({ json: values, meta: { values: { [field]: [kind] }, v: 1 } }))
        expect(await refusalOf(answer)).toEqual([400, 'BAD_REQUEST'])
      }
    },
  )

  test.each<[unknown]>([[null], [7], [true], [[]], [{}], [['ada@example.com']], [{ $ne: '' }]])(
    'C13 an address or a password that is %j is 400 at its field',
    async (value) => {
      for (const field of ['email', 'password']) {
        const answer = await browser.mutate('auth.signIn', { email: 'ada@example.com', password, delivery: 'COOKIE', [field]: value })
        expect([answer.status, answer.error?.data]).toMatchObject([
          400,
          { code: 'BAD_REQUEST', details: { fields: { [field]: expect.arrayContaining([expect.any(String)]) } } },
        ])
      }
    },
  )
})

test('C16 no refusal tells of code, files, statements or anything that was sent', async () => {
  const stranger = openBrowser(server.url)
  const answers = await Promise.all([
    stranger.query('auth.me'),
    stranger.mutate('auth.signIn', { email: 'ada@example.com', password: 'wrong secret 4711', delivery: 'COOKIE' }),
    stranger.mutate('auth.signIn', { email: "' OR 1=1 --", password: 'wrong secret 4711', delivery: 'COOKIE' }),
    stranger.mutate('auth.verifyEmail', { token: 'secret4711' }),
    stranger.mutate('auth.session.revoke', { sessionId: 'secret4711' }),
    browser.mutate('auth.session.revoke', { sessionId: "'; DROP TABLE auth.users; --" }),
    browser.query('auth.session.list', { cursor: 'secret4711' }),
    browser.query('no.such.procedure'),
    browser.query('auth.signOut'),
  ])
  for (const { status, text, error } of answers) {
    expect([status < 500, status >= 400, typeof error?.data.code]).toEqual([true, true, 'string'])
    expect(text).not.toMatch(/stack|node_modules|\.ts\b|prisma|\bP\d{4}\b|SELECT|DROP|violates|4711|\/tmp|\/home/i)
  }
})

test('C21 what is sent makes no line of the log', async () => {
  const before = lines.length
  const fake = '{"level":"error","msg":"forged"}'
  const headers = { 'user-agent': `x ${fake}`, 'x-request-id': `a%0A${fake}` }
  for (const email of [`a@example.com\n${fake}`, `a\r\n${fake}\r\n@example.com`])
    expect((await openBrowser(server.url, headers).mutate('auth.signUp', { email, name: 'Ada', password })).status).toBe(400)
  await openBrowser(server.url, headers).mutate('auth.signIn', { email: 'ada@example.com', password: `wrong\n${fake}`, delivery: 'COOKIE' })
  await fetch(`${server.url}/trpc/auth.me%0A${encodeURIComponent(fake)}`)
  const made = lines.slice(before)
  expect(made).toHaveLength(8)
  for (const line of made) {
    expect(line.indexOf('\n')).toBe(line.length - 1)
    expect(JSON.parse(line)).not.toMatchObject({ msg: 'forged' })
  }
})

test('R10 the token of a link stands where no browser sends it, and in no log when somebody sends it all the same', async () => {
  await openBrowser(server.url).mutate('auth.password.requestReset', { email: 'ada@example.com' })
  const token = await server.tokenMailedTo('ada@example.com', /asked for a new password/)
  const [mail] = await server.mailsTo('ada@example.com')
  const link = new URL(/https:\S+/.exec(mail?.text ?? '')?.[0] ?? '')
  expect([link.origin, link.search, link.hash]).toEqual([home, '', `#token=${token}`])
  for (const path of ['/reset-password', '/trpc/auth.password.reset', '/nothing'])
    await fetch(`${server.url}${path}?token=${token}`, { headers: { referer: `${home}/?token=${token}` } })
  expect(lines.join('')).not.toContain(token)
  const next = 'ten brisk herons wade'
  expect((await openBrowser(server.url).mutate('auth.password.reset', { token, password: next })).status).toBe(200)
})

test('C10 two hundred connections that trickle are closed in time, and nobody else waits', async () => {
  const start = performance.now()
  await fetch(`${server.url}/livez`)
  expect(performance.now() - start).toBeLessThan(2_000)
  const lasted = await Promise.all(trickles.map(async ({ kind, closed }) => [kind, await closed] as const))
  expect(Math.max(...lasted.filter(([kind]) => kind === 'header').map(([, ms]) => ms))).toBeLessThan(20_000)
  expect(Math.max(...lasted.map(([, ms]) => ms))).toBeLessThan(45_000)
})

interface Trickle {
  readonly kind: 'header' | 'body'
  readonly socket: Socket
  /** How long the server bore it, in milliseconds. */
  readonly closed: Promise<number>
}

/** Sends the beginning of a request, then one byte a second. */
function trickle(kind: Trickle['kind']): Trickle {
  const { hostname, port } = new URL(server.url)
  const start = performance.now()
  const head = `POST /trpc/auth.signIn HTTP/1.1\r\nhost: x\r\ncontent-type: ${json}\r\ncontent-length: 5000\r\n${kind === 'body' ? '\r\n{' : 'x-slow: '}`
  const socket = connect(Number(port), hostname, () => socket.write(head))
  const timer = setInterval(() => socket.write('a'), 1_000)
  socket.on('error', () => undefined)
  socket.resume()
  const closed = new Promise<number>((resolve) => {
    socket.on('close', () => {
      clearInterval(timer)
      resolve(performance.now() - start)
    })
  })
  return { kind, socket, closed }
}
