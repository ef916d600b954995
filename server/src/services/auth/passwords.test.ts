import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser } from '../../../test/browser.ts'
import { query } from '../../../test/database.ts'
import { eventually } from '../../../test/outbox.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'
import { useThrottles } from './index.ts'

const password = 'nine lazy otters hum'
const next = 'ten brisk herons wade'
let server: TestServer

beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const browser = (token?: string) => openBrowser(server.url, token === undefined ? {} : { authorization: `Bearer ${token}` })
const signIn = (email: string, given: string, delivery = 'TOKEN') => browser().mutate('auth.signIn', { email, password: given, delivery })
const requestReset = (email: string) => browser().mutate('auth.password.requestReset', { email })
const reset = (token: string, given = next, more: object = {}) =>
  browser().mutate('auth.password.reset', { token, password: given, ...more })
const me = async (token: string) => (await browser(token).query('auth.me')).status
const mailed = (email: string, subject: string) =>
  eventually(async () => (await server.mailsTo(email)).find((mail) => mail.subject === subject))
const resetMails = async (email: string) => (await server.mailsTo(email)).filter(({ text }) => text.includes('#token=pln_r_'))

/** Asks for a reset and gives the token from the mail that it brings. */
async function resetToken(email: string): Promise<string> {
  const before = (await resetMails(email)).length
  await requestReset(email)
  const mail = await eventually(async () => {
    const mails = await resetMails(email)
    return mails.length > before && mails[0]
  })
  return /#token=([\w-]+)/.exec(mail.text)?.[1] ?? ''
}

async function traces(event: string, userId: string): Promise<number> {
  return (await ask('SELECT FROM core.activity WHERE event = $1 AND user_id = $2', [event, userId])).length
}

test('S06 R01 a reset link sets the password once, ends every session, begins none, and its owner is told', async () => {
  const ada = await server.signUpAs('reset@example.com', { password })
  const { key } = await ada.client.auth.apiKey.create.mutate({ name: 'laptop', scopes: ['teams.*'], expiresInDays: 30 })
  const withKey = async () => (await browser(key).query('teams.list', {})).status
  expect(await withKey()).toBe(200)
  const token = await resetToken(ada.email)
  expect(token).toMatch(/^pln_r_[\w-]{43}$/)
  const done = await reset(token)
  expect([done.status, done.data, done.setCookies]).toEqual([200, { status: 'RESET' }, []])
  expect([await me(ada.token), await withKey()]).toEqual([401, 401])
  expect(await reset(token, 'eleven calm badgers dig')).toMatchObject({ status: 400, error: { data: { code: 'INVALID_TOKEN' } } })
  expect(await traces('auth.token.refused', ada.me.id)).toBe(1)
  expect([(await signIn(ada.email, password)).status, (await signIn(ada.email, next)).status]).toEqual([401, 200])
  expect(await ask('SELECT DISTINCT end_reason FROM auth.sessions WHERE user_id = $1 AND revoked_at IS NOT NULL', [ada.me.id])).toEqual([
    { end_reason: 'PASSWORD_RESET' },
  ])
  await mailed(ada.email, 'Your password was set anew')
})

test('a password that breaks a rule leaves the link good', async () => {
  const { email } = await server.signUpAs('retry@example.com', { password })
  const token = await resetToken(email)
  expect(await reset(token, 'short')).toMatchObject({
    status: 400,
    error: { data: { details: { fields: { password: [expect.anything()] } } } },
  })
  expect((await reset(token, 'retry@example.com!')).status).toBe(400)
  expect((await reset(token)).status).toBe(200)
})

