/** Guessing at what completes a sign-in: many at one moment, from everywhere, in every way that there is. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { enrolApp, type AuthenticatorApp } from '../../../test/authenticator-app.ts'
import { openBrowser, toldBy, type Answer, type Browser } from '../../../test/browser.ts'
import { query } from '../../../test/database.ts'
import { eventually } from '../../../test/outbox.ts'
import { addressOf, atOnce } from '../../../test/race.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'
import { withThrottles } from '../../../test/throttles.ts'
import { waysInOf } from '../../../test/ways-in.ts'

const password = 'nine lazy otters hum'
let server: TestServer
let last = 0
let callers = 0

beforeAll(async () => {
  server = await startTestServer({ env: { TRUSTED_PROXIES: '1' } })
})
afterAll(() => server.stop())

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const open = () => openBrowser(server.url)
const waysIn = (email: string) => waysInOf(server.database.ownerUrl, email)
const elsewhere = () => addressOf((callers += 1))
/** Runs with the throttles on, and nothing counted yet. */
const throttled = async (work: () => Promise<Answer[]>) => {
  await ask('DELETE FROM auth.throttles')
  return withThrottles(server.database.ownerUrl, work)
}

const nobody = { status: 401, data: { code: 'UNAUTHORIZED', httpStatus: 401 } }
const wrongCode = { ...nobody, message: 'The code is wrong, or the sign-in has taken too long.' }
const wrongMailCode = { ...nobody, message: 'The code is wrong, or too old.' }
const wrongPassword = { ...nobody, message: 'The email address or the password is wrong.' }
/** After the fifth wrong one, for whoever comes from wherever. */
const tooMany = {
  status: 429,
  message: 'Too many attempts. Try again later.',
  data: { code: 'TOO_MANY_REQUESTS', httpStatus: 429, details: { retryAfterSeconds: 2 } },
}

interface Person {
  readonly email: string
  readonly app: AuthenticatorApp
  readonly codes: readonly string[]
  /** A sign-in that waits, and a mail that was asked for. */
  readonly pendingToken: string
  readonly mailed: { readonly pendingToken: string; readonly code: string }
}

async function pending(email: string): Promise<string> {
  const { data } = await open().mutate('auth.signIn', { email, password, delivery: 'COOKIE' })
  return (data as { pendingToken: string }).pendingToken
}

async function mailedTo(email: string): Promise<Person['mailed']> {
  const { pendingToken } = (await open().mutate('auth.emailSignIn.request', { email })).data as { pendingToken: string }
  const mail = await eventually(async () => (await server.mailsTo(email)).find(({ subject }) => subject === 'Sign in'))
  return { pendingToken, code: /type this code: (\d{8})$/m.exec(mail.text)?.[1] ?? '' }
}

/** Somebody with an app and recovery codes, whose password somebody else knows, and who asked for a mail to sign in by. */
async function person(): Promise<Person> {
  const email = `guessed${++last}@example.com`
  await server.signUpAs(email, { password })
  const browser = open()
  await browser.mutate('auth.signIn', { email, password, delivery: 'COOKIE' })
  const app = await enrolApp(browser)
  const { codes } = (await browser.mutate('auth.recoveryCode.regenerate')).data as { codes: string[] }
  return { email, app, codes, pendingToken: await pending(email), mailed: await mailedTo(email) }
}

/** A way to guess, and what a wrong guess is told. */
interface Way {
  readonly guess: (who: Person, isRight: boolean, browser: Browser) => Promise<Answer>
  readonly wrong: object
}

const byApp: Way = {
  guess: ({ pendingToken, app }, isRight, browser) =>
    browser.mutate('auth.secondFactor.totp', { pendingToken, code: app.code(isRight ? 1 : 1_000) }, elsewhere()),
  wrong: wrongCode,
}
const byRecoveryCode: Way = {
  guess: ({ pendingToken, codes }, isRight, browser) =>
    browser.mutate('auth.secondFactor.recoveryCode', { pendingToken, code: isRight ? (codes[0] ?? '') : 'AAAA-BBBB' }, elsewhere()),
  wrong: wrongCode,
}
const byMail: Way = {
  guess: ({ mailed: { pendingToken, code } }, isRight, browser) =>
    browser.mutate('auth.emailSignIn.byCode', { pendingToken, code: isRight ? code : 'x', delivery: 'COOKIE' }, elsewhere()),
  wrong: wrongMailCode,
}
const byPassword: Way = {
  guess: ({ email }, isRight, browser) =>
    browser.mutate('auth.signIn', { email, password: isRight ? password : `${password}ming`, delivery: 'COOKIE' }, elsewhere()),
  wrong: wrongPassword,
}
const ways = [byApp, byRecoveryCode, byMail, byPassword]

