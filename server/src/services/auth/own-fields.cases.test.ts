import { afterAll, beforeAll, expect, test } from 'vitest'
import { enrolApp } from '../../../test/authenticator-app.ts'
import { openBrowser, toldBy } from '../../../test/browser.ts'
import { query } from '../../../test/database.ts'
import { startTestServer, type TestPerson, type TestServer } from '../../../test/server.ts'
import { wholeState } from '../../../test/whole-state.ts'
import { setUpCode } from './index.ts'

const password = 'nine lazy otters hum'
let server: TestServer
let ada: TestPerson

beforeAll(async () => {
  server = await startTestServer()
  ada = await server.signUpAs('ada@example.com', { password })
})
afterAll(() => server.stop())

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const own = () => openBrowser(server.url, { authorization: `Bearer ${ada.token}` })

/** What a hostile page sends along: fields of the rows behind, and what other programs would call them. */
const extras: Record<string, unknown> = {
  role: 'ADMIN',
  isAdmin: true,
  emailVerified: true,
  emailVerifiedAt: '2026-01-01',
  status: 'ACTIVE',
  id: 'x',
  userId: 'x',
  createdAt: 1,
  updatedAt: 1,
  deletedAt: null,
  disabledAt: null,
  memberships: [],
  sessions: { create: [] },
  passwordHash: 'x',
}

/** Whatever makes an account or changes one’s own, with an input that it takes. */
const doors: Record<string, () => Promise<object>> = {
  'auth.signUp': async () => ({ email: 'mass@example.com', name: 'Mass', password }),
  'auth.setUp': async () => ({ code: await setUpCode(), email: 'mass@example.com', name: 'Mass', password }),
  'auth.signIn': async () => ({ email: ada.email, password, delivery: 'TOKEN' }),
  'auth.verifyEmail': async () => ({ token: 'pln_v_x' }),
  'auth.password.change': async () => ({ currentPassword: password, password: 'ten brisk herons wade' }),
  'auth.password.requestReset': async () => ({ email: ada.email }),
  'auth.password.reset': async () => ({ token: 'pln_r_x', password }),
  'auth.email.requestChange': async () => ({ email: 'mass@example.com' }),
  'auth.emailSignIn.request': async () => ({ email: ada.email }),
  'profile.update': async () => ({ version: 1, displayName: 'Mass' }),
}

test.each(Object.entries(doors))(
  'A18 %s takes no field that is not the caller’s to set, and nothing changes',
  async (procedure, inputOf) => {
    await setUpCode()
    const [input, before] = [await inputOf(), await wholeState(server.database.ownerUrl)]
    const refusedFor = (fields: string[]) => ({
      status: 400,
      message: 'The input is not what this procedure takes.',
      data: { code: 'BAD_REQUEST', httpStatus: 400, details: { fields: Object.fromEntries(fields.map((key) => [key, ['is not known']])) } },
    })
    for (const [key, value] of Object.entries(extras))
      expect(toldBy(await own().mutate(procedure, { ...input, [key]: value })), key).toEqual(refusedFor([key]))
    expect(toldBy(await own().mutate(procedure, { ...input, ...extras }))).toEqual(refusedFor(Object.keys(extras)))
    expect(await wholeState(server.database.ownerUrl)).toEqual(before)
  },
)

test('A19 what a person sees of their account is what is meant for them, when they sign in and whenever they ask', async () => {
  const { email, me: signedIn } = await server.signUpAs('grace@example.com', { name: 'Grace', password })
  const browser = openBrowser(server.url)
  await browser.mutate('auth.signIn', { email, password, delivery: 'COOKIE', remember: true })
  await browser.mutate('auth.apiKey.create', { name: 'laptop', scopes: ['teams.*'], expiresInDays: 30 })
  await enrolApp(browser)
  await browser.mutate('auth.recoveryCode.regenerate')
  const seen = {
    id: signedIn.id,
    email,
    name: 'Grace',
    role: 'USER',
    emailVerified: true,
    createdAt: expect.any(Date),
    impersonatorId: null,
  }
  expect(signedIn).toEqual(seen)
  const answer = await browser.query('auth.me')
  expect([answer.status, answer.data, answer.headers.get('cache-control')]).toEqual([200, seen, 'no-store'])
  const secrets = await ask<{ secret: string }>(
    `SELECT unnest(array[hash]) AS secret FROM auth.passwords WHERE user_id = $1
     UNION ALL SELECT sealed_secret FROM auth.totp_factors WHERE user_id = $1
     UNION ALL SELECT unnest(array[encode(token_hash, 'hex'), encode(token_hash, 'base64')]) FROM auth.verification_tokens WHERE user_id = $1
     UNION ALL SELECT unnest(array[encode(token_hash, 'hex'), encode(token_hash, 'base64')]) FROM auth.sessions WHERE user_id = $1
     UNION ALL SELECT unnest(array[encode(key_hash, 'hex'), encode(key_hash, 'base64')]) FROM auth.api_keys WHERE user_id = $1`,
    [signedIn.id],
  )
  expect(secrets.length).toBeGreaterThan(20)
  for (const [procedure, input] of [
    ['auth.me'],
    ['auth.session.list', {}],
    ['auth.apiKey.list', {}],
    ['auth.totp.get'],
    ['auth.account.activity', {}],
    ['profile.get'],
  ] as const) {
    const { status, text } = await browser.query(procedure, input)
    expect([procedure, status]).toEqual([procedure, 200])
    expect(text).not.toMatch(/hash|sealed|deletedAt|disabledAt|deletionId|eraseAfter/i)
    for (const { secret } of secrets) expect(text).not.toContain(secret)
  }
})
