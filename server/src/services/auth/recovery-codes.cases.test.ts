import { afterAll, beforeAll, expect, test } from 'vitest'
import { enrolApp, type AuthenticatorApp } from '../../../test/authenticator-app.ts'
import { openBrowser, toldBy, type Answer, type Browser } from '../../../test/browser.ts'
import { advance } from '../../../test/clock.ts'
import { query } from '../../../test/database.ts'
import { atOnce, cookiesOf } from '../../../test/race.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'
import { withThrottles } from '../../../test/throttles.ts'
import { waysInOf } from '../../../test/ways-in.ts'

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
const waysIn = (email: string) => waysInOf(server.database.ownerUrl, email)
const show = (pendingToken: string, code = '', browser = open()) => browser.mutate('auth.secondFactor.recoveryCode', { pendingToken, code })
const regenerate = async (browser: Browser) => ((await browser.mutate('auth.recoveryCode.regenerate')).data as { codes: string[] }).codes
const left = async (browser: Browser) => ((await browser.query('auth.recoveryCode.count')).data as { left: number }).left
const statuses = (answers: Answer[]) => answers.map(({ status }) => status)
const wrong = {
  status: 401,
  message: 'The code is wrong, or the sign-in has taken too long.',
  data: { code: 'UNAUTHORIZED', httpStatus: 401 },
}
const wrongAtField = {
  status: 400,
  message: 'This is not right.',
  data: { code: 'BAD_REQUEST', httpStatus: 400, details: { fields: { code: ['is wrong'] } } },
}
const stepUpNeeded = {
  status: 401,
  message: 'Prove once more who you are.',
  data: { code: 'STEP_UP_REQUIRED', httpStatus: 401, details: { methods: ['TOTP', 'RECOVERY_CODE'] } },
}

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

test('M05 a recovery code is worth one sign-in: not a second, in no challenge, and no step-up', async () => {
  const { email, browser, codes } = await person()
  const [used = '', another = ''] = codes
  const [first, second] = [await pending(email), await pending(email)]
  expect((await show(first, used)).data).toMatchObject({ status: 'SIGNED_IN', me: { email } })
  const kept = await waysIn(email)
  for (const token of [first, second, await pending(email)]) {
    const answer = await show(token, used)
    expect([toldBy(answer), answer.setCookies]).toEqual([wrong, []])
  }
  expect(toldBy(await browser.mutate('auth.stepUp.recoveryCode', { code: used }))).toEqual(wrongAtField)
  expect(await waysIn(email)).toEqual(kept)
  expect(kept.code.filter((code) => code['used_at'] === null)).toHaveLength(9)
  expect((await show(second, another)).status).toBe(200)
})

test.each<[string, (email: string) => Promise<string[]>]>([
  ['in twenty challenges', (email) => Promise.all(Array.from({ length: 20 }, () => pending(email)))],
  ['in one challenge', async (email) => Array<string>(20).fill(await pending(email))],
])('M05 of twenty at once that show the same recovery code, %s, one is let in', async (_, challenges) => {
  const { email, codes } = await person()
  const [tokens, before] = [await challenges(email), await waysIn(email)]
  const answers = await atOnce(server.url, 20, (browser, each) => show(tokens[each] ?? '', codes[4], browser))
  const refused = answers.filter(({ status }) => status !== 200)
  expect(refused.map(toldBy)).toEqual(Array.from({ length: 19 }, () => wrong))
  expect(refused.flatMap(({ setCookies }) => setCookies)).toEqual([])
  const after = await waysIn(email)
  expect(after.session).toEqual([...before.session, expect.objectContaining({ level: 2, methods: ['PASSWORD', 'RECOVERY_CODE'] })])
  expect(after.code.filter((code) => code['used_at'] === null)).toHaveLength(9)
  expect({ ...after, session: [], code: [] }).toEqual({ ...before, session: [], code: [] })
})

