/** Calls that a page of somebody else makes, or that are no calls at all: none is run. */
import type { AnyTRPCProcedure, AnyTRPCRouter } from '@trpc/server'
import { decode } from '@plinth/client/transformer'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { appRouter } from '../../src/router.ts'
import { definitionOf } from '../../src/trpc/seal.ts'
import { answerOf, openBrowser, toldBy, type Answer, type Browser } from '../browser.ts'
import { query } from '../database.ts'
import { bareFetch, openGate } from '../gate.ts'
import { cookiesOf } from '../race.ts'
import { startTestServer, type TestServer } from '../server.ts'
import { wholeState } from '../whole-state.ts'

const password = 'nine lazy otters hum'
const home = 'https://plinth.example.com'
const json = 'application/json'
const foreign = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }
const ours = { 'sec-fetch-site': 'same-origin' }
const refusal = (status: number, code: string, message: string) => ({ status, message, data: { code, httpStatus: status } })
const notOurs = refusal(403, 'FORBIDDEN', 'This call did not come from a page of this server.')
const notJson = refusal(415, 'UNSUPPORTED_MEDIA_TYPE', 'Send application/json.')
const mutations = Object.entries<AnyTRPCProcedure>((appRouter as AnyTRPCRouter)._def.procedures)
  .filter(([, procedure]) => definitionOf(procedure).type === 'mutation')
  .map(([path]) => path)
let server: TestServer
let browser: Browser

beforeAll(async () => {
  server = await startTestServer({ env: { PUBLIC_URL: home } })
  await server.signUpAs('ada@example.com', { password })
  browser = openBrowser(server.url)
  await browser.mutate('auth.signIn', { email: 'ada@example.com', password, delivery: 'COOKIE' })
})
afterAll(() => server.stop())

type Sent = { path?: string; method?: string; headers?: Record<string, string>; body?: string; fetch?: typeof globalThis.fetch }

/** A request with the session's cookie, as it is written here and in nothing else. */
const send = ({ path = 'auth.signOut', method = 'POST', headers, body, fetch = bareFetch }: Sent): Promise<Response> =>
  fetch(`${server.url}/trpc/${path}`, { method, headers: { ...cookiesOf(browser), ...headers }, ...(body !== undefined && { body }) })
const answerTo = async (sent: Sent): Promise<Answer> => answerOf(await send(sent))
const state = () => wholeState(server.database.ownerUrl)
const session = () => query(server.database.ownerUrl, 'SELECT id, token_hash, revoked_at, end_reason FROM auth.sessions ORDER BY id')

/** Nothing that the services keep has changed meanwhile, and whoever was signed in still is. */
async function runsNothing(attempts: () => Promise<void>): Promise<void> {
  const before = [await state(), await session()]
  await attempts()
  expect([await state(), await session()]).toEqual(before)
  expect((await browser.query('auth.me')).data).toMatchObject({ email: 'ada@example.com' })
}

describe('a page of somebody else', () => {
  test('C01 signs nobody out, not even twenty times at once', () =>
    runsNothing(async () => {
      const [fetch, headers] = [openGate(20), { ...foreign, 'content-type': json }]
      const answers = await Promise.all(Array.from({ length: 20 }, () => answerTo({ headers, body: '{}', fetch })))
      for (const answer of answers) expect([toldBy(answer), answer.setCookies]).toEqual([notOurs, []])
    }))

  test.each([
    ['multipart/form-data; boundary=x', '--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n'],
    ['multipart/form-data', '{}'],
    ['application/octet-stream', '{}'],
    ['text/plain', '{}'],
    ['text/plain;charset=UTF-8', '{"json":{}}'],
    ['application/x-www-form-urlencoded', 'json='],
    [null, '{}'],
    ['', '{}'],
    ['text/plain; application/json', '{}'],
    ['application/json-patch+json', '{}'],
    ['text/json', '{}'],
  ])('C02 runs nothing as %j, and neither does a page of ours', (type, body) =>
    runsNothing(async () => {
      for (const path of ['auth.signOut', 'auth.session.revokeOthers', 'auth.signOut,auth.session.revokeOthers?batch=1']) {
        for (const from of [foreign, ours]) {
          const answer = await answerTo({ path, headers: { ...from, ...(type !== null && { 'content-type': type }) }, body })
          expect([toldBy(answer), answer.setCookies]).toEqual([notJson, []])
        }
      }
    }),
  )

  test('C03 with a cookie and no word of where it comes from is refused: a mutation, a batch of them, and what is read', () =>
    runsNothing(async () => {
      const headers = { 'content-type': json }
      for (const path of ['auth.signOut', 'auth.session.revokeOthers', 'auth.signOut,auth.session.revokeOthers?batch=1']) {
        expect(toldBy(await answerTo({ path, headers, body: '{}' }))).toEqual(notOurs)
      }
      expect(toldBy(await answerTo({ path: 'auth.me', method: 'GET' }))).toEqual(notOurs)
    }))

  test('C03 a bearer token is taken, from wherever it comes: no page sends it by itself', async () => {
    const { token, email } = await server.signUpAs('tool@example.com', { password })
    for (const from of [{}, foreign, { origin: 'null' }]) {
      const headers = { authorization: `Bearer ${token}`, ...from, 'content-type': json }
      const init = { method: 'POST', headers, body: '{}' }
      const answer = await answerOf(await bareFetch(`${server.url}/trpc/auth.session.revokeOthers`, init))
      expect([answer.status, answer.data]).toEqual([200, { revoked: 0 }])
      expect((await openBrowser(server.url, headers).query('auth.me')).data).toMatchObject({ email })
    }
  })

  test.each<Record<string, string>>([
    { origin: 'null' },
    { origin: `${home}.evil.io` },
    { origin: 'https://evil-plinth.example.com' },
    { origin: home.replace('https', 'http') },
    { origin: `${home}:8443` },
    { origin: `${home}/` },
    { origin: `https://plinth.example.com@evil.example` },
    { origin: `${home}, https://evil.example` },
    { origin: '' },
    { origin: 'https://other.example.com', 'sec-fetch-site': 'same-site' },
    { origin: home, 'sec-fetch-site': 'same-site' },
    { origin: home, 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'none' },
    { 'sec-fetch-site': 'Same-Origin' },
    { 'sec-fetch-site': 'same-origin, cross-site' },
    { referer: `${home}/page` },
  ])('C04 %j is not ours', (headers) =>
    runsNothing(async () => {
      const answer = await answerTo({ headers: { ...headers, 'content-type': json }, body: '{}' })
      expect([toldBy(answer), answer.setCookies]).toEqual([notOurs, []])
    }),
  )

  test('C06 is given no permission to read: not before a call, not with an answer, not with a refusal', async () => {
    const asked = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type,authorization' }
    for (const origin of ['https://evil.example', 'null', `${home}.evil.io`, home.replace('https', 'http'), '*']) {
      const answers = [
        await send({ path: 'auth.me', method: 'OPTIONS', headers: { origin, ...asked } }),
        await send({ path: 'auth.signOut', method: 'OPTIONS', headers: { origin, ...asked } }),
        await send({ path: 'auth.me', method: 'GET', headers: { origin, 'sec-fetch-site': 'cross-site' } }),
        await send({ path: 'auth.me', method: 'GET', headers: { origin, ...ours } }),
        await send({ path: 'nothing', headers: { origin } }),
      ]
      expect(answers.map(({ status }) => status)).toEqual([204, 204, 403, 200, 415])
      for (const { headers } of answers) {
        expect([...headers.keys()].filter((key) => key.startsWith('access-control-'))).toEqual([])
        expect([...headers.values()].join()).not.toContain('evil')
        expect(headers.get('vary')).toContain('Origin')
      }
    }
  })
})

