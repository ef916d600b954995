import { afterAll, beforeAll, expect, test } from 'vitest'
import { enrolApp, type AuthenticatorApp } from '../../../test/authenticator-app.ts'
import { openBrowser, type Answer, type Browser } from '../../../test/browser.ts'
import { advance } from '../../../test/clock.ts'
import { query } from '../../../test/database.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'
import { withThrottles } from '../../../test/throttles.ts'

const password = 'nine lazy otters hum'
let server: TestServer
let last = 0

beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const throttled = <T>(work: () => Promise<T>) => withThrottles(server.database.ownerUrl, work)

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const open = () => openBrowser(server.url)
const signIn = (email: string, browser = open()) => browser.mutate('auth.signIn', { email, password, delivery: 'COOKIE' })
const pending = async (email: string) => ((await signIn(email)).data as { pendingToken: string }).pendingToken
const show = (pendingToken: string, code: string) => open().mutate('auth.secondFactor.recoveryCode', { pendingToken, code })
const regenerate = async (browser: Browser) => ((await browser.mutate('auth.recoveryCode.regenerate')).data as { codes: string[] }).codes
const left = async (browser: Browser) => ((await browser.query('auth.recoveryCode.count')).data as { left: number }).left
const statuses = (answers: Answer[]) => answers.map(({ status }) => status)

interface Person {
  readonly email: string
  readonly browser: Browser
  readonly app: AuthenticatorApp
  readonly codes: readonly string[]
}

/** Somebody with an authenticator app and ten codes. */
async function person(): Promise<Person> {
  const email = `recover${++last}@example.com`
  await server.signUpAs(email, { password })
  const browser = open()
  await signIn(email, browser)
  const app = await enrolApp(browser)
  return { email, browser, app, codes: await regenerate(browser) }
}

test('there are ten codes of 80 bits, shown once; the database holds none of them, and each signs in however it is typed', async () => {
  const { email, browser, codes } = await person()
  expect(codes).toHaveLength(10)
  expect(new Set(codes).size).toBe(10)
  for (const code of codes) expect(code).toMatch(/^[A-Z2-7]{4}(-[A-Z2-7]{4}){3}$/)
  const rows = await ask<{ dump: string }>('SELECT t::text AS dump FROM auth.verification_tokens AS t')
  const dump = rows.map((row) => row.dump).join()
  for (const code of codes) expect([dump.includes(code), dump.includes(code.replaceAll('-', ''))]).toEqual([false, false])
  const [first = '', second = ''] = codes
  expect((await signIn(email)).data).toMatchObject({ methods: ['TOTP', 'RECOVERY_CODE'] })
  const answer = await show(await pending(email), first)
  expect([answer.status, answer.data]).toMatchObject([200, { status: 'SIGNED_IN', me: { email } }])
  expect((await show(await pending(email), ` ${second.toLowerCase().replaceAll('-', ' ')}`)).status).toBe(200)
  expect(await left(browser)).toBe(8)
  expect((await ask(`SELECT level, methods::text[] FROM auth.sessions ORDER BY id DESC LIMIT 1`))[0]).toEqual({
    level: 2,
    methods: ['PASSWORD', 'RECOVERY_CODE'],
  })
})

test('M05 a recovery code is worth one sign-in: not a second, and of twenty at once one', async () => {
  const { email, browser, codes } = await person()
  const [used = '', raced = ''] = codes
  expect(statuses([await show(await pending(email), used), await show(await pending(email), used)])).toEqual([200, 401])
  const tokens = await Promise.all(Array.from({ length: 20 }, () => pending(email)))
  const answers = await Promise.all(tokens.map((token) => show(token, raced)))
  expect(statuses(answers).toSorted()).toEqual([200, ...Array<number>(19).fill(401)])
  expect(await left(browser)).toBe(8)
})

test("M05 somebody else's code is worth nothing, and stays theirs", async () => {
  const [ada, eve] = [await person(), await person()]
  expect((await show(await pending(eve.email), ada.codes[0] ?? '')).status).toBe(401)
  expect(await left(ada.browser)).toBe(10)
})

test('M06 new codes end the old ones, and are made for who stepped up alone', async () => {
  const { email, browser, codes, app } = await person()
  const [kept = ''] = await regenerate(browser)
  for (const code of codes.slice(0, 2)) expect((await show(await pending(email), code)).status).toBe(401)
  await advance(server.database.ownerUrl, 10 * 60_000)
  const refused = await browser.mutate('auth.recoveryCode.regenerate')
  expect([refused.status, refused.error?.data]).toMatchObject([
    401,
    { code: 'STEP_UP_REQUIRED', details: { methods: ['TOTP', 'RECOVERY_CODE'] } },
  ])
  expect(await left(browser)).toBe(10)
  expect((await browser.mutate('auth.stepUp.recoveryCode', { code: kept })).data).toMatchObject({ status: 'SIGNED_IN' })
  expect((await browser.mutate('auth.stepUp.recoveryCode', { code: kept })).status).toBe(400)
  expect([await left(browser), (await regenerate(browser)).length, await left(browser)]).toEqual([9, 10, 10])
  expect((await browser.mutate('auth.stepUp.totp', { code: app.code() })).status).toBe(200)
})

test('codes stand in for another factor and are none by themselves: without one they go', async () => {
  const { email, browser } = await person()
  await browser.mutate('auth.totp.disable')
  expect(await left(browser)).toBe(0)
  expect((await signIn(email)).data).toMatchObject({ status: 'SIGNED_IN' })
  await regenerate(browser)
  expect((await signIn(email)).data).toMatchObject({ status: 'SIGNED_IN' })
})

test('M04 guesses at recovery codes, app codes and the password fill one counter', async () => {
  const { email } = await person()
  const token = await pending(email)
  await ask('DELETE FROM auth.throttles')
  const app = () => open().mutate('auth.secondFactor.totp', { pendingToken: token, code: '000000x' })
  const answers = await throttled(async () => [
    await show(token, 'AAAA'),
    await app(),
    await show(token, 'BBBB'),
    await app(),
    await signIn(email),
    await show(token, 'CCCC'),
  ])
  expect(statuses(answers)).toEqual([401, 401, 401, 401, 200, 429])
})
