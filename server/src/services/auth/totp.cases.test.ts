import { afterAll, beforeAll, expect, test } from 'vitest'
import { appWith, enrolApp, type AuthenticatorApp } from '../../../test/authenticator-app.ts'
import { openBrowser, toldBy, type Browser } from '../../../test/browser.ts'
import { advance } from '../../../test/clock.ts'
import { query } from '../../../test/database.ts'
import { atOnce } from '../../../test/race.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'
import { waysInOf } from '../../../test/ways-in.ts'

const password = 'nine lazy otters hum'
const [second, minute] = [1_000, 60_000]
let server: TestServer
let last = 0

beforeAll(async () => {
  server = await startTestServer({ env: { PUBLIC_URL: 'https://plinth.example.com' } })
})
afterAll(() => server.stop())

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const open = () => openBrowser(server.url)
const showPassword = (email: string, browser = open()) => browser.mutate('auth.signIn', { email, password, delivery: 'COOKIE' })
/** Shows the password and gives what then waits for the code. */
const pending = async (email: string) => ((await showPassword(email)).data as { pendingToken: string }).pendingToken
const showCode = (pendingToken: string, code: string, browser = open()) => browser.mutate('auth.secondFactor.totp', { pendingToken, code })
const waysIn = (email: string) => waysInOf(server.database.ownerUrl, email)
const waiting = async (pendingToken: string) =>
  (
    await ask<{ tries: number; over: boolean }>(
      'SELECT tries, used_at IS NOT NULL AS over FROM auth.verification_tokens WHERE token_hash = sha256($1)',
      [Buffer.from(pendingToken)],
    )
  )[0]
const nobody = { status: 401, message: 'Sign in first.', data: { code: 'UNAUTHORIZED', httpStatus: 401 } }
/** The one answer to a code that is wrong and to a sign-in that waits no more. */
const wrong = { ...nobody, message: 'The code is wrong, or the sign-in has taken too long.' }
const wrongAtField = {
  status: 400,
  message: 'This is not right.',
  data: { code: 'BAD_REQUEST', httpStatus: 400, details: { fields: { code: ['is wrong'] } } },
}
const factor = async (email: string) =>
  (
    await ask<{ last_step: number; confirmed: boolean }>(
      `SELECT last_step, confirmed_at IS NOT NULL AS confirmed FROM auth.totp_factors AS f JOIN auth.users AS u ON u.id = user_id
       WHERE email = $1 AND f.deleted_at IS NULL`,
      [email],
    )
  )[0]

interface Person {
  readonly email: string
  readonly browser: Browser
  readonly app: AuthenticatorApp
}

/** Somebody with an authenticator app, signed in at level 2. The code of this moment has been used. */
async function person(): Promise<Person> {
  const email = `totp${++last}@example.com`
  await server.signUpAs(email, { password })
  const browser = open()
  await showPassword(email, browser)
  return { email, browser, app: await enrolApp(browser) }
}

test('an app is enrolled, confirmed by its code and asked for at sign-in, whose session is of level 2 and lives for a day', async () => {
  const { email, app } = await person()
  const [browser, pendingToken] = [open(), await pending(email)]
  const answer = await showCode(pendingToken, app.code(1), browser)
  expect([answer.status, answer.data]).toMatchObject([200, { status: 'SIGNED_IN', me: { email }, token: null }])
  expect(answer.setCookies[0]).toMatch(/^__Host-plinth_session=pln_s_[\w-]{43}; Max-Age=86400; Path=\/; HttpOnly; Secure; SameSite=Lax$/)
  expect((await browser.query('auth.totp.get')).data).toEqual({ confirmedAt: expect.any(Date) })
  const [session] = await ask(`SELECT level, methods::text[] FROM auth.sessions ORDER BY id DESC LIMIT 1`)
  expect(session).toEqual({ level: 2, methods: ['PASSWORD', 'TOTP'] })
})

test('a tool that shows a code is given the token that it asked for at the first factor', async () => {
  const { email, app } = await person()
  const first = await open().mutate('auth.signIn', { email, password, delivery: 'TOKEN' })
  const answer = await showCode((first.data as { pendingToken: string }).pendingToken, app.code(1))
  expect(answer.data).toMatchObject({ token: expect.stringMatching(/^pln_t_[\w-]{43}$/) })
  expect(answer.setCookies).toEqual([])
})

test('M02 a code is worth one sign-in: not a second in its challenge, not one in a new challenge, and none that is older', async () => {
  const { email, app } = await person()
  const [first, other, third] = [await pending(email), await pending(email), await pending(email)]
  const code = app.code(1)
  expect((await showCode(first, code)).data).toMatchObject({ status: 'SIGNED_IN', me: { email } })
  const kept = await waysIn(email)
  for (const [token, shown] of [
    [first, code],
    [other, code],
    [third, app.code()],
    [third, app.code(-1)],
  ] as const) {
    const answer = await showCode(token, shown)
    expect([toldBy(answer), answer.setCookies]).toEqual([wrong, []])
    expect(await waysIn(email)).toEqual(kept)
  }
  const used = (await factor(email))?.last_step
  await advance(server.database.ownerUrl, 60 * second)
  expect((await showCode(other, app.code())).status).toBe(200)
  expect((await factor(email))?.last_step).toBeGreaterThan(used ?? Infinity)
})

