/** What a request says beside its input: line breaks where there should be none, other names for this server, other callers. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readOutbox } from '../../src/http/outbox.ts'
import { openBrowser, type Answer, type Browser } from '../browser.ts'
import { query } from '../database.ts'
import { bareFetch, openGate } from '../gate.ts'
import { eventually } from '../outbox.ts'
import { startOpenIdProvider, type OpenIdProvider } from '../providers/openid.ts'
import { visit } from '../providers/visit.ts'
import { startTestServer, type TestServer } from '../server.ts'
import { withThrottles } from '../throttles.ts'
import { exchange } from '../wire.ts'

const password = 'nine lazy otters hum'
const home = 'https://plinth.example.com'
let server: TestServer
let company: OpenIdProvider
let browser: Browser

beforeAll(async () => {
  company = await startOpenIdProvider([`${home}/auth/callback/company`])
  const settings = {
    id: 'company',
    name: 'The company',
    issuer: company.url,
    clientId: company.client.id,
    clientSecret: company.client.secret,
  }
  server = await startTestServer({
    env: { PUBLIC_URL: home, OIDC_PROVIDERS: JSON.stringify([settings]), PRIVATE_HOSTS: company.host },
  })
  await server.signUpAs('ada@example.com', { password })
  browser = openBrowser(server.url)
  await browser.mutate('auth.signIn', { email: 'ada@example.com', password, delivery: 'COOKIE' })
})
afterAll(async () => {
  await server.stop()
  await company.stop()
})

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const open = (headers = {}) => openBrowser(server.url, headers)

describe('what could end a header line', () => {
  const ends = [
    '\r\nBcc: x@example.org',
    '\nBcc: x@example.org',
    '\rBcc: x@example.org',
    '\r\nSet-Cookie: evil=1',
    '\u2028x',
    '\u0085x',
    '\u0000',
  ]
  /** Where it was put, in an input that is right otherwise. */
  const inputs: [procedure: string, field: string, input: (end: string) => object][] = [
    ['auth.signUp', 'email', (end) => ({ email: `header@example.com${end}`, name: 'Ada', password })],
    ['auth.signUp', 'name', (end) => ({ email: 'header@example.com', name: `Ada${end}x`, password })],
    ['auth.password.requestReset', 'email', (end) => ({ email: `ada@example.com${end}` })],
    ['auth.emailSignIn.request', 'email', (end) => ({ email: `ada@example.com${end}` })],
    ['auth.email.requestChange', 'email', (end) => ({ email: `header@example.com${end}` })],
    ['teams.create', 'name', (end) => ({ name: `Engines${end}x`, slug: 'engines-of-evil' })],
    ['auth.application.create', 'name', (end) => ({ type: 'WEB', name: `Engines${end}x` })],
    [
      'auth.application.create',
      'redirectUris.0',
      (end) => ({ type: 'WEB', name: 'Engines', redirectUris: [`https://a.example/cb${end}`] }),
    ],
    ['auth.provider.start', 'returnTo', (end) => ({ provider: 'company', delivery: 'COOKIE', returnTo: `/welcome${end}` })],
  ]

  test.each(inputs)('C17 is refused by %s at %s, and no mail goes out', async (procedure, field, input) => {
    const [mails, rows] = [await readOutbox(server.config.MAIL_URL ?? ''), await counts()]
    for (const end of ends) {
      const answer = await browser.mutate(procedure, input(end))
      expect([JSON.stringify(end), answer.status, answer.error?.data.code, fieldsOf(answer)]).toEqual([
        JSON.stringify(end),
        400,
        'BAD_REQUEST',
        [field],
      ])
      expect([answer.setCookies, answer.headers.get('bcc')]).toEqual([[], null])
    }
    expect(await counts()).toEqual(rows)
    expect(await readOutbox(server.config.MAIL_URL ?? '')).toHaveLength(mails.length)
  })

  const fieldsOf = (answer: Answer) => Object.keys((answer.error?.data.details as { fields: object } | undefined)?.fields ?? {})
  const counts = async () =>
    (
      await ask(`SELECT (SELECT count(*) FROM auth.users) AS users, (SELECT count(*) FROM auth.applications) AS applications,
        (SELECT count(*) FROM teams.teams) AS teams, (SELECT count(*) FROM auth.verification_tokens) AS tokens,
        (SELECT count(*) FROM auth.provider_attempts) AS visits`)
    )[0]

  test.each(['User-Agent', 'X-Request-Id', 'Origin', 'Referer', 'Host'])(
    'C17 in the header %s makes no header of the answer',
    async (name) => {
      for (const end of [
        '\r\n Set-Cookie: evil=1',
        '\nSet-Cookie: evil=1',
        '\rSet-Cookie: evil=1',
        '\u0000Set-Cookie: evil=1',
        '%0d%0aSet-Cookie: evil=1',
      ]) {
        const own = name === 'Host' ? '' : 'host: x\r\n'
        const answer = await exchange(
          server.url,
          `GET /trpc/auth.me HTTP/1.1\r\n${own}${name}: abcdefgh${end}\r\nconnection: close\r\n\r\n`,
        )
        const [head = '', body = ''] = answer.split('\r\n\r\n')
        expect([name, end, head]).toEqual([
          name,
          end,
          expect.stringMatching(/^HTTP\/1\.1 (400 Bad Request|401 Unauthorized|403 Forbidden)\r\n/),
        ])
        expect(head).not.toMatch(/evil|set-cookie/i)
        expect(body).not.toContain('evil')
      }
    },
  )

  test('C17 in the program that signs in makes no header of the mail that tells of it, which has one recipient', async () => {
    const { email } = await server.signUpAs('agent@example.com', { password })
    for (const agent of ['Firefox\u0085Bcc: x@example.org Windows', 'Firefox%0d%0aBcc: x@example.org Linux']) {
      expect((await open({ 'user-agent': agent }).mutate('auth.signIn', { email, password, delivery: 'TOKEN' })).status).toBe(200)
    }
    await eventually(
      async () => (await server.mailsTo(email)).filter(({ subject }) => subject === 'A new sign-in to your account').length > 1,
    )
    const mails = await readOutbox(server.config.MAIL_URL ?? '')
    for (const { to, subject, text } of mails) {
      expect(to).toMatch(/^[\w.]+@example\.com$/)
      expect(subject).toMatch(/^[\p{L}\p{N}\p{P} ]+$/u)
      expect(text).not.toContain('x@example.org')
    }
  })

  test('C17 in what a provider sends back is carried as it is, in the one header that it belongs to', async () => {
    const { url } = (await open().mutate('auth.provider.start', { provider: 'company', delivery: 'COOKIE' })).data as { url: string }
    const state = new URL(url).searchParams.get('state') ?? ''
    const code = 'x\r\nSet-Cookie: evil=1'
    const answer = await bareFetch(`${server.url}/auth/callback/company?${new URLSearchParams({ code, state }).toString()}`)
    expect([answer.status, answer.headers.getSetCookie()]).toEqual([303, []])
    const to = new URL(answer.headers.get('location') ?? '')
    expect([to.origin, new URLSearchParams(to.hash.slice(1)).get('code')]).toEqual([home, code])
  })
})

