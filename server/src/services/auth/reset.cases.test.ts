import { afterAll, beforeAll, expect, test } from 'vitest'
import { enrolApp } from '../../../test/authenticator-app.ts'
import { openBrowser, toldBy, type Answer } from '../../../test/browser.ts'
import { advance } from '../../../test/clock.ts'
import { query } from '../../../test/database.ts'
import { openGate } from '../../../test/gate.ts'
import { eventually } from '../../../test/outbox.ts'
import { startTestServer, type TestPerson, type TestServer } from '../../../test/server.ts'
import { withThrottles } from '../../../test/throttles.ts'

const password = 'nine lazy otters hum'
const next = 'ten brisk herons wade'
const other = 'eleven calm badgers dig'
const minute = 60_000
let server: TestServer
let last = 0

beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const open = () => openBrowser(server.url)
const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const person = () => server.signUpAs(`person${(last += 1)}@example.com`, { password })
const request = (email: string, browser = open()) => browser.mutate('auth.password.requestReset', { email })
const reset = (token: string, given = next, more: object = {}, browser = open()) =>
  browser.mutate('auth.password.reset', { token, password: given, ...more })
const signIn = async (email: string, given: string) =>
  (await open().mutate('auth.signIn', { email, password: given, delivery: 'COOKIE' })).status
const me = async (token: string) => (await open().query('auth.me', undefined, { authorization: `Bearer ${token}` })).status
const resetMails = async (email: string) => (await server.mailsTo(email)).filter(({ text }) => text.includes('#token=pln_r_'))

/** Asks for a link and takes it from the mail that it brings. */
async function linkFor(email: string): Promise<string> {
  const before = (await resetMails(email)).length
  await request(email)
  const mail = await eventually(async () => {
    const mails = await resetMails(email)
    return mails.length > before && mails[0]
  })
  return /#token=([\w-]+)/.exec(mail.text)?.[1] ?? ''
}

/** What no refused link may change of these people: account, password, sessions. */
const kept = (...people: TestPerson[]) =>
  ask(
    `SELECT u.*, p.hash, p.changed_at, array(SELECT s.id::text FROM auth.sessions AS s WHERE s.user_id = u.id AND revoked_at IS NULL) AS sessions
     FROM auth.users AS u JOIN auth.passwords AS p ON p.user_id = u.id AND p.deleted_at IS NULL WHERE u.id = ANY ($1) ORDER BY u.id`,
    [people.map((each) => each.me.id)],
  )

const refused = {
  status: 400,
  message: 'This link is unknown, was used, or is too old.',
  data: { code: 'INVALID_TOKEN', httpStatus: 400 },
}
const withoutId = ({ text }: Answer) => text.replace(/"requestId":"[^"]*"/, '')

test('R01 a link sets the password once; the second time it is told what a link is told that never was', async () => {
  const ada = await person()
  const token = await linkFor(ada.email)
  expect(token).toMatch(/^pln_r_[\w-]{43}$/)
  const done = await reset(token)
  expect([done.status, done.data, done.setCookies]).toEqual([200, { status: 'RESET' }, []])
  const before = await kept(ada)
  const again = await reset(token, other)
  expect(toldBy(again)).toEqual(refused)
  expect(withoutId(again)).toBe(withoutId(await reset(`pln_r_${'A'.repeat(43)}`, other)))
  expect(await kept(ada)).toEqual(before)
  expect([await signIn(ada.email, password), await signIn(ada.email, other), await signIn(ada.email, next)]).toEqual([401, 401, 200])
})

test('R02 of twenty uses of one link at once, each with another password, one is taken: its password is the one that is right', async () => {
  const ada = await person()
  const [token, gate] = [await linkFor(ada.email), openGate(20)]
  const chosen = Array.from({ length: 20 }, (_, i) => `${next} number ${i}`)
  const answers = await Promise.all(chosen.map((given) => reset(token, given, {}, openBrowser(server.url, {}, gate))))
  const won = answers.findIndex(({ status }) => status === 200)
  expect(answers[won]?.data).toEqual({ status: 'RESET' })
  for (const [i, answer] of answers.entries()) if (i !== won) expect(toldBy(answer)).toEqual(refused)
  expect(await kept(ada)).toHaveLength(1)
  for (const [i, given] of chosen.entries()) expect([i, await signIn(ada.email, given)]).toEqual([i, i === won ? 200 : 401])
})

test('R03 a newer link ends the older one', async () => {
  const ada = await person()
  const [older, newer] = [await linkFor(ada.email), await linkFor(ada.email)]
  const before = await kept(ada)
  expect(toldBy(await reset(older, other))).toEqual(refused)
  expect(await kept(ada)).toEqual(before)
  expect((await reset(newer)).data).toEqual({ status: 'RESET' })
  expect([await signIn(ada.email, other), await signIn(ada.email, next)]).toEqual([401, 200])
})

test('R03 of twenty links that are asked for at once one is good', async () => {
  const ada = await person()
  const gate = openGate(20)
  const answers = await Promise.all(Array.from({ length: 20 }, () => request(ada.email, openBrowser(server.url, {}, gate))))
  for (const { status, data } of answers) expect([status, data]).toEqual([200, { status: 'CHECK_EMAIL' }])
  const good = await ask(
    `SELECT FROM auth.verification_tokens WHERE user_id = $1 AND purpose = 'PASSWORD_RESET' AND used_at IS NULL AND deleted_at IS NULL`,
    [ada.me.id],
  )
  expect(good).toHaveLength(1)
})

