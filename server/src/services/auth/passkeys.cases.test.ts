/** Passkeys against whoever lies: each test an attack of the published kinds, over HTTP. What is shown twice is in passkey-challenges.cases.test.ts. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { enrolApp } from '../../../test/authenticator-app.ts'
import { newAuthenticator, type Lies } from '../../../test/authenticator.ts'
import { openBrowser, toldBy, type Answer, type Browser } from '../../../test/browser.ts'
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
  type PasskeyPerson,
} from '../../../test/passkeys.ts'
import { atOnce, cookiesOf } from '../../../test/race.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'
import { waysInOf } from '../../../test/ways-in.ts'

type Response = Awaited<ReturnType<typeof answerOf>>
type Made = Parameters<ReturnType<typeof newAuthenticator>['register']>[0]

let server: TestServer
let last = 0

beforeAll(async () => {
  server = await startTestServer({ env: { PUBLIC_URL: passkeyOrigin, ALLOWED_ORIGINS: 'https://app.plinth.example.com' } })
})
afterAll(() => server.stop())

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const open = () => openBrowser(server.url)
const person = (habits = {}) => passkeyPerson(server, `passkey${++last}@example.com`, habits)
const waysIn = (email: string) => waysInOf(server.database.ownerUrl, email)
const newKey = () => newAuthenticator({ origin: passkeyOrigin })
const pendingOf = ({ data }: Answer) => (data as { pendingToken: string }).pendingToken
const showPassword = (email: string) => open().mutate('auth.signIn', { email, password: passkeyPassword, delivery: 'COOKIE' })

const nobody = { status: 401, message: 'Sign in first.', data: { code: 'UNAUTHORIZED', httpStatus: 401 } }
const no = { ...nobody, message: 'The passkey is unknown here, or the sign-in took too long. Begin again.' }
const notCompleted = { ...nobody, message: 'The code is wrong, or the sign-in has taken too long.' }
const wrongResponse = (message: string) => ({
  status: 400,
  message,
  data: { code: 'BAD_REQUEST', httpStatus: 400, details: { fields: { response: ['is wrong'] } } },
})
const notProven = wrongResponse('This is not right.')
const notRegistered = wrongResponse('The passkey was not registered. Begin again.')
const taken = {
  status: 409,
  message: 'This passkey is registered already.',
  data: { code: 'CONFLICT', httpStatus: 409, details: { reason: 'PASSKEY_TAKEN' } },
}

/** One person for the refusals: none of them may change anything. */
const shared = once(person)

/** Shows what is wrong wherever a passkey is shown, by calls that make it. It opens nothing, and all that the person has stays as it was. */
async function refusedEverywhere({ email }: PasskeyPerson, calls: readonly (readonly [() => Promise<Answer>, object])[]): Promise<void> {
  const kept = await waysIn(email)
  for (const [call, told] of calls) {
    const answer = await call()
    expect([toldBy(answer), answer.setCookies.filter((line) => line.includes('session'))]).toEqual([told, []])
    expect(await waysIn(email)).toEqual(kept)
  }
}

const lies: [string, Lies][] = [
  ['M11 for a page of somebody else', { origin: 'https://evil.example' }],
  ['M11 for a page whose name begins like ours', { origin: 'https://plinth.example.com.evil.io' }],
  ['M11 for a page whose name ends like ours', { origin: 'https://evilplinth.example.com' }],
  ['M11 for our page over plain http', { origin: 'http://plinth.example.com' }],
  ['M11 for our page on another port', { origin: 'https://plinth.example.com:8443' }],
  ['M11 within a frame of another site', { crossOrigin: true }],
  ['M12 for another party', { rpId: 'evil.example' }],
  ['M12 for a party above ours', { rpId: 'example.com' }],
  ['M12 of the type of a registration', { type: 'webauthn.create' }],
  ['M12 with nobody there', { present: false }],
  ['M12 with an altered signature', { altered: 'SIGNATURE' }],
  ['M12 with altered data', { altered: 'DATA' }],
  ['M12 for a challenge that was never given', { challenge: Buffer.alloc(32, 7).toString('base64url') }],
  ['M12 that names another person', { userHandle: Buffer.from('tz4a98xxat96iws9zmbrgj3a').toString('base64url') }],
]

