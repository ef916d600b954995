import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser, toldBy, type Browser } from '../../../test/browser.ts'
import { advance } from '../../../test/clock.ts'
import { query } from '../../../test/database.ts'
import { atOnce, cookiesOf } from '../../../test/race.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'
import { withThrottles } from '../../../test/throttles.ts'
import { waysInOf } from '../../../test/ways-in.ts'

const password = 'nine lazy otters hum'
const next = 'ten brisk herons wade'
const minute = 60_000
let server: TestServer
let last = 0

beforeAll(async () => {
  server = await startTestServer({ env: { PUBLIC_URL: 'https://plinth.example.com' } })
})
afterAll(() => server.stop())

const throttled = <T>(work: () => Promise<T>) => withThrottles(server.database.ownerUrl, work)

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const waysIn = (email: string) => waysInOf(server.database.ownerUrl, email)
const nobody = { status: 401, message: 'Sign in first.', data: { code: 'UNAUTHORIZED', httpStatus: 401 } }
const tool = (token: unknown) => openBrowser(server.url, { authorization: `Bearer ${String(token)}` })
const signIn = (email: string, browser = openBrowser(server.url), delivery = 'COOKIE') =>
  browser.mutate('auth.signIn', { email, password, delivery })
const newest = async (email: string) =>
  (
    await ask<{ id: string; level: number; methods: string[]; minutes: number }>(
      `SELECT s.id, level, methods::text[], round(extract(epoch FROM expires_at - authenticated_at) / 60)::int AS minutes
       FROM auth.sessions AS s JOIN auth.users AS u ON u.id = user_id WHERE email = $1 AND revoked_at IS NULL ORDER BY s.id DESC`,
      [email],
    )
  )[0]

async function person(): Promise<{ email: string; token: string; browser: Browser }> {
  const email = `level${++last}@example.com`
  const { token } = await server.signUpAs(email, { password })
  const browser = openBrowser(server.url)
  await signIn(email, browser)
  return { email, token, browser }
}

/** An authenticator app that was confirmed: what it takes is not what is tested here. */
const withSecondFactor = (email: string) =>
  ask(
    `INSERT INTO auth.totp_factors (id, user_id, sealed_secret, confirmed_at, updated_at)
     SELECT gen_random_uuid(), id, 'sealed', now(), now() FROM auth.users WHERE email = $1`,
    [email],
  )

test('a password alone makes a session of level 1, and it says by what', async () => {
  const { email, browser } = await person()
  expect(await newest(email)).toMatchObject({ level: 1, methods: ['PASSWORD'], minutes: 30 * 24 * 60 })
  expect((await signIn(email, browser)).data).toMatchObject({ status: 'SIGNED_IN', me: { email }, token: null })
})

test('M01 M09 where there is a second factor, the right password gives nothing that opens anything', async () => {
  const { email } = await person()
  await withSecondFactor(email)
  const [browser, before] = [openBrowser(server.url), await waysIn(email)]
  const answer = await signIn(email, browser)
  const { pendingToken, ...rest } = answer.data as { pendingToken: string }
  expect([answer.status, rest]).toEqual([200, { status: 'SECOND_FACTOR', methods: ['TOTP'], expiresAt: expect.any(Date) }])
  expect(pendingToken).toMatch(/^pln_2_[\w-]{43}$/)
  expect([answer.setCookies, [...browser.cookies]]).toEqual([[], []])
  const shown = [tool(pendingToken), openBrowser(server.url, { cookie: `__Host-plinth_session=${pendingToken}` }), browser]
  for (const who of shown) {
    for (const path of ['auth.me', 'auth.session.list', 'auth.totp.get']) expect(toldBy(await who.query(path))).toEqual(nobody)
    for (const path of ['auth.session.revokeOthers', 'auth.totp.disable', 'auth.stepUp.password'])
      expect(toldBy(await who.mutate(path, { password }))).toEqual(nobody)
  }
  expect(await waysIn(email)).toEqual(before)
  const [row] = await ask<{ dump: string }>(`SELECT t::text AS dump FROM auth.verification_tokens AS t WHERE purpose = 'SECOND_FACTOR'`)
  expect(row?.dump).not.toContain(pendingToken)
})

test('M04 knowing the password clears no counter while the second factor is still to come, not even by a key that had its effect', async () => {
  const { email } = await person()
  await withSecondFactor(email)
  const keyed = { 'idempotency-key': 'a-key-of-this-sign-in', 'x-plinth-device': 'a-device-of-its-own-2' }
  const attempt = (headers = {}) => openBrowser(server.url).mutate('auth.signIn', { email, password, delivery: 'COOKIE' }, headers)
  const answers = await throttled(async () => [
    await attempt(keyed),
    await attempt(keyed),
    await attempt(keyed),
    await attempt(),
    await attempt(),
    await attempt(),
  ])
  const done = { status: 409, message: expect.any(String), data: { code: 'ALREADY_DONE', httpStatus: 409 } }
  const details = { retryAfterSeconds: 2 }
  const message = 'Too many attempts. Try again later.'
  const tooMany = { status: 429, message, data: { code: 'TOO_MANY_REQUESTS', httpStatus: 429, details } }
  const right = { status: 200, message: undefined, data: {} }
  expect(answers.map(toldBy)).toEqual([right, done, done, right, right, tooMany])
})