test('R04 a link is good for twenty minutes and not a second longer', async () => {
  const [late, punctual] = [await person(), await person()]
  const [old, good] = [await linkFor(late.email), await linkFor(punctual.email)]
  await advance(server.database.ownerUrl, 19 * minute)
  expect((await reset(good)).data).toEqual({ status: 'RESET' })
  await advance(server.database.ownerUrl, minute + 1_000)
  const before = await kept(late)
  expect(toldBy(await reset(old))).toEqual(refused)
  expect(await kept(late)).toEqual(before)
  expect([await me(late.token), await signIn(late.email, password)]).toEqual([200, 200])
})

test('R06 a link changes the account that it was sent to and no other, whomever the call names', async () => {
  const [ada, bob] = [await person(), await person()]
  const token = await linkFor(ada.email)
  const before = await kept(ada, bob)
  for (const more of [{ userId: bob.me.id }, { email: bob.email }, { userId: bob.me.id, email: bob.email }]) {
    const fields = Object.fromEntries(Object.keys(more).map((key) => [key, ['is not known']]))
    expect(toldBy(await reset(token, next, more))).toEqual({
      status: 400,
      message: 'The input is not what this procedure takes.',
      data: { code: 'BAD_REQUEST', httpStatus: 400, details: { fields } },
    })
    expect(await kept(ada, bob)).toEqual(before)
  }
  const bobs = await kept(bob)
  expect((await reset(token)).data).toEqual({ status: 'RESET' })
  expect(await kept(bob)).toEqual(bobs)
  expect([await me(ada.token), await me(bob.token), await signIn(ada.email, next), await signIn(bob.email, password)]).toEqual([
    401, 200, 200, 200,
  ])
})

test('R08 a new password removes no factor: it is asked for as before, and nothing is signed in without it', async () => {
  const { email, me: ada } = await person()
  const browser = open()
  await browser.mutate('auth.signIn', { email, password, delivery: 'COOKIE' })
  const app = await enrolApp(browser)
  await browser.mutate('auth.recoveryCode.regenerate')
  const factors = () =>
    ask(
      `SELECT t.*, array(SELECT v.id::text FROM auth.verification_tokens AS v WHERE v.user_id = t.user_id AND purpose = 'RECOVERY_CODE' AND used_at IS NULL AND v.deleted_at IS NULL ORDER BY v.id) AS codes
       FROM auth.totp_factors AS t WHERE user_id = $1`,
      [ada.id],
    )
  const before = await factors()
  expect(before).toEqual([expect.objectContaining({ codes: expect.objectContaining({ length: 10 }) })])
  const done = await reset(await linkFor(email))
  expect([done.data, done.setCookies]).toEqual([{ status: 'RESET' }, []])
  expect(await factors()).toEqual(before)
  const waiting = await open().mutate('auth.signIn', { email, password: next, delivery: 'COOKIE' })
  expect([waiting.status, waiting.data, waiting.setCookies]).toMatchObject([
    200,
    { status: 'SECOND_FACTOR', methods: ['TOTP', 'RECOVERY_CODE'] },
    [],
  ])
  const { pendingToken } = waiting.data as { pendingToken: string }
  expect((await open().query('auth.me', undefined, { authorization: `Bearer ${pendingToken}` })).status).toBe(401)
  expect((await open().mutate('auth.secondFactor.totp', { pendingToken, code: app.code(1) })).status).toBe(200)
})

test('R16 of a hundred requests at once three an hour are mailed, and all are answered as one for an address that nobody has', async () => {
  const ada = await person()
  const [gate, before] = [openGate(100), await kept(ada)]
  const sent = () => ask(`SELECT FROM core.activity WHERE user_id = $1 AND event = 'auth.password_reset.requested'`, [ada.me.id])
  await withThrottles(server.database.ownerUrl, async () => {
    const answers = await Promise.all(Array.from({ length: 100 }, () => request(ada.email, openBrowser(server.url, {}, gate))))
    const nobody = await request('nobody@example.com')
    expect([nobody.status, nobody.data]).toEqual([200, { status: 'CHECK_EMAIL' }])
    for (const answer of answers) expect([answer.status, withoutId(answer)]).toEqual([200, withoutId(nobody)])
  })
  expect(await sent()).toHaveLength(3)
  expect(await kept(ada)).toEqual(before)
  await advance(server.database.ownerUrl, 50 * minute)
  await withThrottles(server.database.ownerUrl, () => request(ada.email))
  expect(await sent()).toHaveLength(3)
  await advance(server.database.ownerUrl, 11 * minute)
  await withThrottles(server.database.ownerUrl, () => request(ada.email))
  expect(await sent()).toHaveLength(4)
  // The newest is mailed: whatever was mailed before it is there.
  await eventually(async () => (await resetMails(ada.email)).length > 0 && (await ask('SELECT FROM core.outbox')).length === 0)
  expect((await resetMails(ada.email)).length).toBeLessThanOrEqual(4)
})
