import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { tokenFor, useThrottles } from './index.ts'
import { openBrowser, type Browser } from '../../../test/browser.ts'
import { query } from '../../../test/database.ts'
import { eventually } from '../../../test/outbox.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'

const password = 'nine lazy otters hum'
let server: TestServer
let browser: Browser

beforeAll(async () => {
  server = await startTestServer()
  browser = openBrowser(server.url)
})
afterAll(() => server.stop())

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const signUp = (email: string, more: object = {}) => browser.mutate('auth.signUp', { email, name: 'Ada', password, ...more })
const signIn = (email: string, given = password) => browser.mutate('auth.signIn', { email, password: given, delivery: 'TOKEN' })
const usersWith = (email: string) => ask<{ id: string; name: string }>('SELECT * FROM auth.users WHERE email = $1', [email])

test('a person signs up, proves the address and signs in; a verified address is needed for it', async () => {
  expect((await signUp('walk@example.com')).data).toEqual({ status: 'CHECK_EMAIL' })
  expect(await signIn('walk@example.com')).toMatchObject({ status: 401, error: { data: { code: 'UNAUTHORIZED' } } })
  const token = await server.tokenMailedTo('walk@example.com')
  expect(token).toMatch(/^pln_v_[\w-]{43}$/)
  expect((await browser.mutate('auth.verifyEmail', { token })).data).toEqual({ status: 'VERIFIED' })
  expect(await signIn('walk@example.com')).toMatchObject({ status: 200, data: { me: { email: 'walk@example.com', emailVerified: true } } })
  expect(await browser.mutate('auth.verifyEmail', { token })).toMatchObject({ status: 400, error: { data: { code: 'INVALID_TOKEN' } } })
  const [user] = await usersWith('walk@example.com')
  const events = await ask<{ event: string }>(`SELECT event FROM core.activity WHERE user_id = $1 AND event LIKE 'auth.%' ORDER BY id`, [
    user?.id,
  ])
  expect(events.map(({ event }) => event)).toEqual([
    'auth.user.created',
    'auth.email_verification.requested',
    'auth.sign_in.failed',
    'auth.email.verified',
    'auth.session.started',
    'auth.token.refused',
  ])
})

/** Waits for the links that were mailed to an address, newest first. */
const linksTo = (email: string, count: number) =>
  eventually(async () => {
    const tokens = (await server.mailsTo(email)).flatMap(({ text }) => /token=(pln_v_[\w-]+)/.exec(text)?.[1] ?? [])
    return new Set(tokens).size === count && [...new Set(tokens)]
  })

describe('while an address is not proven and two signed up with it', () => {
  const stolen = 'mallory was here too'

  test.each([
    ['whose link comes last', 'last@example.com', ['Ada', 'Mallory'], 'Mallory'],
    ['whose link comes last, first', 'first@example.com', ['Ada', 'Mallory'], 'Ada'],
    ['who was there before, by the link of the owner', 'before@example.com', ['Mallory', 'Ada'], 'Ada'],
  ])('nobody gets in by the password of somebody %s', async (_how, email, order, followed) => {
    for (const name of order) {
      await signUp(email, { name, password: name === 'Ada' ? password : stolen })
      await linksTo(email, order.indexOf(name) + 1)
    }
    const rows = await ask<{ id: string }>(`SELECT id FROM auth.verification_tokens WHERE email = $1 AND sign_up_name = $2`, [
      email,
      followed,
    ])
    const token = tokenFor('EMAIL_VERIFICATION', rows[0]?.id ?? '')
    expect(await linksTo(email, 2)).toContain(token)
    expect((await browser.mutate('auth.verifyEmail', { token })).data).toEqual({ status: 'CHOOSE_PASSWORD' })
    for (const link of await linksTo(email, 2)) expect((await browser.mutate('auth.verifyEmail', { token: link })).status).toBe(400)
    expect([(await signIn(email, stolen)).status, (await signIn(email)).status]).toEqual([401, 401])
    const reset = await server.tokenMailedTo(email, /none of them counts/)
    const chosen = 'what the owner chose at last'
    expect((await browser.mutate('auth.password.reset', { token: reset, password: chosen })).status).toBe(200)
    expect(await signIn(email, chosen)).toMatchObject({ status: 200, data: { me: { emailVerified: true } } })
    expect([(await signIn(email, stolen)).status, (await signIn(email)).status]).toEqual([401, 401])
  })

  test('the sign-up of the owner counts also where the mails of the address were used up', async () => {
    const email = 'used-up@example.com'
    useThrottles(true)
    try {
      for (let i = 0; i < 4; i += 1) await signUp(email, { name: 'Mallory', password: stolen })
      await signUp(email)
      await signUp(email, { name: 'Mallory', password: stolen })
    } finally {
      useThrottles(false)
    }
    const [token] = await linksTo(email, 3)
    expect((await browser.mutate('auth.verifyEmail', { token })).data).toEqual({ status: 'CHOOSE_PASSWORD' })
    expect((await signIn(email, stolen)).status).toBe(401)
  })
})

test('the same sign-up again ends its older link, and its password counts; nothing of it is left behind', async () => {
  const email = 'twice@example.com'
  await signUp(email)
  const older = await server.tokenMailedTo(email)
  await signUp(email, { name: 'Ada L.' })
  const newer = await eventually(async () => (await linksTo(email, 2)).find((token) => token !== older))
  expect((await browser.mutate('auth.verifyEmail', { token: older })).status).toBe(400)
  expect((await browser.mutate('auth.verifyEmail', { token: newer })).data).toEqual({ status: 'VERIFIED' })
  expect(await signIn(email)).toMatchObject({ status: 200, data: { me: { name: 'Ada L.' } } })
  expect(
    await ask(`SELECT FROM auth.verification_tokens WHERE email = $1 AND sign_up_hash IS NOT NULL AND deleted_at IS NULL`, [email]),
  ).toEqual([])
})

test('S19 no cache keeps what is answered', async () => {
  const { token } = await server.signUpAs('me@example.com', { password })
  for (const reply of [
    await browser.query('auth.me', undefined, { authorization: `Bearer ${token}` }),
    await signIn('me@example.com'),
    await signIn('me@example.com', 'wrong'),
    await signUp('me@example.com'),
    await browser.query('auth.me'),
  ]) {
    expect(reply.headers.get('cache-control')).toBe('no-store')
  }
})

test('C17 what could end a header line is refused, and nobody else gets a mail', async () => {
  for (const end of ['\r\nBcc: x@example.org', '\nx', '\u2028x', '\u0000']) {
    expect.soft((await signUp(`header@example.com${end}`)).status).toBe(400)
    expect.soft((await signUp('header@example.com', { name: `Ada${end}` })).status).toBe(400)
  }
  expect(await usersWith('header@example.com')).toEqual([])
  expect(await server.mailsTo('x@example.org')).toEqual([])
})

test('C18 a link leads to the configured address, whatever the request calls this server', async () => {
  await browser.mutate(
    'auth.signUp',
    { email: 'host@example.com', name: 'Ada', password },
    { 'x-forwarded-host': 'evil.example', forwarded: 'host=evil.example' },
  )
  const mail = await eventually(async () => (await server.mailsTo('host@example.com'))[0])
  expect(mail.text).toContain(`${server.config.PUBLIC_URL}/verify-email#token=pln_v_`)
  expect(mail.text).not.toContain('evil')
})
