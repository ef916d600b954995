/** What a passkey signed, shown again: later, elsewhere, for something else, by a copy of it, and many times at one moment. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newAuthenticator } from '../../../test/authenticator.ts'
import { openBrowser, toldBy, type Answer, type Browser } from '../../../test/browser.ts'
import { advance } from '../../../test/clock.ts'
import { query } from '../../../test/database.ts'
import {
  answerOf,
  completeBy,
  passkeyOrigin,
  passkeyPassword,
  passkeyPerson,
  signInBy,
  stepUpBy,
  type PasskeyPerson,
} from '../../../test/passkeys.ts'
import { atOnce, cookiesOf } from '../../../test/race.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'
import { waysInOf } from '../../../test/ways-in.ts'

type Asked = Parameters<PasskeyPerson['key']['sign']>[0]
type Made = Parameters<PasskeyPerson['key']['register']>[0]
type Response = Awaited<ReturnType<typeof answerOf>>

const minute = 60_000
let server: TestServer
let last = 0

beforeAll(async () => {
  server = await startTestServer({ env: { PUBLIC_URL: passkeyOrigin } })
})
afterAll(() => server.stop())

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const open = () => openBrowser(server.url)
const person = (habits = {}) => passkeyPerson(server, `challenged${++last}@example.com`, habits)
const waysIn = (email: string) => waysInOf(server.database.ownerUrl, email)
const signIn = (browser: Browser, response: Response, headers = {}) => browser.mutate('auth.passkey.signIn', { response }, headers)
const pending = async (email: string) => {
  const { data } = await open().mutate('auth.signIn', { email, password: passkeyPassword, delivery: 'COOKIE' })
  return (data as { pendingToken: string }).pendingToken
}
/** The answer of a passkey to what completes this sign-in. */
const completion = async ({ key }: PasskeyPerson, pendingToken: string) =>
  key.sign((await open().mutate('auth.passkey.secondFactorOptions', { pendingToken })).data as Asked)
const complete = (browser: Browser, pendingToken: string, response: Response) =>
  browser.mutate('auth.secondFactor.passkey', { pendingToken, response })
/** Whether the question that this answers has been used up. */
const isUsed = async (response: Response) => {
  const { challenge } = JSON.parse(Buffer.from(response.response.clientDataJSON, 'base64url').toString()) as { challenge: string }
  const rows = await ask<{ used: boolean }>(
    'SELECT used_at IS NOT NULL AS used FROM auth.passkey_challenges WHERE challenge_hash = sha256($1)',
    [Buffer.from(challenge)],
  )
  return rows[0]?.used
}
const suspicions = (email: string) =>
  ask(
    `SELECT FROM core.activity AS a JOIN auth.users AS u ON u.id = a.user_id WHERE a.event = 'auth.passkey.clone_suspected' AND email = $1`,
    [email],
  )

const nobody = { status: 401, message: 'Sign in first.', data: { code: 'UNAUTHORIZED', httpStatus: 401 } }
const no = { ...nobody, message: 'The passkey is unknown here, or the sign-in took too long. Begin again.' }
const notCompleted = { ...nobody, message: 'The code is wrong, or the sign-in has taken too long.' }
const notProven = {
  status: 400,
  message: 'This is not right.',
  data: { code: 'BAD_REQUEST', httpStatus: 400, details: { fields: { response: ['is wrong'] } } },
}

/** Runs what is refused so. It sets no cookie, and all that the person has stays as it was. */
async function refused({ email }: PasskeyPerson, call: () => Promise<Answer>, told: object = no): Promise<void> {
  const kept = await waysIn(email)
  const answer = await call()
  expect([toldBy(answer), answer.setCookies]).toEqual([told, []])
  expect(await waysIn(email)).toEqual(kept)
}

test('M13 an assertion is worth one sign-in', async () => {
  const who = await person({ counts: false })
  const browser = open()
  const response = await answerOf(browser, who.key)
  const headers = cookiesOf(browser)
  expect((await signIn(browser, response)).data).toMatchObject({ status: 'SIGNED_IN', me: { email: who.email } })
  expect(await isUsed(response)).toBe(true)
  await refused(who, () => signIn(browser, response))
  await refused(who, () => signIn(open(), response, headers))
})