describe('whatever a request calls this server', () => {
  const names: Record<string, string> = {
    host: 'evil.example',
    'x-forwarded-host': 'evil.example',
    'x-forwarded-server': 'evil.example',
    'x-forwarded-proto': 'http',
    'x-forwarded-port': '4711',
    'x-original-host': 'evil.example',
    'x-host': 'evil.example',
    forwarded: 'host=evil.example;proto=http',
  }
  const mutate = async (procedure: string, input: object, headers: Record<string, string> = {}): Promise<unknown> => {
    const own = { ...names, 'sec-fetch-site': 'same-origin', 'content-type': 'application/json', ...headers }
    const answer = await bareFetch(`${server.url}/trpc/${procedure}`, {
      method: 'POST',
      headers: own,
      body: JSON.stringify({ json: input }),
    })
    expect([procedure, answer.status, [...answer.headers.values()].join().includes('evil')]).toEqual([procedure, 200, false])
    return ((await answer.json()) as { result: { data: { json: unknown } } }).result.data.json
  }

  test('C18 every link of every mail leads to the configured address', async () => {
    const email = 'host@example.com'
    const { token } = await server.signUpAs(email, { password })
    const as = { authorization: `Bearer ${token}` }
    expect(await mutate('auth.password.requestReset', { email })).toEqual({ status: 'CHECK_EMAIL' })
    expect(await mutate('auth.signUp', { email: 'host.new@example.com', name: 'Ada', password })).toEqual({ status: 'CHECK_EMAIL' })
    await mutate('auth.emailSignIn.request', { email })
    await mutate('auth.email.requestChange', { email: 'host.moved@example.com' }, as)
    const { id: teamId } = (await mutate('teams.create', { name: 'Hosts', slug: 'hosts' }, as)) as { id: string }
    await mutate('teams.invitation.create', { teamId, email: 'host.invited@example.com', role: 'VIEWER' }, as)
    const linked = async () =>
      (await readOutbox(server.config.MAIL_URL ?? '')).filter(({ to, text }) => to.startsWith('host') && text.includes('#token='))
    const kinds = async () => new Set((await linked()).flatMap(({ text }) => /#token=(pln_[a-z\d]+)_/.exec(text)?.[1] ?? []))
    await eventually(async () => (await kinds()).size === 6)
    expect([...(await kinds())].toSorted()).toEqual(['pln_ea', 'pln_ep', 'pln_i', 'pln_m', 'pln_r', 'pln_v'])
    for (const { text } of await linked()) {
      expect(text).not.toMatch(/evil|4711/)
      for (const [link] of text.matchAll(/https?:\S+/g)) expect(new URL(link).origin).toBe(home)
    }
  })

  test('C18 so it is where the request line itself names another server', async () => {
    const body = JSON.stringify({ json: { email: 'absolute@example.com', name: 'Ada', password } })
    const head = `POST http://evil.example/trpc/auth.signUp HTTP/1.1\r\nhost: evil.example\r\nsec-fetch-site: same-origin\r\nconnection: close\r\n`
    const answer = await exchange(server.url, `${head}content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*{"status":"CHECK_EMAIL"}/)
    const mail = await eventually(async () => (await server.mailsTo('absolute@example.com'))[0])
    expect(mail.text).toContain(`${home}/verify-email#token=pln_v_`)
    expect(mail.text).not.toContain('evil')
  })

  test('C18 a provider sends the browser back to the configured address, and we to the page there', async () => {
    const { url } = (await mutate('auth.provider.start', { provider: 'company', delivery: 'COOKIE' })) as { url: string }
    expect(new URL(url).searchParams.get('redirect_uri')).toBe(`${home}/auth/callback/company`)
    company.person = { sub: 'host', email: 'host@example.com', email_verified: true }
    expect((await visit({ publicUrl: home, url: server.url }, url)).page).toBe(`${home}/auth/finish`)
  })
})

test('C22 the page that a visit to a provider ends on, and the answer that leads there, are framed by nobody and tell nobody of the token in their address', async () => {
  const { url } = (await open().mutate('auth.provider.start', { provider: 'company', delivery: 'COOKIE' })).data as { url: string }
  const state = new URL(url).searchParams.get('state') ?? ''
  for (const [given, status] of [
    [state, 303],
    ['none', 400],
  ] as const) {
    const answer = await bareFetch(`${server.url}/auth/callback/company?${new URLSearchParams({ code: 'x', state: given }).toString()}`)
    expect([answer.status, Object.fromEntries(answer.headers)]).toMatchObject([
      status,
      {
        'content-security-policy': expect.stringMatching(/^default-src 'none';[^]* frame-ancestors 'none'$/),
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
        'cache-control': 'no-store',
      },
    ])
  }
})

test('C19 where no proxy is trusted, no header makes two hundred guesses those of several callers', async () => {
  const names = ['x-forwarded-for', 'x-real-ip', 'forwarded', 'cf-connecting-ip', 'true-client-ip', 'x-client-ip']
  const fetch = openGate(200)
  const guess = (index: number) => {
    const address = `203.0.113.${index}`
    const headers = Object.fromEntries(names.map((name) => [name, name === 'forwarded' ? `for=${address}` : address]))
    const input = { email: `guessed${index}@example.com`, password: 'a guess as good as any', delivery: 'TOKEN' }
    return openBrowser(server.url, headers, fetch).mutate('auth.signIn', input)
  }
  const answers = await withThrottles(server.database.ownerUrl, () => Promise.all(Array.from({ length: 200 }, (_, index) => guess(index))))
  const told = answers.map(({ status, error }) => `${status} ${error?.data.code}`)
  expect(told.filter((each) => each === '401 UNAUTHORIZED')).toHaveLength(30)
  expect(told.filter((each) => each === '429 TOO_MANY_REQUESTS')).toHaveLength(170)
})
