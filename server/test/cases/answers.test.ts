/** What is told to the outside: by an answer, a mail, a page or the log. */
import type { AnyTRPCProcedure, AnyTRPCRouter } from '@trpc/server'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { divertLog } from '#lib/log.ts'
import { readOutbox } from '../../src/http/outbox.ts'
import { appRouter } from '../../src/router.ts'
import { definitionOf } from '../../src/trpc/seal.ts'
import { openBrowser, toldBy, type Answer, type Browser } from '../browser.ts'
import { query } from '../database.ts'
import { bareFetch } from '../gate.ts'
import { eventually } from '../outbox.ts'
import { startOpenIdProvider, type OpenIdProvider } from '../providers/openid.ts'
import { visit } from '../providers/visit.ts'
import { cookiesOf } from '../race.ts'
import { startTestServer, type TestServer } from '../server.ts'
import { withThrottles } from '../throttles.ts'

const password = 'nine lazy otters hum'
const home = 'https://plinth.example.com'
const lines: string[] = []
const undivert = divertLog({ write: (line) => void lines.push(line) })
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
    env: { PUBLIC_URL: home, LOG_LEVEL: 'trace', OIDC_PROVIDERS: JSON.stringify([settings]), PRIVATE_HOSTS: company.host },
  })
  await server.signUpAs('ada@example.com', { password })
  browser = openBrowser(server.url)
  await browser.mutate('auth.signIn', { email: 'ada@example.com', password, delivery: 'COOKIE' })
})
afterAll(async () => {
  undivert()
  await server.stop()
  await company.stop()
})

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const open = (headers = {}) => openBrowser(server.url, headers)
/** A request to any address of the server, with the headers that are given and no other. */
const send = (path: string, headers: Record<string, string> = {}, { method = 'GET', body }: { method?: string; body?: string } = {}) =>
  bareFetch(server.url + path, { method, headers, ...(body !== undefined && { body }) })

