/** What is told to the outside: by an answer, to a cache, in the log. */
import type { AnyTRPCProcedure, AnyTRPCRouter } from '@trpc/server'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { divertLog } from '#lib/log.ts'
import { appRouter } from '../../src/router.ts'
import { definitionOf } from '../../src/trpc/seal.ts'
import { openBrowser, toldBy, type Browser } from '../browser.ts'
import { query } from '../database.ts'
import { bareFetch } from '../gate.ts'
import { cookiesOf } from '../race.ts'
import { startTestServer, type TestServer } from '../server.ts'
import { withThrottles } from '../throttles.ts'

const password = 'nine lazy otters hum'
const home = 'https://plinth.example.com'
const lines: string[] = []
const undivert = divertLog({ write: (line) => void lines.push(line) })
let server: TestServer
let browser: Browser

beforeAll(async () => {
  server = await startTestServer({ env: { PUBLIC_URL: home, LOG_LEVEL: 'trace' } })
  await server.signUpAs('ada@example.com', { password })
  browser = openBrowser(server.url)
  await browser.mutate('auth.signIn', { email: 'ada@example.com', password, delivery: 'COOKIE' })
})
afterAll(async () => {
  undivert()
  await server.stop()
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

test('S19 no cache keeps a stream, and none on the way changes it', async () => {
  const { id: teamId } = (await browser.mutate('teams.create', { name: 'Streams', slug: 'streams' })).data as { id: string }
  const input = encodeURIComponent(JSON.stringify({ json: { teamId } }))
  const { status, headers, body } = await fetch(`${server.url}/trpc/teams.events?input=${input}`, {
    headers: { ...cookiesOf(browser), 'sec-fetch-site': 'same-origin', accept: 'text/event-stream' },
  })
  await body?.cancel()
  expect([status, headers.get('content-type'), headers.get('cache-control')]).toEqual([200, 'text/event-stream', 'no-store, no-transform'])
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
