/** Passkeys against whoever lies: each test an attack of the published kinds, over HTTP. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { enrolApp } from '../../../test/authenticator-app.ts'
import type { Lies } from '../../../test/authenticator.ts'
import { openBrowser, type Answer } from '../../../test/browser.ts'
import { advance } from '../../../test/clock.ts'
import { query } from '../../../test/database.ts'
import {
  answerOf,
  completeBy,
  passkeyOrigin,
  passkeyPassword,
  passkeyPerson,
  registerKey,
  signInBy,
  stepUpBy,
} from '../../../test/passkeys.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'
import { newAuthenticator } from '../../../test/authenticator.ts'

const minute = 60_000
let server: TestServer
let last = 0

beforeAll(async () => {
  server = await startTestServer({ env: { PUBLIC_URL: passkeyOrigin, ALLOWED_ORIGINS: 'https://app.plinth.example.com' } })
})
afterAll(() => server.stop())

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const open = () => openBrowser(server.url)
const person = (habits = {}) => passkeyPerson(server, `passkey${++last}@example.com`, habits)
const pendingOf = ({ data }: Answer) => (data as { pendingToken: string }).pendingToken
const showPassword = (email: string) => open().mutate('auth.signIn', { email, password: passkeyPassword, delivery: 'COOKIE' })
const row = async (credentialId: string) =>
  (
    await ask<{ counter: string; email: string }>(
      `SELECT counter::text, email FROM auth.passkeys AS p JOIN auth.users AS u ON u.id = user_id WHERE credential_id = $1 AND p.deleted_at IS NULL`,
      [credentialId],
    )
  )[0]
const sessionsOf = async (email: string) =>
  (await ask<{ level: number }>('SELECT s.level FROM auth.sessions AS s JOIN auth.users AS u ON u.id = user_id WHERE email = $1', [email]))
    .length
/** The status, and the body but for the id of the request. */
const said = ({ status, error }: Answer) => [status, error?.data.code, error?.message]
const no = [401, 'UNAUTHORIZED', 'The passkey is unknown here, or the sign-in took too long. Begin again.']

test.each<[string, Lies]>([
  ['M11 for a page of somebody else', { origin: 'https://evil.example' }],
  ['M11 for a page whose name begins like ours', { origin: 'https://plinth.example.com.evil.io' }],
  ['M11 for our page over plain http', { origin: 'http://plinth.example.com' }],
  ['M11 for our page on another port', { origin: 'https://plinth.example.com:8443' }],
  ['M11 within a frame of another site', { crossOrigin: true }],
  ['M12 for another party', { rpId: 'evil.example' }],
  ['M12 of the type of a registration', { type: 'webauthn.create' }],
  ['M12 with nobody there', { present: false }],
  ['M12 with an altered signature', { altered: 'SIGNATURE' }],
  ['M12 with altered data', { altered: 'DATA' }],
  ['M12 for a challenge that was never given', { challenge: Buffer.alloc(32, 7).toString('base64url') }],
  ['M12 that names another person', { userHandle: Buffer.from('tz4a98xxat96iws9zmbrgj3a').toString('base64url') }],
  ['M12 that names no person, although none was known', { userHandle: null }],
])('%s an assertion signs nobody in', async (_, lies) => {
  const { key, email } = await shared()
  const [before, browser] = [await sessionsOf(email), open()]
  const answer = await signInBy(browser, key, lies)
  expect([said(answer), answer.setCookies]).toEqual([no, []])
  expect([await sessionsOf(email), (await row(key.credentialId))?.email]).toEqual([before, email])
  expect((await browser.query('auth.me')).status).toBe(401)
})

/** One person for the refusals: none of them may change anything. */
const shared = once(person)

test('M12 a passkey that is unknown, and one that was removed, are refused as a wrong signature is', async () => {
  const { key } = await person()
  const stranger = newAuthenticator({ origin: passkeyOrigin })
  stranger.register({ rp: { id: 'plinth.example.com' }, user: { id: 'eA' }, challenge: 'eA' } as never)
  expect(said(await signInBy(open(), stranger))).toEqual(no)
  await ask('UPDATE auth.passkeys SET deleted_at = now() WHERE credential_id = $1', [key.credentialId])
  expect(said(await signInBy(open(), key))).toEqual(no)
})