test('M13 of twenty at once that show the same assertion one is let in', async () => {
  const { key, email } = await person({ counts: false })
  const browser = open()
  const response = await answerOf(browser, key)
  const before = await waysIn(email)
  const answers = await atOnce(server.url, 20, (each) => signIn(each, response, cookiesOf(browser)))
  expect(answers.filter(({ status }) => status !== 200).map(toldBy)).toEqual(Array.from({ length: 19 }, () => no))
  expect((await waysIn(email)).session).toEqual([...before.session, expect.objectContaining({ level: 2, methods: ['PASSKEY'] })])
})

test('M13 of twenty at once that complete a sign-in, or step up, by the same assertion, one does', async () => {
  const who = await person({ counts: false })
  const { email, key, browser } = who
  const pendingToken = await pending(email)
  const [response, before] = [await completion(who, pendingToken), await waysIn(email)]
  const completed = await atOnce(server.url, 20, (each) => complete(each, pendingToken, response))
  expect(completed.filter(({ status }) => status !== 200).map(toldBy)).toEqual(Array.from({ length: 19 }, () => notCompleted))
  const after = await waysIn(email)
  expect(after.session).toEqual([...before.session, expect.objectContaining({ level: 2, methods: ['PASSWORD', 'PASSKEY'] })])
  const proof = key.sign((await browser.mutate('auth.passkey.stepUpOptions')).data as Asked)
  const steps = await atOnce(server.url, 20, (each) => each.mutate('auth.stepUp.passkey', { response: proof }, cookiesOf(browser)))
  const others = steps.filter(({ status }) => status !== 200).map(toldBy)
  expect(others).toHaveLength(19)
  // Whoever comes later still shows a token that is over.
  for (const told of others) expect([notProven, nobody]).toContainEqual(told)
  expect((await waysIn(email)).session).toHaveLength(after.session.length)
})

test('M13 a challenge is good for five minutes', async () => {
  const who = await person()
  const [inTime, late] = [open(), open()]
  const [first, second] = [await answerOf(inTime, who.key), await answerOf(late, who.key)]
  await advance(server.database.ownerUrl, 5 * minute - 10_000)
  expect((await signIn(inTime, first)).status).toBe(200)
  await advance(server.database.ownerUrl, 10_001)
  await refused(who, () => signIn(late, second))
  expect(await isUsed(second)).toBe(false)
})

test('M13 a challenge is answered by the browser that asked: another one is refused, and costs the first nothing', async () => {
  const who = await person()
  const [own, other] = [open(), open()]
  await answerOf(other, who.key)
  const response = await answerOf(own, who.key)
  for (const stranger of [other, open(), who.browser]) await refused(who, () => signIn(stranger, response))
  expect(await isUsed(response)).toBe(false)
  expect((await signIn(own, response)).data).toMatchObject({ status: 'SIGNED_IN', me: { email: who.email } })
})

test('M13 what was signed for one purpose is worth nothing for another, nor for another session or sign-in', async () => {
  const who = await person({ counts: false })
  const { key, browser, email } = who
  const forSignIn = await answerOf(browser, key)
  await refused(who, () => browser.mutate('auth.stepUp.passkey', { response: forSignIn }), notProven)
  const forStepUp = key.sign((await browser.mutate('auth.passkey.stepUpOptions')).data as Asked)
  await refused(who, () => signIn(browser, forStepUp))
  const elsewhere = open()
  await signInBy(elsewhere, key)
  await refused(who, () => elsewhere.mutate('auth.stepUp.passkey', { response: forStepUp }), notProven)
  const [one, other] = [await pending(email), await pending(email)]
  const forOne = await completion(who, one)
  for (const response of [forOne, forSignIn, forStepUp]) await refused(who, () => complete(open(), other, response), notCompleted)
  expect(await Promise.all([forSignIn, forStepUp, forOne].map(isUsed))).toEqual([false, false, false])
  expect((await complete(open(), one, forOne)).status).toBe(200)
  expect((await browser.mutate('auth.stepUp.passkey', { response: forStepUp })).status).toBe(200)
  expect((await signIn(browser, forSignIn)).status).toBe(200)
})

