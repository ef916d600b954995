import { connect } from 'node:net'
import { createClient, isAppError } from '@plinth/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestServer, type TestServer } from '../test/server.ts'

let server: TestServer
let dawdlers: Promise<number>[]
beforeAll(async () => {
  server = await startTestServer({ env: { PUBLIC_URL: 'https://plinth.example.com' } })
  // Started first, for they take ten seconds to be cut off; the other tests are served meanwhile.
  dawdlers = Array.from({ length: 50 }, () => dawdle(server.url))
})
afterAll(() => server.stop())

const same = { 'sec-fetch-site': 'same-origin', 'content-type': 'application/json' }
const post = (path: string, input: unknown, headers: Record<string, string> = {}) =>
  fetch(`${server.url}/trpc/${path}`, { method: 'POST', body: JSON.stringify({ json: input }), headers: { ...same, ...headers } })

describe('the whole server', () => {
  test('is ready: the database answers and every migration is applied', async () => {
    expect(await (await fetch(`${server.url}/readyz`)).json()).toEqual({
      status: 'ok',
      checks: { database: 'ok', migrations: 'ok', traffic: 'ok' },
    })
  })

  test('says what it is, to people and to programs', async () => {
    expect(await (await fetch(server.url)).json()).toMatchObject({ name: 'Plinth' })
    expect(await (await fetch(server.url, { headers: { accept: 'text/html' } })).text()).toContain('<h1>Plinth</h1>')
  })

  test('keeps an idle connection for longer than a proxy before it does', async () => {
    const [, seconds] = /^timeout=(\d+)$/.exec((await fetch(server.url)).headers.get('keep-alive') ?? '') ?? []
    expect(Number(seconds)).toBeGreaterThan(60)
  })

  test('signs a browser in by a cookie that is strict in every way, and out again', async () => {
    const { email, password } = await server.signUpAs('browser@example.com')
    const answer = await post('auth.signIn', { email, password, delivery: 'COOKIE' })
    const [cookie = ''] = answer.headers.getSetCookie()
    expect(cookie).toMatch(/^__Host-plinth_session=pln_s_[\w-]{43}; Max-Age=\d+; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
    expect(await answer.text()).not.toContain(cookie.slice(22, 40))
    const [pair = ''] = cookie.split(';')
    const me = () => fetch(`${server.url}/trpc/auth.me`, { headers: { cookie: pair, 'sec-fetch-site': 'same-origin' } })
    expect((await me()).status).toBe(200)
    const out = await fetch(`${server.url}/trpc/auth.signOut`, { method: 'POST', headers: { ...same, cookie: pair } })
    expect(out.headers.getSetCookie()).toEqual(['__Host-plinth_session=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax'])
    expect((await me()).status).toBe(401)
  })

  test('a stolen cookie is no bearer token, nor the other way round', async () => {
    const { email, password, token } = await server.signUpAs('channels@example.com')
    const [cookie = ''] = (await post('auth.signIn', { email, password, delivery: 'COOKIE' })).headers.getSetCookie()
    const value = cookie.split(/[=;]/)[1] ?? ''
    const me = async (headers: Record<string, string>) =>
      (await fetch(`${server.url}/trpc/auth.me`, { headers: { 'sec-fetch-site': 'same-origin', ...headers } })).status
    expect(await me({ authorization: `Bearer ${value}` })).toBe(401)
    expect(await me({ cookie: `__Host-plinth_session=${token}` })).toBe(401)
    expect(await me({ cookie: `__Host-plinth_session=${value}`, authorization: `Bearer ${token}` })).toBe(400)
    expect(await me({ cookie: `__Host-plinth_session=${value}` })).toBe(200)
  })

  test('mails links of the configured place, whatever host the request names', async () => {
    const email = 'host@example.com'
    await post(
      'auth.signUp',
      { email, name: 'Host', password: 'correct horse battery staple' },
      { host: 'evil.example', 'x-forwarded-host': 'evil.example', forwarded: 'host=evil.example' },
    )
    await server.tokenMailedTo(email)
    const [mail] = await server.mailsTo(email)
    expect(mail?.text).toContain('https://plinth.example.com/')
    expect(mail?.text).not.toContain('evil')
  })

  test.each(['a@example.com\r\nBcc: x@example.com', 'a@example.com\nSubject: x', 'a@example.com,b@example.com', 'A <a@example.com>'])(
    'takes no address that would be two: %j',
    async (email) => {
      const answer = await post('auth.signUp', { email, name: 'X', password: 'correct horse battery staple' })
      expect(answer.status).toBe(400)
      expect((await answer.json()).error.json.data.details.fields).toHaveProperty('email')
    },
  )

  test('a mutation that is sent twice with one key has its effect once, with the same answer', async () => {
    const { token } = await server.signUpAs('twice@example.com')
    const headers = { authorization: `Bearer ${token}`, 'idempotency-key': 'k'.repeat(32) }
    const answers = await Promise.all([1, 2, 3].map(() => post('teams.create', { name: 'Once', slug: 'once' }, headers)))
    const bodies = await Promise.all(answers.map((answer) => answer.text()))
    expect(new Set(bodies).size).toBe(1)
    const other = await post('teams.create', { name: 'Other', slug: 'other' }, headers)
    expect((await other.json()).error.json.data).toMatchObject({ code: 'CONFLICT', details: { reason: 'KEY_REUSED' } })
  })

  test('ends a live subscription within 250 ms when its session is revoked elsewhere', { retry: 3 }, async () => {
    const anna = await server.signUpAs('revoked@example.com')
    const team = await anna.client.teams.create.mutate({ name: 'Live', slug: 'live-revoked' })
    const second = await server.client().auth.signIn.mutate({ email: anna.email, password: anna.password, delivery: 'TOKEN' })
    if (second.status !== 'SIGNED_IN') throw new Error('there is no second factor')
    const watcher = createClient({ url: server.url, token: second.token ?? '' })
    const started = Promise.withResolvers<void>()
    const ended = new Promise<unknown>((resolve) =>
      watcher.teams.events.subscribe(
        { teamId: team.id },
        { onStarted: () => started.resolve(), onError: resolve, onComplete: () => resolve('completed') },
      ),
    )
    await started.promise
    await anna.client.auth.session.revoke.mutate({ sessionId: second.sessionId })
    const start = performance.now()
    expect(isAppError(await ended, 'UNAUTHORIZED')).toBe(true)
    expect(performance.now() - start).toBeLessThan(250)
  })
})

test('callers that send their head a byte at a time are cut off within its timeout', async () => {
  for (const ms of await Promise.all(dawdlers)) expect(ms).toBeLessThan(14_000)
}, 20_000)

/** Never finishes its head. Gives how long it was borne. */
function dawdle(url: string): Promise<number> {
  const { hostname, port } = new URL(url)
  const start = performance.now()
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname, () => socket.write('GET / HTTP/1.1\r\nhost: x\r\nx-slow: '))
    const drip = setInterval(() => socket.write('x'), 500)
    socket.on('error', () => undefined)
    socket.resume().on('close', () => {
      clearInterval(drip)
      resolve(performance.now() - start)
    })
  })
}