test('M02 a code that a step-up took signs nobody in, and one that signed in steps nobody up', async () => {
  const { email, browser, app } = await person()
  const [token, code] = [await pending(email), app.code(1)]
  expect((await browser.mutate('auth.stepUp.totp', { code })).data).toMatchObject({ status: 'SIGNED_IN' })
  const steppedUp = await waysIn(email)
  expect(toldBy(await showCode(token, code))).toEqual(wrong)
  expect(await waysIn(email)).toEqual(steppedUp)
  await advance(server.database.ownerUrl, 60 * second)
  const next = app.code()
  expect((await showCode(token, next)).status).toBe(200)
  const signedIn = await waysIn(email)
  expect(toldBy(await browser.mutate('auth.stepUp.totp', { code: next }))).toEqual(wrongAtField)
  expect(await waysIn(email)).toEqual(signedIn)
})

test.each<[string, (email: string) => Promise<string[]>]>([
  ['in twenty challenges', (email) => Promise.all(Array.from({ length: 20 }, () => pending(email)))],
  ['in one challenge', async (email) => Array<string>(20).fill(await pending(email))],
])('M02 of twenty at once that show the same code, %s, one is let in', async (_, challenges) => {
  const { email, app } = await person()
  const [tokens, before] = [await challenges(email), await waysIn(email)]
  const code = app.code(1)
  const answers = await atOnce(server.url, 20, (browser, each) => showCode(tokens[each] ?? '', code, browser))
  const refused = answers.filter(({ status }) => status !== 200)
  expect(refused.map(toldBy)).toEqual(Array.from({ length: 19 }, () => wrong))
  expect(refused.flatMap(({ setCookies }) => setCookies)).toEqual([])
  const after = await waysIn(email)
  expect(after.session).toEqual([...before.session, expect.objectContaining({ level: 2, methods: ['PASSWORD', 'TOTP'] })])
  expect({ ...after, session: [], app: [] }).toEqual({ ...before, session: [], app: [] })
})

test('M04 five wrong codes end a pending sign-in: the right one comes too late, and a new sign-in is to be begun', async () => {
  const { email, app } = await person()
  const token = await pending(email)
  const kept = await waysIn(email)
  for (let tries = 1; tries <= 5; tries += 1) {
    expect(toldBy(await showCode(token, app.code(1000)))).toEqual(wrong)
    expect([await waiting(token), await waysIn(email)]).toEqual([{ tries, over: tries === 5 }, kept])
  }
  for (const [shown, code] of [
    [token, app.code(1000)],
    [token, app.code(1)],
    [`pln_2_${'A'.repeat(43)}`, app.code(1)],
  ] as const)
    expect(toldBy(await showCode(shown, code))).toEqual(wrong)
  expect([await waiting(token), await waysIn(email)]).toEqual([{ tries: 5, over: true }, kept])
  expect((await showCode(await pending(email), app.code(1))).status).toBe(200)
})

test('a sign-in waits five minutes for its code', async () => {
  const { email, app } = await person()
  const [inTime, late] = [await pending(email), await pending(email)]
  await advance(server.database.ownerUrl, 4 * minute)
  expect((await showCode(inTime, app.code())).status).toBe(200)
  await advance(server.database.ownerUrl, minute + second)
  expect(toldBy(await showCode(late, app.code()))).toEqual(wrong)
})

test('M07 what was enrolled and not confirmed is not asked for; its secret is shown once, and a second enrolment replaces it', async () => {
  const email = `totp${++last}@example.com`
  await server.signUpAs(email, { password })
  const browser = open()
  await showPassword(email, browser)
  const first = (await browser.mutate('auth.totp.enrol')).data as { secret: string; url: string }
  expect(first.secret).toMatch(/^[A-Z2-7]{32}$/)
  expect(first.url).toBe(`otpauth://totp/plinth.example.com:${encodeURIComponent(email)}?secret=${first.secret}&issuer=plinth.example.com`)
  expect((await showPassword(email)).data).toMatchObject({ status: 'SIGNED_IN' })
  const seen = await browser.query('auth.totp.get')
  expect([seen.data, seen.text.includes(first.secret)]).toEqual([{ confirmedAt: null }, false])
  const again = (await browser.mutate('auth.totp.enrol')).data as { secret: string }
  const refused = await browser.mutate('auth.totp.confirm', { code: appWith(first.secret).code() })
  expect(toldBy(refused)).toEqual({ ...wrongAtField, message: 'The code is wrong.' })
  expect(await factor(email)).toEqual({ last_step: 0, confirmed: false })
  const old = browser.cookies.get('__Host-plinth_session')
  expect((await browser.mutate('auth.totp.confirm', { code: appWith(again.secret).code() })).status).toBe(200)
  expect(toldBy(await openBrowser(server.url, { cookie: `__Host-plinth_session=${old}` }).query('auth.me'))).toEqual(nobody)
  expect((await showPassword(email)).data).toMatchObject({ status: 'SECOND_FACTOR', methods: ['TOTP'] })
  expect(toldBy(await browser.mutate('auth.totp.confirm', { code: appWith(again.secret).code(1) }))).toEqual({
    status: 404,
    message: 'No authenticator app waits to be confirmed.',
    data: { code: 'NOT_FOUND', httpStatus: 404 },
  })
  const [row] = await ask<{ dump: string }>('SELECT t::text AS dump FROM auth.totp_factors AS t ORDER BY id DESC LIMIT 1')
  expect(row?.dump).not.toContain(again.secret)
})