test('a link that came by mail proves the address too, and lets a blocked account be tried again', async () => {
  await browser().mutate('auth.signUp', { email: 'lost@example.com', name: 'Ada', password: 'mallory was here first' })
  const verification = await server.tokenMailedTo('lost@example.com')
  useThrottles(true)
  for (let i = 0; i < 6; i += 1) await signIn('lost@example.com', 'wrong')
  expect((await signIn('lost@example.com', 'wrong')).status).toBe(429)
  expect((await reset(await resetToken('lost@example.com'))).status).toBe(200)
  expect((await signIn('lost@example.com', next)).status).toBe(200)
  useThrottles(false)
  expect((await browser().mutate('auth.verifyEmail', { token: verification })).status).toBe(400)
  expect((await signIn('lost@example.com', 'mallory was here first')).status).toBe(401)
})

test('S05 a change of password ends every session; the one in use goes on under a new token', async () => {
  const { email, me: person, token: other } = await server.signUpAs('change@example.com', { password })
  const inUse = browser()
  await inUse.mutate('auth.signIn', { email, password, delivery: 'COOKIE' })
  const old = inUse.cookies.get('plinth_session') ?? ''
  const link = await resetToken(email)
  const answer = await inUse.mutate('auth.password.change', { currentPassword: password, password: next })
  expect(answer).toMatchObject({ status: 200, data: { token: null } })
  expect(answer.setCookies[0]).toMatch(/^plinth_session=pln_s_[\w-]{43}; Max-Age=2592000; Path=\/; HttpOnly; SameSite=Lax$/)
  expect(inUse.cookies.get('plinth_session')).not.toBe(old)
  expect((await inUse.query('auth.me')).status).toBe(200)
  expect(await me(other)).toBe(401)
  const captured = openBrowser(server.url, { cookie: `plinth_session=${old}` })
  expect((await captured.query('auth.me')).status).toBe(401)
  expect((await reset(link)).status).toBe(400)
  expect([(await signIn(email, password)).status, (await signIn(email, next)).status]).toEqual([401, 200])
  expect(await traces('auth.password.changed', person.id)).toBe(1)
  await mailed(email, 'Your password was changed')
})

test('a change with a wrong current password is refused at its field, counted, and leaves its trace', async () => {
  const { email, token, me: person } = await server.signUpAs('wrong@example.com', { password })
  const change = (currentPassword: string) => browser(token).mutate('auth.password.change', { currentPassword, password: next })
  expect(await change('not mine at all')).toMatchObject({
    status: 400,
    error: { data: { details: { fields: { currentPassword: ['is not your password'] } } } },
  })
  expect(await traces('auth.password.change_refused', person.id)).toBe(1)
  expect(await me(token)).toBe(200)
  useThrottles(true)
  const statuses = []
  for (let i = 0; i < 11; i += 1) statuses.push((await change('not mine at all')).status)
  expect(statuses).toEqual([...Array<number>(10).fill(400), 429])
  useThrottles(false)
  expect((await signIn(email, password)).status).toBe(200)
})

test.each([
  ['auth.verifyEmail', 'auth.signUp', {}],
  ['auth.password.reset', 'auth.password.requestReset', { password: 'what comes after the nap' }],
])('%s waits for the account before it takes the token, as %s does: the two never wait for each other', async (use, ask, more) => {
  const email = `${use.toLowerCase()}@example.com`
  await browser().mutate('auth.signUp', { email, name: 'Ada', password })
  if (ask !== 'auth.signUp') await browser().mutate(ask, { email })
  const token = await server.tokenMailedTo(email, use === 'auth.verifyEmail' ? /signed up/ : /asked for a new password/)
  const holder = new pg.Client({ connectionString: server.database.ownerUrl })
  await holder.connect()
  await holder.query('BEGIN')
  await holder.query('SELECT FROM auth.users WHERE email = $1 FOR UPDATE', [email])
  const used = browser().mutate(use, { token, ...more })
  const waiting = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
  await eventually(async () => (await holder.query(waiting)).rowCount === 1)
  await holder.query('SELECT FROM auth.verification_tokens WHERE email = $1 FOR UPDATE NOWAIT', [email])
  await holder.query('COMMIT')
  await holder.end()
  expect((await used).status).toBe(200)
})