describe('a refusal', () => {
  const told =
    /stack|node_modules|\.[jt]s\b|prisma|\bP\d{4}\b|select |insert |drop |relation |column|violates|4711|\/tmp|\/home|\/work|\bat \w+ \(/i

  /** The shape that every refusal has, and nothing that it should not hold. */
  function tellsNothing(text: string): string {
    const { error } = JSON.parse(text) as { error: { json: { data: { code: string } } } }
    const { data, ...rest } = error.json
    expect(Object.keys(rest).toSorted()).toEqual(['code', 'message'])
    expect(['code', 'details', 'httpStatus', 'path', 'requestId']).toEqual(expect.arrayContaining(Object.keys(data)))
    expect(text).not.toMatch(told)
    return data.code
  }

  test('C16 of every kind tells of no code, file, statement or anything that was sent', async () => {
    const own = { ...cookiesOf(browser), 'sec-fetch-site': 'same-origin', 'content-type': 'application/json' }
    const post = (path: string, body: string, headers: Record<string, string> = own) =>
      send(`/trpc/${path}`, headers, { method: 'POST', body })
    const input = (value: object) => JSON.stringify({ json: value })
    const slug = input({ name: 'Engines', slug: 'engines-4711' })
    await post('teams.create', slug)
    const attempts: [status: number, code: string, () => Promise<Response>][] = [
      [400, 'BAD_REQUEST', () => post('auth.signIn', input({ email: "' OR 4711=4711 --", password: 'secret4711', delivery: 'COOKIE' }))],
      [400, 'BAD_REQUEST', () => post('auth.session.revoke', input({ sessionId: "'; DROP TABLE auth.users; --4711" }))],
      [400, 'BAD_REQUEST', () => post('auth.signIn', '{"json":{"password":"secret4711"')],
      [400, 'BAD_REQUEST', () => send(`/trpc/auth.session.list?input=${encodeURIComponent(input({ cursor: 'secret4711' }))}`, own)],
      [400, 'INVALID_TOKEN', () => post('auth.verifyEmail', input({ token: 'secret4711' }))],
      [401, 'UNAUTHORIZED', () => post('auth.signIn', input({ email: 'ada4711@example.com', password: 'secret4711', delivery: 'COOKIE' }))],
      [401, 'UNAUTHORIZED', () => send('/trpc/auth.me', { authorization: 'Bearer secret4711' })],
      [403, 'FORBIDDEN', () => post('auth.signOut', '{}', { ...own, 'sec-fetch-site': 'cross-site' })],
      [403, 'FORBIDDEN', () => post('auth.person.disable', input({ userId: 'tz4a98xxat96iws9zmbrgj3a' }))],
      [404, 'NOT_FOUND', () => post('auth.session.revoke', input({ sessionId: '01991f0e-7b1c-7000-8000-000000004711' }))],
      [404, 'NOT_FOUND', () => send('/trpc/no.such.procedure', own)],
      [404, 'NOT_FOUND', () => send('/nothing/secret4711')],
      [405, 'METHOD_NOT_SUPPORTED', () => send('/trpc/auth.signOut', own)],
      [409, 'CONFLICT', () => post('teams.create', slug)],
      [413, 'PAYLOAD_TOO_LARGE', () => post('auth.signIn', input({ email: '4711'.repeat(20_000) }))],
      [415, 'UNSUPPORTED_MEDIA_TYPE', () => post('auth.signIn', 'secret4711', { ...own, 'content-type': 'text/4711' })],
    ]
    for (const [status, code, attempt] of attempts) {
      const answer = await attempt()
      expect([answer.status, tellsNothing(await answer.text())], code).toEqual([status, code])
    }
  })

  test('C16 for it was tried too often, or no fresh proof was given, tells no more', async () => {
    const guess = () => open().mutate('auth.signIn', { email: 'guessed4711@example.com', password: 'secret4711', delivery: 'COOKIE' })
    const answers = await withThrottles(server.database.ownerUrl, () => Promise.all(Array.from({ length: 20 }, guess)))
    const told = answers.map(({ status, text }) => [status, tellsNothing(text)].join(' '))
    expect(new Set(told)).toEqual(new Set(['401 UNAUTHORIZED', '429 TOO_MANY_REQUESTS']))
    await ask('DELETE FROM auth.throttles')
    const { token } = await server.signUpAs('stale@example.com', { password })
    await ask(
      `UPDATE auth.sessions SET authenticated_at = authenticated_at - interval '1 hour' WHERE user_id = (SELECT id FROM auth.users WHERE email = 'stale@example.com')`,
    )
    const stale = await open({ authorization: `Bearer ${token}` }).mutate('auth.account.deactivate')
    expect([stale.status, tellsNothing(stale.text)]).toEqual([401, 'STEP_UP_REQUIRED'])
    expect(await ask(`SELECT deleted_at FROM auth.users WHERE email = 'stale@example.com'`)).toEqual([{ deleted_at: null }])
  })

  test('C16 by a fault of ours is one sentence, and the rest is in the log under the number that was told', async () => {
    const { token } = await server.signUpAs('unlucky@example.com', { password })
    await ask('ALTER TABLE auth.sessions RENAME updated_at TO gone')
    const before = lines.length
    const answers = [
      await open().mutate('auth.signIn', { email: 'unlucky@example.com', password, delivery: 'COOKIE' }),
      await open({ authorization: `Bearer ${token}` }).mutate('auth.signOut'),
    ]
    await ask('ALTER TABLE auth.sessions RENAME gone TO updated_at')
    for (const answer of answers) {
      expect(toldBy(answer)).toEqual({
        status: 500,
        message: 'Something went wrong on our side.',
        data: { code: 'INTERNAL', httpStatus: 500 },
      })
      expect(tellsNothing(answer.text)).toBe('INTERNAL')
      const requestId = answer.headers.get('x-request-id') ?? 'none'
      const errors = lines.slice(before).filter((line) => line.includes('"level":"error"') && line.includes(requestId))
      expect(errors).toHaveLength(1)
      expect(errors.join()).not.toMatch(/unlucky|nine lazy/)
    }
    expect((await open({ authorization: `Bearer ${token}` }).query('auth.me')).status).toBe(200)
  })
})

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
        const answer = await exchange(`GET /trpc/auth.me HTTP/1.1\r\n${own}${name}: abcdefgh${end}\r\nconnection: close\r\n\r\n`)
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
    const answer = await send(`/auth/callback/company?${new URLSearchParams({ code, state }).toString()}`)
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
    const answer = await send(`/trpc/${procedure}`, own, { method: 'POST', body: JSON.stringify({ json: input }) })
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
    const answer = await exchange(`${head}content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
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

test('C21 what is sent makes no line of the log: one record for each request, its text escaped', async () => {
  const before = lines.length
  const fake = '{"level":"error","msg":"forged"}'
  const forger = open({ 'user-agent': `x ${fake}`, 'x-request-id': `a%0A${fake}` })
  const emails = [`a@example.com\n${fake}`, `a\r\n${fake}\r\n@example.com`, `a@example.com\u2028${fake}`]
  for (const email of emails) {
    const answer = await forger.mutate('auth.signUp', { email, name: 'Ada', password })
    expect([answer.status, answer.error?.data.code, answer.error?.data.details]).toMatchObject([
      400,
      'BAD_REQUEST',
      { fields: { email: [expect.any(String)] } },
    ])
  }
  const guess = await forger.mutate('auth.signIn', { email: 'ada@example.com', password: `wrong\n${fake}`, delivery: 'COOKIE' })
  expect(guess.status).toBe(401)
  for (const path of [`/trpc/auth.me%0A${encodeURIComponent(fake)}`, `/nothing%0A${encodeURIComponent(fake)}`])
    expect((await send(path)).status).toBe(404)
  const made = lines.slice(before)
  for (const line of made) {
    expect(line.indexOf('\n')).toBe(line.length - 1)
    expect(JSON.parse(line)).toMatchObject({
      level: expect.stringMatching(/^(debug|info|trace)$/),
      msg: expect.stringMatching(/^(request|A call was refused\.)$/),
      requestId: expect.stringMatching(/^[\w-]{36}$/),
    })
  }
  expect(made.map((line) => JSON.parse(line) as { msg: string }).filter(({ msg }) => msg === 'request')).toHaveLength(6)
})

test('S19 no cache keeps an answer: of any procedure, of a refusal, of a page', async () => {
  const procedures = Object.entries<AnyTRPCProcedure>((appRouter as AnyTRPCRouter)._def.procedures)
  const [own, other] = [open(), await server.signUpAs('cached@example.com', { password })]
  await own.mutate('auth.signIn', { email: 'cached@example.com', password, delivery: 'COOKIE' })
  const cookies = cookiesOf(own)
  for (const who of [cookies, { authorization: `Bearer ${other.token}` }, {}]) {
    for (const [path, procedure] of procedures) {
      const { type } = definitionOf(procedure)
      if (type === 'subscription') continue
      const answer = await open(who)[type === 'query' ? 'query' : 'mutate'](path, undefined)
      expect([path, answer.status, answer.headers.get('cache-control')]).toEqual([path, expect.any(Number), 'no-store'])
    }
  }
  for (const [path, method] of [
    ['/trpc/auth.signOut', 'GET'],
    ['/trpc/auth.signOut', 'PUT'],
    ['/trpc/auth.signOut', 'POST'],
    ['/trpc/auth.me', 'OPTIONS'],
    ['/trpc/auth.me,auth.session.list?batch=1', 'GET'],
    ['/trpc/nothing', 'GET'],
    ['/nothing', 'GET'],
    ['/auth/callback/company?state=x', 'GET'],
    ['/', 'GET'],
  ] as const) {
    const { headers } = await send(path, { ...cookies, 'sec-fetch-site': 'same-origin' }, { method })
    expect([path, headers.get('cache-control')]).toEqual([path, 'no-store'])
  }
})

test('R10 the token of a link stands where no browser sends it, and in no log when somebody sends it all the same', async () => {
  await open().mutate('auth.password.requestReset', { email: 'ada@example.com' })
  const token = await server.tokenMailedTo('ada@example.com', /asked for a new password/)
  const [mail] = await server.mailsTo('ada@example.com')
  const link = new URL(/https:\S+/.exec(mail?.text ?? '')?.[0] ?? '')
  expect([link.origin, link.search, link.hash]).toEqual([home, '', `#token=${token}`])
  for (const path of ['/reset-password', '/trpc/auth.password.reset', '/nothing'])
    await fetch(`${server.url}${path}?token=${token}`, { headers: { referer: `${home}/?token=${token}` } })
  expect(lines.join('')).not.toContain(token)
  const next = 'ten brisk herons wade'
  expect((await open().mutate('auth.password.reset', { token, password: next })).status).toBe(200)
})

/** Sends these bytes and gives what came back before the connection was closed. */
function exchange(text: string): Promise<string> {
  const { hostname, port } = new URL(server.url)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(Buffer.from(text, 'latin1')))
    let answer = ''
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()))
    socket.on('error', reject)
    socket.on('close', () => resolve(answer))
  })
}
