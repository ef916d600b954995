/** What ends all that lets a person in: another password, an administrator, leaving. Each by the API, and seen by another process. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser, toldBy, type Answer, type Browser } from '../../../test/browser.ts'
import { query } from '../../../test/database.ts'
import { startSecondProcess, type SecondProcess } from '../../../test/second-process.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'

const password = 'nine lazy otters hum'
const next = 'ten brisk herons wade'
const cookieName = '__Host-plinth_session'
const nobody = { status: 401, message: 'Sign in first.', data: { code: 'UNAUTHORIZED', httpStatus: 401 } }
const notSignedIn = { ...nobody, message: 'The email address or the password is wrong.' }
let server: TestServer
let second: SecondProcess
let last = 0

beforeAll(async () => {
  server = await startTestServer({ env: { PUBLIC_URL: 'https://plinth.example.com' } })
  second = await startSecondProcess(server)
})
afterAll(async () => {
  await second?.[Symbol.asyncDispose]()
  await server?.stop()
})

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const signIn = (email: string, given: string, browser = openBrowser(server.url)) =>
  browser.mutate('auth.signIn', { email, password: given, delivery: 'COOKIE', remember: true })

interface Person {
  readonly id: string
  readonly email: string
  /** Signed in, remembered, and fresh. */
  readonly browser: Browser
  /** The headers of everything else that the person is in by: a second browser, a tool, and an API key. */
  readonly others: { readonly browser: Credential; readonly tool: Credential; readonly key: Credential }
}

type Credential = Record<string, string>

const cookieOf = (browser: Browser): Credential => ({ cookie: `${cookieName}=${browser.cookies.get(cookieName)}` })

async function person(): Promise<Person> {
  const email = `ending${++last}@example.com`
  const { token, client, me } = await server.signUpAs(email, { password })
  const [browser, other] = [openBrowser(server.url), openBrowser(server.url)]
  for (const each of [browser, other]) expect((await signIn(email, password, each)).status).toBe(200)
  const { key } = await client.auth.apiKey.create.mutate({ name: 'tool', scopes: ['auth.me'] })
  const others = { browser: cookieOf(other), tool: { authorization: `Bearer ${token}` }, key: { authorization: `Bearer ${key}` } }
  return { id: me.id, email, browser, others }
}

/** What the credential gets in a process. */
const asked = async (credential: Credential, url = server.url): Promise<unknown> => {
  const answer = await openBrowser(url, credential).query('auth.me')
  return answer.status === 200 ? (answer.data as { email: string }).email : toldBy(answer)
}

/** Both processes know each of these now, and the second from its memory. */
async function areIn(email: string, credentials: readonly Credential[]): Promise<void> {
  for (const url of [server.url, second.url, second.url]) for (const each of credentials) expect(await asked(each, url)).toBe(email)
}

/** None of these is anybody: here at once, in the other process within 250 ms. */
async function areOut(credentials: readonly Credential[]): Promise<void> {
  for (const each of credentials) expect(await asked(each)).toEqual(nobody)
  await sleep(250)
  for (const each of credentials) expect(await asked(each, second.url)).toEqual(nobody)
}

const sessionsOf = async (id: string) =>
  ask(
    `SELECT kind::text, coalesce(end_reason::text, 'ALIVE') AS state, count(*)::int AS count FROM auth.sessions WHERE user_id = $1 GROUP BY kind, end_reason ORDER BY 1, 2`,
    [id],
  )
const keysOf = async (id: string) => ask('SELECT revoked_at IS NULL AS alive FROM auth.api_keys WHERE user_id = $1', [id])
const living = async (id: string) => (await ask('SELECT FROM auth.sessions WHERE user_id = $1 AND revoked_at IS NULL', [id])).length

/** The device was remembered; here it is not any more. */
async function isForgotten(browser: Browser): Promise<void> {
  const device = openBrowser(server.url, { cookie: `__Host-plinth_remembered=${browser.cookies.get('__Host-plinth_remembered')}` })
  const message = 'This device is not remembered any more. Sign in.'
  expect(toldBy(await device.mutate('auth.remembered.signIn', { delivery: 'COOKIE' }))).toEqual({ ...nobody, message })
}

test('S05 a change of password gives the session in use a new token and ends its old one and every other session; keys stay', async () => {
  const { id, email, browser, others } = await person()
  const old = cookieOf(browser)
  await areIn(email, [old, ...Object.values(others)])
  const answer = await browser.mutate('auth.password.change', { currentPassword: password, password: next })
  expect([answer.status, answer.data]).toMatchObject([200, { status: 'SIGNED_IN', me: { email }, token: null }])
  expect(cookieOf(browser)).not.toEqual(old)
  await areOut([old, others.browser, others.tool])
  await areIn(email, [cookieOf(browser), others.key])
  expect(await sessionsOf(id)).toEqual([
    { kind: 'BEARER', state: 'PASSWORD_CHANGED', count: 1 },
    { kind: 'COOKIE', state: 'ALIVE', count: 1 },
    { kind: 'COOKIE', state: 'PASSWORD_CHANGED', count: 2 },
  ])
  expect(await keysOf(id)).toEqual([{ alive: true }])
  await isForgotten(browser)
  expect(toldBy(await signIn(email, password))).toEqual(notSignedIn)
})