test('M12 the same passkey twice is one factor: without its person verified it does not complete what it began, and a password after it does not either', async () => {
  const { key, email } = await person({ verifies: false })
  const before = await sessionsOf(email)
  const first = await signInBy(open(), key)
  expect(first.data).toMatchObject({ status: 'SECOND_FACTOR', methods: ['PASSKEY'] })
  const again = await completeBy(open(), pendingOf(first), key)
  expect(said(again)).toEqual([401, 'UNAUTHORIZED', 'The code is wrong, or the sign-in has taken too long.'])
  expect(await sessionsOf(email)).toBe(before)
  expect((await completeBy(open(), pendingOf(first), key, { verifies: true })).status).toBe(200)
})

test('M09 a passkey that did not verify its person leads no further than a password: the second factor is asked for', async () => {
  const { email, key, browser } = await person()
  await stepUpBy(browser, key)
  const app = await enrolApp(browser)
  const where = open()
  const first = await signInBy(where, key, { verifies: false })
  expect([first.status, first.data]).toMatchObject([200, { status: 'SECOND_FACTOR', methods: ['PASSKEY', 'TOTP'] }])
  expect(first.setCookies.filter((cookie) => cookie.includes('session'))).toEqual([])
  expect((await where.query('auth.me')).status).toBe(401)
  const done = await where.mutate('auth.secondFactor.totp', { pendingToken: pendingOf(first), code: app.code(1) })
  expect(done.data).toMatchObject({ status: 'SIGNED_IN', me: { email } })
  const [session] = await ask('SELECT level, methods::text[] FROM auth.sessions ORDER BY id DESC LIMIT 1')
  expect(session).toEqual({ level: 2, methods: ['PASSKEY', 'TOTP'] })
})

test('M13 an assertion is worth one sign-in', async () => {
  const { key, email } = await person({ counts: false })
  const browser = open()
  const response = await answerOf(browser, key)
  expect((await browser.mutate('auth.passkey.signIn', { response })).status).toBe(200)
  expect(said(await browser.mutate('auth.passkey.signIn', { response }))).toEqual(no)
  // The one of sign-up, the one that registered, and this.
  expect(await sessionsOf(email)).toBe(3)
})

test('M13 of twenty at once that show the same assertion one is let in', async () => {
  const { key, email } = await person({ counts: false })
  const browser = open()
  const response = await answerOf(browser, key)
  const before = await sessionsOf(email)
  const answers = await Promise.all(Array.from({ length: 20 }, () => browser.mutate('auth.passkey.signIn', { response })))
  expect(answers.map(({ status }) => status).toSorted()).toEqual([200, ...Array<number>(19).fill(401)])
  expect(await sessionsOf(email)).toBe(before + 1)
})

test('M13 a challenge is good for five minutes', async () => {
  const { key } = await person()
  const [inTime, late] = [open(), open()]
  const [first, second] = [await answerOf(inTime, key), await answerOf(late, key)]
  await advance(server.database.ownerUrl, 5 * minute - 1_000)
  expect((await inTime.mutate('auth.passkey.signIn', { response: first })).status).toBe(200)
  await advance(server.database.ownerUrl, 30_000)
  expect(said(await late.mutate('auth.passkey.signIn', { response: second }))).toEqual(no)
})

test('M13 a challenge is answered by the browser that asked: another one is refused, and costs the first nothing', async () => {
  const { key } = await person()
  const [own, other] = [open(), open()]
  await answerOf(other, key)
  const response = await answerOf(own, key)
  expect(said(await other.mutate('auth.passkey.signIn', { response }))).toEqual(no)
  expect(said(await open().mutate('auth.passkey.signIn', { response }))).toEqual(no)
  expect((await own.mutate('auth.passkey.signIn', { response })).status).toBe(200)
})

test('M13 what was signed for one purpose is worth nothing for another, nor for another session or sign-in', async () => {
  const { key, browser, email } = await person({ counts: false })
  const signIn = await answerOf(browser, key)
  expect((await browser.mutate('auth.stepUp.passkey', { response: signIn })).status).toBe(400)
  const stepUp = key.sign((await browser.mutate('auth.passkey.stepUpOptions')).data as never)
  expect(said(await browser.mutate('auth.passkey.signIn', { response: stepUp }))).toEqual(no)
  const elsewhere = open()
  await signInBy(elsewhere, key)
  expect((await elsewhere.mutate('auth.stepUp.passkey', { response: stepUp })).status).toBe(400)
  const [one, other] = [pendingOf(await showPassword(email)), pendingOf(await showPassword(email))]
  const answer = key.sign((await open().mutate('auth.passkey.secondFactorOptions', { pendingToken: one })).data as never)
  expect((await open().mutate('auth.secondFactor.passkey', { pendingToken: other, response: answer })).status).toBe(401)
  expect((await open().mutate('auth.secondFactor.passkey', { pendingToken: one, response: answer })).status).toBe(200)
  expect((await browser.mutate('auth.stepUp.passkey', { response: stepUp })).status).toBe(200)
})

