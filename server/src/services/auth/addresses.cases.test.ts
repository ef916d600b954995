import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser, toldBy, type Answer } from '../../../test/browser.ts'
import { query } from '../../../test/database.ts'
import { openGate } from '../../../test/gate.ts'
import { eventually } from '../../../test/outbox.ts'
import { startTestServer, type TestPerson, type TestServer } from '../../../test/server.ts'
import { wholeState } from '../../../test/whole-state.ts'
import { readOutbox } from '../../http/outbox.ts'
import { setUpCode } from './index.ts'

const password = 'nine lazy otters hum'
let server: TestServer
let owner: TestPerson

beforeAll(async () => {
  server = await startTestServer()
  owner = await server.signUpAs('owner@example.com', { password })
  for (const email of ['admin@example.com', 'kim@example.com']) await server.signUpAs(email, { password })
})
afterAll(() => server.stop())

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const open = () => openBrowser(server.url)
const signIn = (email: string, given = password) => open().mutate('auth.signIn', { email, password: given, delivery: 'COOKIE' })
const signUp = (email: string, more: object = {}, browser = open()) =>
  browser.mutate('auth.signUp', { email, name: 'Ada', password, ...more })

/** Every place that takes an address from a stranger, or from somebody for themselves. */
const doors: Record<string, (email: string) => Promise<Answer>> = {
  'auth.signUp': (email) => signUp(email),
  'auth.signIn': (email) => signIn(email),
  'auth.password.requestReset': (email) => open().mutate('auth.password.requestReset', { email }),
  'auth.emailSignIn.request': (email) => open().mutate('auth.emailSignIn.request', { email }),
  'auth.email.requestChange': (email) => open().mutate('auth.email.requestChange', { email }, { authorization: `Bearer ${owner.token}` }),
  'auth.setUp': async (email) => open().mutate('auth.setUp', { code: await setUpCode(), email, name: 'Ada', password }),
}

/** Spellings of a mailbox that there is, and what it is stored as. */
const alike = [
  ['ADMIN@EXAMPLE.COM', 'admin@example.com'],
  ['Admin@Example.com', 'admin@example.com'],
  ['ａｄｍｉｎ@example.com', 'admin@example.com'],
  ['admin＠example.com', 'admin@example.com'],
  ['ａｄｍｉｎ＠ｅｘａｍｐｌｅ．ｃｏｍ', 'admin@example.com'],
  ['\u212Aim@example.com', 'kim@example.com'],
] as const

const users = () => ask('SELECT id, email, updated_at FROM auth.users ORDER BY id')
const hasMail = (email: string, subject: string) =>
  eventually(async () => (await server.mailsTo(email)).some((mail) => mail.subject === subject))

test.each(alike)(
  'A12 %j is the account of its mailbox, wherever it is typed, and what is mailed goes to the address as it is stored',
  async (typed, stored) => {
    const before = await users()
    const entered = await signIn(typed)
    expect([entered.status, entered.data]).toMatchObject([200, { me: { email: stored } }])
    for (const door of ['auth.signUp', 'auth.password.requestReset', 'auth.emailSignIn.request', 'auth.email.requestChange']) {
      const answer = await doors[door]?.(typed)
      expect([door, answer?.status, answer?.data]).toMatchObject([door, 200, { status: 'CHECK_EMAIL' }])
    }
    for (const subject of ['You already have an account', 'Choose a new password', 'Sign in']) await hasMail(stored, subject)
    expect(await users()).toEqual(before)
    const known = new Set(before.map(({ email }) => email))
    const strangers = (await readOutbox(server.config.MAIL_URL ?? '')).map(({ to }) => to).filter((to) => !known.has(to))
    expect(strangers).toEqual([])
  },
)

test.each([
  ['a dotted capital I', 'adm\u0130n@example.com'],
  ['a zero-width space', 'ad\u200bmin@example.com'],
  ['a zero-width joiner', 'admin\u200d@example.com'],
  ['a dot at the end', 'admin@example.com.'],
  ['a quoted local part', '"admin"@example.com'],
  ['two at signs', 'a@b@example.com'],
  ['a full-width and a plain at sign', 'admin＠x@example.com'],
  ['a Cyrillic letter in the domain', 'admin@ex\u0430mple.com'],
  ['a Cyrillic letter in the local part', '\u0430dmin@example.com'],
  ['a comment', 'admin(x)@example.com'],
  ['two addresses', 'admin@example.com,x@example.org'],
])('A12 an address with %s is refused wherever it is typed', async (_what, email) => {
  const before = await wholeState(server.database.ownerUrl)
  for (const [door, call] of Object.entries(doors)) {
    expect(toldBy(await call(email)), door).toEqual({
      status: 400,
      message: 'The input is not what this procedure takes.',
      data: { code: 'BAD_REQUEST', httpStatus: 400, details: { fields: { email: ['is not an email address like name@example.com'] } } },
    })
  }
  expect(await wholeState(server.database.ownerUrl)).toEqual(before)
})

test('A13 tags and dots belong to the address: each is an account of its own, with its own password and mail', async () => {
  const addresses = ['ab@example.com', 'a.b@example.com', 'a+b@example.com', 'a@example.com']
  for (const [i, email] of addresses.entries()) {
    expect((await signUp(email, { name: `Person ${i}`, password: `${password} ${i}` })).data).toEqual({ status: 'CHECK_EMAIL' })
    expect((await open().mutate('auth.verifyEmail', { token: await server.tokenMailedTo(email) })).data).toEqual({ status: 'VERIFIED' })
  }
  for (const [i, email] of addresses.entries())
    for (const [j] of addresses.entries()) {
      const answer = await signIn(email, `${password} ${j}`)
      expect([i, j, answer.status]).toEqual([i, j, i === j ? 200 : 401])
      if (i === j) expect(answer.data).toMatchObject({ me: { email, name: `Person ${i}` } })
    }
  for (const email of addresses)
    expect((await server.mailsTo(email)).map(({ to, subject }) => [to, subject])).toEqual([[email, 'Confirm your email address']])
  expect(await ask('SELECT DISTINCT id FROM auth.users WHERE email = ANY ($1)', [addresses])).toHaveLength(4)
})

test.each([
  ['the same password', () => password, 1],
  ['another password each', (i: number) => `${password} ${i}`, 20],
])(
  'A14 of twenty sign-ups with one address at once, with %s, there is one account, and no password is its own yet',
  async (what, chosen, links) => {
    const email = `${what.replaceAll(' ', '.')}@example.com`
    const gate = openGate(20)
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => signUp(email, { password: chosen(i) }, openBrowser(server.url, {}, gate))),
    )
    for (const { status, data, text, setCookies } of answers)
      expect([status, data, text, setCookies]).toEqual([200, { status: 'CHECK_EMAIL' }, answers[0]?.text, []])
    const made = await ask<{ id: string }>('SELECT id FROM auth.users WHERE email = $1', [email])
    expect(made).toHaveLength(1)
    const count = async (sql: string) => (await ask(sql, [made[0]?.id])).length
    expect(await count(`SELECT FROM core.activity WHERE user_id = $1 AND event = 'auth.user.created'`)).toBe(1)
    expect(await count('SELECT FROM auth.passwords WHERE user_id = $1')).toBe(0)
    expect(await count('SELECT FROM auth.verification_tokens WHERE user_id = $1 AND used_at IS NULL AND deleted_at IS NULL')).toBe(links)
    expect((await signIn(email, chosen(0))).status).toBe(401)
  },
)