describe('a mutation by another method', () => {
  const another = refusal(405, 'METHOD_NOT_SUPPORTED', 'This procedure takes another HTTP method.')
  const unreadable = {
    status: 400,
    message: 'The request cannot be read, or holds too many calls.',
    data: { code: 'BAD_REQUEST', details: { fields: {} }, httpStatus: 400 },
  }
  const byPost = refusal(405, 'METHOD_NOT_SUPPORTED', 'Queries are GET, mutations are POST.')
  const input = encodeURIComponent(JSON.stringify({ json: { email: 'x@example.com', name: 'X', password } }))

  test('C05 GET runs none of them, with an input or without, alone or in a batch', () =>
    runsNothing(async () => {
      expect(mutations.length).toBeGreaterThan(50)
      for (const path of mutations) {
        for (const query of ['', `?input=${input}`]) {
          const answer = await answerTo({ path: path + query, method: 'GET', headers: ours })
          expect([path, toldBy(answer), answer.headers.get('allow'), answer.setCookies]).toEqual([path, another, 'POST', []])
        }
      }
      const batch = `?batch=1&input=${encodeURIComponent('{"1":{"json":{}}}')}`
      const two = await send({ path: `auth.signOut,auth.session.revokeOthers${batch}`, method: 'GET', headers: ours })
      expect([two.status, two.headers.getSetCookie()]).toEqual([405, []])
      for (const each of (await two.json()) as { error: never }[])
        expect(toldBy({ status: 405, error: decode(each.error) } as Answer)).toEqual(another)
      const mixed = await answerTo({ path: `auth.me,auth.signOut${batch}`, method: 'GET', headers: ours })
      expect([toldBy(mixed), mixed.setCookies]).toEqual([unreadable, []])
    }))

  test('C05 HEAD runs none of them', () =>
    runsNothing(async () => {
      for (const path of mutations) {
        const answer = await send({ path: `${path}?input=${input}`, method: 'HEAD', headers: ours })
        expect([path, answer.status, await answer.text(), answer.headers.getSetCookie()]).toEqual([path, 405, '', []])
      }
    }))

  test.each(['PUT', 'DELETE', 'PATCH'])('C05 %s runs none of them', (method) =>
    runsNothing(async () => {
      for (const path of mutations) {
        const answer = await answerTo({ path, method, headers: { ...ours, 'content-type': json }, body: '{}' })
        expect([path, toldBy(answer), answer.headers.get('allow'), answer.setCookies]).toEqual([path, byPost, 'GET, POST', []])
      }
    }),
  )

  test('C05 no header makes another method of it', () =>
    runsNothing(async () => {
      for (const name of ['x-http-method-override', 'x-http-method', 'x-method-override']) {
        expect(toldBy(await answerTo({ method: 'GET', headers: { ...ours, [name]: 'POST' } }))).toEqual(another)
      }
      expect(toldBy(await answerTo({ path: 'auth.signOut?_method=POST', method: 'GET', headers: ours }))).toEqual(another)
    }))
})