test('S05 a change of password that is refused ends nothing and changes nothing', async () => {
  const { id, email, browser, others } = await person()
  const hash = async () => ask('SELECT hash FROM auth.passwords WHERE user_id = $1', [id])
  const [before, own] = [await hash(), cookieOf(browser)]
  const refused: Answer[] = [
    await browser.mutate('auth.password.change', { currentPassword: 'not mine at all', password: next }),
    await browser.mutate('auth.password.change', { currentPassword: password, password: 'short' }),
  ]
  expect(refused.map(({ status, error }) => [status, error?.data])).toMatchObject([
    [400, { code: 'BAD_REQUEST', details: { fields: { currentPassword: ['is not your password'] } } }],
    [400, { code: 'BAD_REQUEST', details: { fields: { password: [expect.stringContaining('at least 15')] } } }],
  ])
  expect(refused.flatMap(({ setCookies }) => setCookies)).toEqual([])
  await areIn(email, [own, ...Object.values(others)])
  expect([await hash(), await living(id)]).toEqual([before, 3])
})

test('S06 a reset ends every session, remembered device and key, and begins no session: not even that of the browser it is made in', async () => {
  const { id, email, browser, others } = await person()
  await areIn(email, [cookieOf(browser), ...Object.values(others)])
  await browser.mutate('auth.password.requestReset', { email })
  const token = await server.tokenMailedTo(email, /asked for a new password/)
  const answer = await browser.mutate('auth.password.reset', { token, password: next })
  expect([answer.status, answer.data, answer.setCookies]).toEqual([200, { status: 'RESET' }, []])
  await areOut([cookieOf(browser), ...Object.values(others)])
  expect(await sessionsOf(id)).toEqual([
    { kind: 'BEARER', state: 'PASSWORD_RESET', count: 1 },
    { kind: 'COOKIE', state: 'PASSWORD_RESET', count: 2 },
  ])
  expect(await keysOf(id)).toEqual([{ alive: false }])
  await isForgotten(browser)
  expect([toldBy(await signIn(email, password)), (await signIn(email, next)).status]).toEqual([notSignedIn, 200])
})

test('S06 a reset that is refused ends nothing', async () => {
  const { id, email, browser, others } = await person()
  const credentials = [cookieOf(browser), ...Object.values(others)]
  await browser.mutate('auth.password.requestReset', { email })
  const token = await server.tokenMailedTo(email, /asked for a new password/)
  const unknown = await browser.mutate('auth.password.reset', { token: `pln_r_${'A'.repeat(43)}`, password: next })
  expect([unknown.status, unknown.error?.data.code]).toEqual([400, 'INVALID_TOKEN'])
  expect((await browser.mutate('auth.password.reset', { token, password: 'short' })).error?.data).toMatchObject({ code: 'BAD_REQUEST' })
  await areIn(email, credentials)
  expect(await living(id)).toBe(3)
})

/** Somebody who is an administrator. */
async function administrator(): Promise<Browser> {
  const { id, email } = await person()
  await ask(`UPDATE auth.users SET role = 'ADMIN' WHERE id = $1`, [id])
  const browser = openBrowser(server.url)
  await signIn(email, password, browser)
  return browser
}

test('S07 whoever an administrator disables is out by every session and key, in every process, and stays out when let in again', async () => {
  const [admin, { id, email, browser, others }] = [await administrator(), await person()]
  const credentials = [cookieOf(browser), ...Object.values(others)]
  await areIn(email, credentials)
  const answer = await admin.mutate('auth.person.disable', { userId: id })
  expect([answer.status, answer.data]).toMatchObject([200, { id, state: 'DISABLED' }])
  await areOut(credentials)
  expect(toldBy(await signIn(email, password))).toEqual(notSignedIn)
  await isForgotten(browser)
  expect([await living(id), await keysOf(id)]).toEqual([0, [{ alive: false }]])
  expect(await ask('SELECT disabled_at IS NULL AS enabled, deleted_at FROM auth.users WHERE id = $1', [id])).toEqual([
    { enabled: false, deleted_at: null },
  ])
  expect((await admin.mutate('auth.person.restore', { userId: id })).status).toBe(200)
  await areOut(credentials)
  expect((await signIn(email, password)).status).toBe(200)
})

test('S07 whoever leaves is out by every session and key, in every process', async () => {
  const { id, email, browser, others } = await person()
  const credentials = [cookieOf(browser), ...Object.values(others)]
  await areIn(email, credentials)
  const captured = openBrowser(server.url)
  for (const [name, value] of browser.cookies) captured.cookies.set(name, value)
  const answer = await browser.mutate('auth.account.deactivate')
  expect([answer.status, answer.data]).toMatchObject([200, { status: 'DEACTIVATED' }])
  await areOut(credentials)
  expect(toldBy(await signIn(email, password))).toEqual(notSignedIn)
  await isForgotten(captured)
  expect([await living(id), await keysOf(id)]).toMatchObject([0, [{ alive: false }]])
  expect(await ask('SELECT deleted_at IS NULL AS there FROM auth.users WHERE id = $1', [id])).toEqual([{ there: false }])
})