test("M05 somebody else's code is worth nothing, and stays theirs", async () => {
  const [ada, eve] = [await person(), await person()]
  const kept = [await waysIn(ada.email), await waysIn(eve.email)]
  expect(toldBy(await show(await pending(eve.email), ada.codes[0]))).toEqual(wrong)
  expect(toldBy(await eve.browser.mutate('auth.stepUp.recoveryCode', { code: ada.codes[0] }))).toEqual(wrongAtField)
  expect([await waysIn(ada.email), await waysIn(eve.email)]).toEqual(kept)
  expect((await show(await pending(ada.email), ada.codes[0])).status).toBe(200)
})

test('M06 new codes end all of the old ones, at sign-in and at a step-up', async () => {
  const { email, browser, codes } = await person()
  const [next = ''] = await regenerate(browser)
  const kept = await waysIn(email)
  expect(kept.code).toHaveLength(10)
  for (const code of codes) {
    expect(toldBy(await show(await pending(email), code))).toEqual(wrong)
    expect(toldBy(await browser.mutate('auth.stepUp.recoveryCode', { code }))).toEqual(wrongAtField)
  }
  expect(await waysIn(email)).toEqual(kept)
  expect((await show(await pending(email), next)).status).toBe(200)
})

test('M06 new codes are made for who stepped up alone: not for a session that is old, nor for one without the second factor', async () => {
  const email = `recover${++last}@example.com`
  await server.signUpAs(email, { password })
  const [browser, before] = [open(), open()]
  await signIn(email, browser)
  await signIn(email, before)
  const app = await enrolApp(browser)
  const [code = ''] = await regenerate(browser)
  const kept = await waysIn(email)
  expect(toldBy(await before.mutate('auth.recoveryCode.regenerate'))).toEqual(stepUpNeeded)
  await advance(server.database.ownerUrl, 10 * 60_000)
  for (const each of [browser, before]) expect(toldBy(await each.mutate('auth.recoveryCode.regenerate'))).toEqual(stepUpNeeded)
  expect(await waysIn(email)).toEqual(kept)
  expect((await browser.mutate('auth.stepUp.recoveryCode', { code })).data).toMatchObject({ status: 'SIGNED_IN' })
  expect(toldBy(await browser.mutate('auth.stepUp.recoveryCode', { code }))).toEqual(wrongAtField)
  expect([await left(browser), (await regenerate(browser)).length, await left(browser)]).toEqual([9, 10, 10])
  expect((await browser.mutate('auth.stepUp.totp', { code: app.code() })).status).toBe(200)
})

test('M06 of twenty at once that make new codes, each ends those of the one before: ten are good in the end, of one answer', async () => {
  const { email, browser } = await person()
  const headers = cookiesOf(browser)
  const answers = await atOnce(server.url, 20, (each) => each.mutate('auth.recoveryCode.regenerate', undefined, headers))
  expect(statuses(answers)).toEqual(Array(20).fill(200))
  expect((await waysIn(email)).code).toHaveLength(10)
  const made = answers.map(({ data }) => (data as { codes: string[] }).codes)
  const good: string[][] = []
  for (const codes of made) if ((await show(await pending(email), codes[0])).status === 200) good.push(codes)
  expect(good).toHaveLength(1)
  for (const code of good[0]?.slice(1) ?? []) expect((await show(await pending(email), code)).status).toBe(200)
  expect(await left(browser)).toBe(0)
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
  const [token, kept] = [await pending(email), await waysIn(email)]
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
  const details = { retryAfterSeconds: 2 }
  const message = 'Too many attempts. Try again later.'
  const tooMany = { status: 429, message, data: { code: 'TOO_MANY_REQUESTS', httpStatus: 429, details } }
  const right = { status: 200, message: undefined, data: {} }
  expect(answers.map(toldBy)).toEqual([wrong, wrong, wrong, wrong, right, tooMany])
  expect(await waysIn(email)).toEqual(kept)
})