/** What was looked at of these answers; each of the others was told to wait, and for how long. */
function lookedAt(answers: readonly Answer[]): unknown[] {
  const waits = answers.filter(({ status }) => status === 429)
  for (const answer of waits) expect([toldBy(answer), answer.headers.get('retry-after'), answer.setCookies]).toEqual([tooMany, '2', []])
  return answers.filter(({ status }) => status !== 429).map(toldBy)
}

test.each<[string, Way]>([
  ['a code of the app', byApp],
  ['a recovery code', byRecoveryCode],
  ['a code by mail', byMail],
  ['the password', byPassword],
])('M04 of two hundred guesses at %s at one moment, from everywhere, five are looked at', async (_, { guess, wrong }) => {
  const who = await person()
  const kept = await waysIn(who.email)
  const answers = await throttled(() => atOnce(server.url, 200, (browser) => guess(who, false, browser)))
  expect(lookedAt(answers)).toEqual(Array.from({ length: 5 }, () => wrong))
  expect(await waysIn(who.email)).toEqual(kept)
})

test('M04 of two hundred wrong codes at one moment in twenty sign-ins that wait, five are looked at', async () => {
  const who = await person()
  const [tokens, kept] = [await Promise.all(Array.from({ length: 20 }, () => pending(who.email))), await waysIn(who.email)]
  const answers = await throttled(() =>
    atOnce(server.url, 200, (browser, each) => byApp.guess({ ...who, pendingToken: tokens[each % 20] ?? '' }, false, browser)),
  )
  expect(lookedAt(answers)).toEqual(Array.from({ length: 5 }, () => wrongCode))
  expect(await waysIn(who.email)).toEqual(kept)
})

test('M04 of two hundred guesses at one moment, fifty in each way, five are looked at', async () => {
  const who = await person()
  const kept = await waysIn(who.email)
  const fiftyTimes = Array.from({ length: 50 }, () => ways).flat()
  const answers = await throttled(() => atOnce(server.url, 200, (browser, each) => (fiftyTimes[each] ?? byApp).guess(who, false, browser)))
  const told = lookedAt(answers)
  expect(told).toHaveLength(5)
  for (const each of told) expect([wrongCode, wrongMailCode, wrongPassword]).toContainEqual(each)
  expect(await waysIn(who.email)).toEqual(kept)
})

test('M04 five wrong guesses, whichever, are all that there are: what is right comes too late in every way', async () => {
  const who = await person()
  const kept = await waysIn(who.email)
  const answers = await throttled(async () => {
    const all: Answer[] = []
    for (const { guess } of [...ways, byApp]) all.push(await guess(who, false, open()))
    for (const { guess } of ways) all.push(await guess(who, true, open()))
    return all
  })
  expect(answers.map(toldBy)).toEqual([wrongCode, wrongCode, wrongMailCode, wrongPassword, wrongCode, tooMany, tooMany, tooMany, tooMany])
  expect(await waysIn(who.email)).toEqual(kept)
})

test('M04 of two hundred wrong codes at one moment in one sign-in that waits, five are tries of it, and it is over', async () => {
  const who = await person()
  const kept = await waysIn(who.email)
  const answers = await atOnce(server.url, 200, (browser) => byApp.guess(who, false, browser))
  expect(answers.map(toldBy)).toEqual(Array.from({ length: 200 }, () => wrongCode))
  const row = 'SELECT tries, used_at IS NOT NULL AS over FROM auth.verification_tokens WHERE token_hash = sha256($1)'
  expect(await ask(row, [Buffer.from(who.pendingToken)])).toEqual([{ tries: 5, over: true }])
  expect(toldBy(await byApp.guess(who, true, open()))).toEqual(wrongCode)
  expect(await waysIn(who.email)).toEqual(kept)
})