test.each(lies)('%s an assertion signs nobody in, completes no sign-in, and proves nothing', async (_, lie) => {
  const who = await shared()
  const [stranger, pendingToken] = [open(), pendingOf(await showPassword(who.email))]
  await refusedEverywhere(who, [
    [() => signInBy(stranger, who.key, lie), no],
    [() => stranger.query('auth.me'), nobody],
    [() => completeBy(open(), pendingToken, who.key, lie), notCompleted],
    [() => stepUpBy(who.browser, who.key, lie), notProven],
  ])
  expect((await completeBy(open(), pendingToken, who.key)).data).toMatchObject({ status: 'SIGNED_IN', me: { email: who.email } })
})

test('M12 an assertion that names no person signs nobody in where none was known', async () => {
  const who = await shared()
  await refusedEverywhere(who, [[() => signInBy(open(), who.key, { userHandle: null }), no]])
})

/** A response of which a part was changed after it was signed. */
function altered(response: Response, part: 'clientDataJSON' | 'authenticatorData', change: (bytes: Buffer) => Buffer): Response {
  const changed = change(Buffer.from(response.response[part], 'base64url')).toString('base64url')
  return { ...response, response: { ...response.response, [part]: changed } }
}
const replaced = (from: string, to: string) => (bytes: Buffer) => Buffer.from(bytes.toString().replace(from, to))

test.each<[string, Lies, (response: Response) => Response]>([
  [
    'its page was put right',
    { origin: 'https://evil.example' },
    (response) => altered(response, 'clientDataJSON', replaced('https://evil.example', passkeyOrigin)),
  ],
  ['its type was put right', { type: 'webauthn.create' }, (response) => altered(response, 'clientDataJSON', replaced('.create', '.get'))],
  [
    'it says that the person was verified',
    { verifies: false },
    (response) =>
      altered(response, 'authenticatorData', (bytes) => Buffer.concat([bytes.subarray(0, 32), Buffer.from([5]), bytes.subarray(33)])),
  ],
])('M12 an assertion that was altered so that %s signs nobody in', async (_, lie, alter) => {
  const [who, stranger] = [await shared(), open()]
  const response = alter(await answerOf(stranger, who.key, lie))
  await refusedEverywhere(who, [
    [() => stranger.mutate('auth.passkey.signIn', { response }), no],
    [() => stranger.query('auth.me'), nobody],
  ])
})

test('M12 a passkey that is unknown, and one that was removed, are refused as a wrong signature is', async () => {
  const who = await person()
  const stranger = newKey()
  stranger.register({ rp: { id: 'plinth.example.com' }, user: { id: 'eA' }, challenge: 'eA' } as Made)
  await ask('UPDATE auth.passkeys SET deleted_at = now() WHERE credential_id = $1', [who.key.credentialId])
  await refusedEverywhere(who, [
    [() => signInBy(open(), stranger), no],
    [() => signInBy(open(), who.key), no],
  ])
})

test('M12 the same passkey twice is one factor: without its person verified it does not complete what it began', async () => {
  const who = await person({ verifies: false })
  const first = await signInBy(open(), who.key)
  expect(first.data).toMatchObject({ status: 'SECOND_FACTOR', methods: ['PASSKEY'] })
  const { data } = await open().mutate('auth.passkey.secondFactorOptions', { pendingToken: pendingOf(first) })
  expect(data).toMatchObject({ userVerification: 'required' })
  const { session } = await waysIn(who.email)
  const again = await completeBy(open(), pendingOf(first), who.key)
  expect([toldBy(again), again.setCookies]).toEqual([notCompleted, []])
  expect((await waysIn(who.email)).session).toEqual(session)
  expect((await completeBy(open(), pendingOf(first), who.key, { verifies: true })).status).toBe(200)
})

test('M09 a passkey that did not verify its person leads no further than a password: the second factor is asked for', async () => {
  const { email, key, browser } = await person()
  await stepUpBy(browser, key)
  const app = await enrolApp(browser)
  const [where, before] = [open(), (await waysIn(email)).session]
  const first = await signInBy(where, key, { verifies: false })
  expect([first.status, first.data]).toMatchObject([200, { status: 'SECOND_FACTOR', methods: ['PASSKEY', 'TOTP'] }])
  expect(first.setCookies).toEqual([])
  expect(toldBy(await where.query('auth.me'))).toEqual(nobody)
  expect((await waysIn(email)).session).toEqual(before)
  const done = await where.mutate('auth.secondFactor.totp', { pendingToken: pendingOf(first), code: app.code(1) })
  expect(done.data).toMatchObject({ status: 'SIGNED_IN', me: { email } })
  expect((await waysIn(email)).session).toEqual([...before, expect.objectContaining({ level: 2, methods: ['PASSKEY', 'TOTP'] })])
})