test('M13 what a new passkey is made for is no proof, and what a proof is asked for makes no new passkey', async () => {
  const who = await person({ counts: false })
  const { key, browser } = who
  await stepUpBy(browser, key)
  const toRegister = (await browser.mutate('auth.passkey.registerOptions')).data as Made
  const toProve = (await browser.mutate('auth.passkey.stepUpOptions')).data as Asked
  const proof = key.sign({ ...toProve, challenge: toRegister.challenge })
  await refused(who, () => browser.mutate('auth.stepUp.passkey', { response: proof }), notProven)
  const made = newAuthenticator({ origin: passkeyOrigin }).register({ ...toRegister, challenge: toProve.challenge })
  const notRegistered = { ...notProven, message: 'The passkey was not registered. Begin again.' }
  await refused(who, () => browser.mutate('auth.passkey.register', { name: 'x', response: made }), notRegistered)
  expect((await browser.mutate('auth.stepUp.passkey', { response: key.sign(toProve) })).status).toBe(200)
})

test("M13 nobody completes somebody else's sign-in, nor proves themselves there, by a passkey of their own", async () => {
  const [ada, eve] = [await person(), await person()]
  const pendingToken = await pending(ada.email)
  const asked = (await open().mutate('auth.passkey.secondFactorOptions', { pendingToken })).data as Asked
  const toStepUp = (await ada.browser.mutate('auth.passkey.stepUpOptions')).data as Asked
  const eves = (question: Asked) => eve.key.sign({ ...question, allowCredentials: [] })
  const kept = await waysIn(eve.email)
  await refused(ada, () => complete(open(), pendingToken, eves(asked)), notCompleted)
  await refused(ada, () => ada.browser.mutate('auth.stepUp.passkey', { response: eves(toStepUp) }), notProven)
  expect(await waysIn(eve.email)).toEqual(kept)
})

test('M14 a passkey that counts no further was copied: it is refused, and that is written down; one that does not count at all is let in', async () => {
  const who = await person()
  const { key, email, browser } = who
  expect((await signInBy(open(), key, { counter: 5 })).status).toBe(200)
  let suspected = 0
  for (const counter of [5, 4, 0]) {
    const pendingToken = await pending(email)
    await refused(who, async () => {
      const where = open()
      const response = await answerOf(where, key, { counter })
      return signIn(where, response)
    })
    await refused(who, () => completeBy(open(), pendingToken, key, { counter }), notCompleted)
    await refused(who, () => stepUpBy(browser, key, { counter }), notProven)
    expect(await suspicions(email)).toHaveLength((suspected += 3))
  }
  expect((await waysIn(email)).passkey).toMatchObject([{ counter: 5 }])
  expect((await signInBy(open(), key, { counter: 6 })).status).toBe(200)
  const synced = await person({ counts: false })
  for (const _ of [1, 2]) expect((await signInBy(open(), synced.key)).data).toMatchObject({ status: 'SIGNED_IN' })
  expect([(await waysIn(synced.email)).passkey, await suspicions(synced.email)]).toMatchObject([[{ counter: 0 }], []])
})

test('M14 of twenty copies at once that count alike one is let in', async () => {
  const { key, email } = await person()
  const browsers = Array.from({ length: 20 }, open)
  const responses = await Promise.all(browsers.map((browser) => answerOf(browser, key, { counter: 9 })))
  const before = await waysIn(email)
  const answers = await atOnce(server.url, 20, (each, index) =>
    signIn(each, responses[index] as Response, cookiesOf(browsers[index] as Browser)),
  )
  expect(answers.filter(({ status }) => status !== 200).map(toldBy)).toEqual(Array.from({ length: 19 }, () => no))
  const after = await waysIn(email)
  expect([after.session.length, after.passkey]).toMatchObject([before.session.length + 1, [{ counter: 9 }]])
  expect(await suspicions(email)).toHaveLength(19)
})