test('what is sensitive is asked of a session older than ten minutes once more, and the password renews it under a new token', async () => {
  const { email, browser } = await person()
  const [old, before] = [browser.cookies.get('__Host-plinth_session'), await newest(email)]
  await advance(server.database.ownerUrl, 10 * minute)
  const change = { currentPassword: password, password: next }
  const refused = await browser.mutate('auth.password.change', change)
  expect([refused.status, refused.error?.data]).toMatchObject([401, { code: 'STEP_UP_REQUIRED', details: { methods: ['PASSWORD'] } }])
  expect((await browser.mutate('auth.stepUp.password', { password: next })).error?.data).toMatchObject({
    code: 'BAD_REQUEST',
    details: { fields: { password: ['is wrong'] } },
  })
  expect((await browser.mutate('auth.password.change', change)).status).toBe(401)
  const renewed = await browser.mutate('auth.stepUp.password', { password })
  expect([renewed.status, renewed.data]).toMatchObject([200, { status: 'SIGNED_IN', sessionId: before?.id, token: null }])
  const captured = openBrowser(server.url, { cookie: `__Host-plinth_session=${old}` })
  expect((await captured.query('auth.me')).status).toBe(401)
  expect((await browser.query('auth.me')).status).toBe(200)
  expect(await newest(email)).toEqual(before)
  expect((await browser.mutate('auth.password.change', change)).status).toBe(200)
})

test('S09 stepping up sets the cookie as signing in does, and a tool is given its new token', async () => {
  const { browser, token } = await person()
  const answer = await browser.mutate('auth.stepUp.password', { password })
  expect(answer.setCookies).toHaveLength(1)
  expect(answer.setCookies[0]).toMatch(/^__Host-plinth_session=pln_s_[\w-]{43}; Max-Age=2592000; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
  const renewed = (await tool(token).mutate('auth.stepUp.password', { password })).data as { token: string }
  expect(renewed.token).toMatch(/^pln_t_[\w-]{43}$/)
  expect([(await tool(token).query('auth.me')).status, (await tool(renewed.token).query('auth.me')).status]).toEqual([401, 200])
})

test('M08 where there is a second factor, a fresh session of level 1 and the password are not enough', async () => {
  const { email, browser } = await person()
  await withSecondFactor(email)
  const kept = await waysIn(email)
  const answers = [
    await browser.mutate('auth.password.change', { currentPassword: password, password: next }),
    await browser.mutate('auth.stepUp.password', { password }),
  ]
  const data = { code: 'STEP_UP_REQUIRED', httpStatus: 401, details: { methods: ['TOTP'] } }
  expect(answers.map(toldBy)).toEqual([
    { status: 401, message: 'Prove once more who you are.', data },
    { status: 401, message: 'This is not enough.', data },
  ])
  expect(await waysIn(email)).toEqual(kept)
  expect(await newest(email)).toMatchObject({ level: 1, methods: ['PASSWORD'] })
})

test('guesses at a step-up are counted, in a session as on a device: of two hundred at one moment ten are looked at', async () => {
  const { email, browser } = await person()
  const kept = await waysIn(email)
  const guess = (each: Browser) => each.mutate('auth.stepUp.password', { password: next }, cookiesOf(browser))
  const answers = await throttled(() => atOnce(server.url, 200, guess))
  const fields = { password: ['is wrong'] }
  const wrong = { status: 400, message: 'This is not right.', data: { code: 'BAD_REQUEST', httpStatus: 400, details: { fields } } }
  expect(answers.filter(({ status }) => status !== 429).map(toldBy)).toEqual(Array.from({ length: 10 }, () => wrong))
  expect(await waysIn(email)).toEqual(kept)
})

test('a session that was ended is not renewed, and twenty renewals at one moment leave one token', async () => {
  const { token } = await person()
  const headers = { authorization: `Bearer ${token}` }
  const answers = await atOnce(server.url, 20, (each) => each.mutate('auth.stepUp.password', { password }, headers))
  const tokens = answers.map(({ data }) => (data as { token: string } | undefined)?.token)
  const alive = await Promise.all(tokens.map(async (each) => (await tool(each).query('auth.me')).status))
  expect(alive.filter((status) => status === 200)).toHaveLength(1)
})

test('a changed password leaves a session as proven as it was', async () => {
  const { email, browser } = await person()
  await ask(`UPDATE auth.sessions SET level = 2, methods = '{PASSWORD,TOTP}' WHERE id = $1`, [(await newest(email))?.id])
  await browser.mutate('auth.password.change', { currentPassword: password, password: next })
  expect(await newest(email)).toMatchObject({ level: 2, methods: ['PASSWORD', 'TOTP'], minutes: 24 * 60 })
})

test('a session of level 2 ends after an hour without use', async () => {
  const { email, browser } = await person()
  await ask(`UPDATE auth.sessions SET level = 2 WHERE id = $1`, [(await newest(email))?.id])
  await browser.mutate('auth.password.change', { currentPassword: password, password: next })
  await advance(server.database.ownerUrl, 59 * minute)
  expect((await browser.query('auth.me')).status).toBe(200)
  await advance(server.database.ownerUrl, 60 * minute + 1_000)
  expect((await browser.query('auth.me')).status).toBe(401)
})