test('M07 another app counts when it is confirmed, not before, and then the first no more', async () => {
  const { email, browser, app } = await person()
  const next = appWith(((await browser.mutate('auth.totp.enrol')).data as { secret: string }).secret)
  const kept = await waysIn(email)
  expect(toldBy(await showCode(await pending(email), next.code()))).toEqual(wrong)
  expect(toldBy(await browser.mutate('auth.stepUp.totp', { code: next.code() }))).toEqual(wrongAtField)
  expect(await waysIn(email)).toEqual(kept)
  expect((await showCode(await pending(email), app.code(1))).status).toBe(200)
  await advance(server.database.ownerUrl, 60 * second)
  await browser.mutate('auth.totp.confirm', { code: next.code() })
  expect(toldBy(await showCode(await pending(email), app.code(1)))).toEqual(wrong)
  expect((await showCode(await pending(email), next.code(1))).status).toBe(200)
})

test('M08 an app is enrolled, confirmed and taken away by who stepped up alone', async () => {
  const { email, browser, app } = await person()
  await advance(server.database.ownerUrl, 11 * minute)
  const before = await waysIn(email)
  const details = { methods: ['TOTP'] }
  const needed = {
    status: 401,
    message: 'Prove once more who you are.',
    data: { code: 'STEP_UP_REQUIRED', httpStatus: 401, details },
  }
  for (const [procedure, input] of [
    ['auth.totp.disable', undefined],
    ['auth.totp.enrol', undefined],
    ['auth.totp.confirm', { code: app.code() }],
  ] as const)
    expect(toldBy(await browser.mutate(procedure, input))).toEqual(needed)
  expect(toldBy(await browser.mutate('auth.stepUp.password', { password }))).toEqual({ ...needed, message: 'This is not enough.' })
  expect(toldBy(await browser.mutate('auth.stepUp.totp', { code: app.code(1000) }))).toEqual(wrongAtField)
  expect(await waysIn(email)).toEqual(before)
  const code = app.code()
  expect((await browser.mutate('auth.stepUp.totp', { code })).data).toMatchObject({ status: 'SIGNED_IN' })
  expect(toldBy(await browser.mutate('auth.stepUp.totp', { code }))).toEqual(wrongAtField)
  expect((await browser.mutate('auth.totp.disable')).data).toEqual({ status: 'DISABLED' })
  expect(await factor(email)).toBeUndefined()
  expect((await showPassword(email)).data).toMatchObject({ status: 'SIGNED_IN' })
})

test('a secret that was put beside another person opens nothing', async () => {
  const [ada, eve] = [await person(), await person()]
  const secretOf = (email: string) =>
    `(SELECT sealed_secret FROM auth.totp_factors AS f JOIN auth.users AS u ON u.id = user_id WHERE email = '${email}')`
  await ask(
    `UPDATE auth.totp_factors SET sealed_secret = ${secretOf(eve.email)} WHERE user_id = (SELECT id FROM auth.users WHERE email = $1)`,
    [ada.email],
  )
  expect((await showCode(await pending(ada.email), eve.app.code(1))).status).toBe(500)
})

test('R08 a new password removes no factor: the code is asked for as before', async () => {
  const { email, app } = await person()
  await open().mutate('auth.password.requestReset', { email })
  const token = await server.tokenMailedTo(email, /pln_r_/)
  const next = 'ten brisk herons wade'
  expect((await open().mutate('auth.password.reset', { token, password: next })).data).toEqual({ status: 'RESET' })
  const answer = await open().mutate('auth.signIn', { email, password: next, delivery: 'COOKIE' })
  expect(answer.data).toMatchObject({ status: 'SECOND_FACTOR', methods: ['TOTP'] })
  expect(answer.setCookies).toEqual([])
  expect((await showCode((answer.data as { pendingToken: string }).pendingToken, app.code(1))).status).toBe(200)
})

test('S01 S02 completing a sign-in gives a token that nobody could plant, and ends the session that the call came with', async () => {
  const { email, browser, app } = await person()
  const old = browser.cookies.get('__Host-plinth_session')
  expect((await showCode(await pending(email), app.code(1), browser)).status).toBe(200)
  const present = browser.cookies.get('__Host-plinth_session')
  expect(present).not.toBe(old)
  const who = (cookie = '') => openBrowser(server.url, { cookie: `__Host-plinth_session=${cookie}` })
  expect([(await who(old).query('auth.me')).status, (await who(present).query('auth.me')).status]).toEqual([401, 200])
})
