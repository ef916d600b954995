import { hash } from '@node-rs/argon2'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser, type Answer } from '../../../test/browser.ts'
import { query } from '../../../test/database.ts'
import { startTestServer, type TestPerson, type TestServer } from '../../../test/server.ts'
import { withThrottles } from '../../../test/throttles.ts'

const password = 'nine lazy otters hum'
const wrong = 'eight lazy otters hum'
let server: TestServer
let last = 0

beforeAll(async () => {
  server = await startTestServer({ env: { TRUSTED_PROXIES: '1', PUBLIC_URL: 'https://plinth.example.com' } })
})
afterAll(() => server.stop())

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
/** Somebody's browser, at an address of its own (198.18.0.0/15 is nobody's). */
const elsewhere = (address = `198.18.${Math.floor(++last / 250)}.${last % 250}`) => openBrowser(server.url, { 'x-forwarded-for': address })
const signIn = (email: string, given: string, browser = elsewhere(), delivery = 'TOKEN') =>
  browser.mutate('auth.signIn', { email, password: given, delivery })
const traces = async (event: string, { me }: TestPerson) =>
  (await ask('SELECT FROM core.activity WHERE event = $1 AND user_id = $2', [event, me.id])).length

const throttled = <T>(work: () => Promise<T>) => withThrottles(server.database.ownerUrl, work)

test('S01 S02 S09 signing in gives a new token each time, in a cookie that only this server sees, and ends the session that came along', async () => {
  await server.signUpAs('cookie@example.com', { password })
  const browser = elsewhere()
  const planted = `pln_s_${'A'.repeat(43)}`
  browser.cookies.set('__Host-plinth_session', planted)
  const first = await signIn('cookie@example.com', password, browser, 'COOKIE')
  expect(first).toMatchObject({ status: 200, data: { token: null } })
  expect(first.setCookies).toHaveLength(2)
  expect(first.setCookies[0]).toMatch(/^__Host-plinth_session=pln_s_[\w-]{43}; /)
  expect(attributesOf(first)).toEqual(['HttpOnly', 'Max-Age=2592000', 'Path=/', 'SameSite=Lax', 'Secure'])
  const token = browser.cookies.get('__Host-plinth_session') ?? ''
  expect(token).not.toBe(planted)

  const second = await signIn('cookie@example.com', password, browser, 'COOKIE')
  expect(second.status).toBe(200)
  expect((await browser.query('auth.me')).status).toBe(200)
  for (const old of [planted, token]) {
    const other = elsewhere()
    other.cookies.set('__Host-plinth_session', old)
    expect((await other.query('auth.me')).status).toBe(401)
  }
})

test('S16 fifty sign-ins at once are fifty sessions of their own', async () => {
  const person = await server.signUpAs('fifty@example.com', { password })
  const answers = await Promise.all(Array.from({ length: 50 }, () => signIn('fifty@example.com', password)))
  expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(200))
  const tokens = new Set(answers.map(({ data }) => (data as { token: string }).token))
  expect(tokens.size).toBe(50)
  expect(await traces('auth.session.started', person)).toBe(51)
})

test('S16 with the throttle too, sign-ins at once are each answered or told to wait', async () => {
  await server.signUpAs('burst@example.com', { password })
  const answers = await throttled(() => Promise.all(Array.from({ length: 50 }, () => signIn('burst@example.com', password))))
  const statuses = answers.map(({ status }) => status)
  expect(new Set(statuses)).toEqual(new Set([200, 429]))
  for (const { status, headers } of answers) if (status === 429) expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
})

test('a hash of older parameters is replaced when its owner signs in, and only then', async () => {
  const { me } = await server.signUpAs('older@example.com', { password })
  const stored = async () => (await ask<{ hash: string }>('SELECT hash FROM auth.passwords WHERE user_id = $1', [me.id]))[0]?.hash
  const old = await hash(password, { memoryCost: 12_288, timeCost: 1 })
  await ask('UPDATE auth.passwords SET hash = $1 WHERE user_id = $2', [old, me.id])
  expect((await signIn('older@example.com', wrong)).status).toBe(401)
  expect(await stored()).toBe(old)
  expect((await signIn('older@example.com', password)).status).toBe(200)
  expect(await stored()).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
  expect((await signIn('older@example.com', password)).status).toBe(200)
})

test('a sign-in is never answered twice from memory: its token is shown once', async () => {
  await server.signUpAs('key@example.com', { password })
  const headers = { 'idempotency-key': 'one-key-of-a-sign-in', 'x-plinth-device': 'a-device-of-its-own-1' }
  const send = () => elsewhere().mutate('auth.signIn', { email: 'key@example.com', password, delivery: 'TOKEN' }, headers)
  expect((await send()).status).toBe(200)
  expect(await send()).toMatchObject({ status: 409, error: { data: { code: 'ALREADY_DONE' } } })
  const kept = await ask<{ dump: string }>('SELECT row_to_json(k)::text AS dump FROM core.idempotency_keys AS k')
  expect(kept.map(({ dump }) => dump).join()).not.toMatch(/pln_[st]_/)
})

function attributesOf({ setCookies }: Answer): string[] {
  return (setCookies[0] ?? '').split('; ').slice(1).toSorted()
}