test('M14 a passkey that counts no further was copied: it is refused, and that is written down; one that does not count at all is let in', async () => {
  const { key, email } = await person()
  expect((await signInBy(open(), key, { counter: 5 })).status).toBe(200)
  for (const counter of [5, 4, 0]) expect(said(await signInBy(open(), key, { counter }))).toEqual(no)
  expect(await row(key.credentialId)).toEqual({ counter: '5', email })
  const suspected = await ask(
    `SELECT FROM core.activity AS a JOIN auth.users AS u ON u.id = a.user_id WHERE a.event = 'auth.passkey.clone_suspected' AND email = $1`,
    [email],
  )
  expect(suspected).toHaveLength(3)
  expect((await signInBy(open(), key, { counter: 6 })).status).toBe(200)
  const synced = await person({ counts: false })
  expect([(await signInBy(open(), synced.key)).status, (await signInBy(open(), synced.key)).status]).toEqual([200, 200])
})

test('M14 of twenty copies at once that count alike one is let in', async () => {
  const { key } = await person()
  const browsers = Array.from({ length: 20 }, open)
  const responses = await Promise.all(browsers.map((browser) => answerOf(browser, key, { counter: 9 })))
  const answers = await Promise.all(browsers.map((browser, i) => browser.mutate('auth.passkey.signIn', { response: responses[i] })))
  expect(answers.map(({ status }) => status).toSorted()).toEqual([200, ...Array<number>(19).fill(401)])
})

test("M15 nobody takes another's passkey by registering its id, and nobody registers one twice", async () => {
  const [victim, thief] = [await person(), await person()]
  const { credentialId } = victim.key
  await stepUpBy(thief.browser, thief.key)
  const own = thief.key.credentialId
  const copy = () => newAuthenticator({ origin: passkeyOrigin })
  for (const id of [credentialId, own]) {
    const stolen = copy()
    const answer = await registerKey(thief.browser, stolen, 'stolen', { credentialId: id })
    expect([answer.status, answer.error?.data]).toMatchObject([409, { code: 'CONFLICT', details: { reason: 'PASSKEY_TAKEN' } }])
    expect(said(await signInBy(open(), stolen))).toEqual(no)
  }
  expect([(await row(credentialId))?.email, (await row(own))?.email]).toEqual([victim.email, thief.email])
  const still = await signInBy(open(), victim.key)
  expect(still.data).toMatchObject({ status: 'SIGNED_IN', me: { email: victim.email } })
})

test.each<[string, Lies]>([
  ['made for another page', { origin: 'https://evil.example' }],
  ['made for another party', { rpId: 'evil.example' }],
  ['of the type of an assertion', { type: 'webauthn.get' }],
  ['with nobody there', { present: false }],
  ['with an algorithm that was not offered', { algorithm: -35 }],
  ['with a certificate, which might send the server anywhere', { certificate: 'x' }],
  ['for a challenge that was never given', { challenge: Buffer.alloc(32, 7).toString('base64url') }],
])('M12 a registration %s is refused', async (_, lies) => {
  const { browser, key, email } = await shared()
  await stepUpBy(browser, key)
  const answer = await registerKey(browser, newAuthenticator({ origin: passkeyOrigin }), 'bad', lies)
  expect([answer.status, answer.error?.data]).toMatchObject([400, { code: 'BAD_REQUEST', details: { fields: { response: ['is wrong'] } } }])
  expect(await ask('SELECT FROM auth.passkeys AS p JOIN auth.users AS u ON u.id = user_id WHERE email = $1', [email])).toHaveLength(1)
})

test('M18 what one begins a sign-in with tells of no account: it takes no address, and names no passkey', async () => {
  const { email } = await shared()
  const answer = await open().mutate('auth.passkey.signInOptions', { delivery: 'COOKIE', email })
  expect([answer.status, answer.error?.data.code]).toEqual([400, 'BAD_REQUEST'])
  const { data } = await open().mutate('auth.passkey.signInOptions', { delivery: 'COOKIE' })
  expect(data).toEqual({
    options: {
      challenge: expect.stringMatching(/^[\w-]{43}$/),
      rpId: 'plinth.example.com',
      timeout: 300_000,
      userVerification: 'preferred',
      allowCredentials: [],
    },
    secret: null,
    expiresAt: expect.any(Date),
  })
})

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => (made ??= make())
}