test('M09 a passkey that verified its person is two factors at once: an app is not asked for', async () => {
  const { email, key, browser } = await person()
  await stepUpBy(browser, key)
  await enrolApp(browser)
  expect((await signInBy(open(), key)).data).toMatchObject({ status: 'SIGNED_IN', me: { email } })
  expect((await waysIn(email)).session.at(-1)).toMatchObject({ level: 2, methods: ['PASSKEY'] })
})

test("M15 nobody takes another's passkey by registering its id, and nobody registers one twice", async () => {
  const [victim, thief] = [await person(), await person()]
  await stepUpBy(thief.browser, thief.key)
  const kept = [await waysIn(victim.email), await waysIn(thief.email)]
  for (const credentialId of [victim.key.credentialId, thief.key.credentialId]) {
    const stolen = newKey()
    expect(toldBy(await registerKey(thief.browser, stolen, 'stolen', { credentialId }))).toEqual(taken)
    expect(toldBy(await signInBy(open(), stolen))).toEqual(no)
  }
  expect([await waysIn(victim.email), await waysIn(thief.email)]).toEqual(kept)
  const still = await signInBy(open(), victim.key)
  expect(still.data).toMatchObject({ status: 'SIGNED_IN', me: { email: victim.email } })
})

test('M15 of twenty at once, two people, who register the same id, one has it', async () => {
  const people = [await person(), await person()]
  for (const { browser, key } of people) await stepUpBy(browser, key)
  const credentialId = Buffer.alloc(32, 9).toString('base64url')
  const made = await Promise.all(
    Array.from({ length: 20 }, async (_, each) => {
      const { browser } = people[each % 2] as PasskeyPerson
      const { data } = await browser.mutate('auth.passkey.registerOptions')
      return { headers: cookiesOf(browser), response: newKey().register(data as Made, { credentialId }) }
    }),
  )
  const register = (browser: Browser, each: number) =>
    browser.mutate('auth.passkey.register', { name: `${each}`, response: made[each]?.response }, made[each]?.headers)
  const answers = await atOnce(server.url, 20, register)
  expect(answers.filter(({ status }) => status !== 200).map(toldBy)).toEqual(Array.from({ length: 19 }, () => taken))
  const rows = await ask<{ name: string }>('SELECT name FROM auth.passkeys WHERE credential_id = $1', [credentialId])
  expect(rows).toEqual([{ name: `${answers.findIndex(({ status }) => status === 200)}` }])
})

test.each<[string, Lies]>([
  ['made for another page', { origin: 'https://evil.example' }],
  ['made for another party', { rpId: 'evil.example' }],
  ['of the type of an assertion', { type: 'webauthn.get' }],
  ['with nobody there', { present: false }],
  ['with an algorithm that was not offered', { algorithm: -35 }],
  ['with a certificate, which might send the server anywhere', { certificate: 'x' }],
  ['for a challenge that was never given', { challenge: Buffer.alloc(32, 7).toString('base64url') }],
])('M12 a registration %s is refused', async (_, lie) => {
  const { browser, key, email } = await shared()
  await stepUpBy(browser, key)
  const [kept, bad] = [await waysIn(email), newKey()]
  expect(toldBy(await registerKey(browser, bad, 'bad', lie))).toEqual(notRegistered)
  expect(toldBy(await signInBy(open(), bad))).toEqual(no)
  expect(await waysIn(email)).toEqual(kept)
})

test('M18 what one begins a sign-in with tells of no account: it takes no address, and names no passkey', async () => {
  const { email } = await shared()
  const [known, unknown] = await Promise.all(
    [email, 'nobody@example.com'].map((address) => open().mutate('auth.passkey.signInOptions', { delivery: 'COOKIE', email: address })),
  )
  expect(toldBy(known as Answer)).toEqual({
    status: 400,
    message: 'The input is not what this procedure takes.',
    data: { code: 'BAD_REQUEST', httpStatus: 400, details: { fields: { email: ['is not known'] } } },
  })
  expect(toldBy(unknown as Answer)).toEqual(toldBy(known as Answer))
  const options = {
    challenge: expect.stringMatching(/^[\w-]{43}$/),
    rpId: 'plinth.example.com',
    timeout: 300_000,
    userVerification: 'preferred',
    allowCredentials: [],
  }
  const ofSomebody = openBrowser(server.url, cookiesOf((await shared()).browser))
  for (const browser of [open(), ofSomebody]) {
    const { status, data } = await browser.mutate('auth.passkey.signInOptions', { delivery: 'COOKIE' })
    expect([status, data]).toEqual([200, { options, secret: null, expiresAt: expect.any(Date) }])
  }
})

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => (made ??= make())
}
