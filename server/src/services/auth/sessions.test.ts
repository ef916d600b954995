import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser, toldBy, type Browser } from '../../../test/browser.ts'
import { query } from '../../../test/database.ts'
import { eventually } from '../../../test/outbox.ts'
import { startSecondProcess, type SecondProcess } from '../../../test/second-process.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'
import { openProxy, type TcpProxy } from '../../../test/tcp-proxy.ts'

const password = 'nine lazy otters hum'
const cookieName = '__Host-plinth_session'
const nobody = { status: 401, message: 'Sign in first.', data: { code: 'UNAUTHORIZED', httpStatus: 401 } }
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
const me = async (browser: Browser) => (await browser.query('auth.me')).status
const told = async (browser: Browser) => toldBy(await browser.query('auth.me'))
const withCookie = (token: string | undefined, url = server.url) => openBrowser(url, { cookie: `${cookieName}=${token}` })
const tokenOf = (browser: Browser) => browser.cookies.get(cookieName)

interface Person {
  readonly email: string
  readonly token: string
  /** Signs in again, in a browser of its own. */
  readonly browser: () => Promise<Browser>
}

async function person(): Promise<Person> {
  const email = `person${++last}@example.com`
  const { token } = await server.signUpAs(email, { password })
  const signIn = async () => {
    const browser = openBrowser(server.url)
    expect((await browser.mutate('auth.signIn', { email, password, delivery: 'COOKIE', remember: true })).status).toBe(200)
    return browser
  }
  return { email, token, browser: signIn }
}

/** A browser with the same cookies, talking to another process. */
function at(url: string, browser: Browser): Browser {
  const other = openBrowser(url)
  for (const [name, value] of browser.cookies) other.cookies.set(name, value)
  return other
}

interface Listed {
  readonly id: string
  readonly current: boolean
  readonly kind: string
}

const sessionsOf = async (browser: Browser) =>
  ((await browser.query('auth.session.list', { limit: 100 })).data as { items: Listed[] }).items
const idOf = async (browser: Browser) => (await sessionsOf(browser)).find(({ current }) => current)?.id
const row = async (id: string | undefined) =>
  (await ask('SELECT revoked_at IS NULL AS alive, end_reason FROM auth.sessions WHERE id = $1', [id]))[0]

test('S03 S09 after signing out no token of the session opens anything, here at once and in another process within 250 ms', async () => {
  const browser = await (await person()).browser()
  const first = tokenOf(browser)
  await browser.mutate('auth.stepUp.password', { password })
  const [captured, id] = [at(server.url, browser), await idOf(browser)]
  const there = at(second.url, captured)
  expect([await me(captured), await me(there), await me(there)]).toEqual([200, 200, 200])
  const answer = await browser.mutate('auth.signOut')
  expect([answer.status, answer.data]).toEqual([200, { status: 'SIGNED_OUT' }])
  for (const token of [first, tokenOf(captured)]) expect(await told(withCookie(token))).toEqual(nobody)
  expect(await told(captured)).toEqual(nobody)
  expect(answer.setCookies.toSorted()).toEqual([
    `__Host-plinth_remembered=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax`,
    `${cookieName}=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax`,
  ])
  await sleep(250)
  for (const token of [first, tokenOf(captured)]) expect(await told(withCookie(token, second.url))).toEqual(nobody)
  expect(await told(there)).toEqual(nobody)
  for (const each of [captured, there]) {
    expect(toldBy(await each.mutate('auth.remembered.signIn', { delivery: 'COOKIE' }))).toEqual({
      ...nobody,
      message: 'This device is not remembered any more. Sign in.',
    })
  }
  expect((await browser.mutate('auth.signOut')).data).toEqual({ status: 'SIGNED_OUT' })
  expect(await row(id)).toEqual({ alive: false, end_reason: 'SIGNED_OUT' })
})

test('S03 what is revoked in one process is revoked in the other within 250 ms, every time', async () => {
  const ada = await person()
  const admin = await ada.browser()
  for (let round = 0; round < 8; round += 1) {
    const victim = await ada.browser()
    const there = at(second.url, victim)
    expect([await me(there), await me(there)]).toEqual([200, 200])
    expect((await admin.mutate('auth.session.revoke', { sessionId: await idOf(victim) })).data).toEqual({ revoked: 1 })
    expect(await told(victim)).toEqual(nobody)
    await sleep(250)
    expect(await told(there)).toEqual(nobody)
  }
})

/** Waits until a process serves this session from its memory: a busy machine may be deaf for a moment, and remembers nothing then. */
async function remembered(there: Browser, id: string | undefined): Promise<void> {
  await eventually(async () => {
    await me(there)
    await ask('UPDATE auth.sessions SET revoked_at = now() WHERE id = $1', [id])
    const status = await me(there)
    await ask('UPDATE auth.sessions SET revoked_at = NULL WHERE id = $1', [id])
    return status === 200
  })
}

test('S18 when its LISTEN connection is killed, a process serves no session from memory', async () => {
  const ada = await person()
  const [admin, victim] = [await ada.browser(), await ada.browser()]
  const [there, id] = [at(second.url, victim), await idOf(victim)]
  await remembered(there, id)
  const killed = await ask(
    `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'plinth listen' AND datname = current_database()`,
  )
  expect(killed).toHaveLength(2)
  expect((await admin.mutate('auth.session.revoke', { sessionId: id })).data).toEqual({ revoked: 1 })
  expect([await told(there), await told(victim)]).toEqual([nobody, nobody])
  expect(await row(id)).toEqual({ alive: false, end_reason: 'REVOKED' })
})

test('S18 a process that stays deaf looks at the database every time', async () => {
  const wire: TcpProxy = await openProxy(server.database.url)
  await using third = await startSecondProcess({ config: { ...server.config, DIRECT_URL: wire.url } })
  const ada = await person()
  const [admin, victims] = [await ada.browser(), [await ada.browser(), await ada.browser(), await ada.browser()]]
  const ids = await Promise.all(victims.map(idOf))
  for (const [index, victim] of victims.entries()) await remembered(at(third.url, victim), ids[index])
  await wire.close()
  for (const [index, victim] of victims.entries()) {
    const there = at(third.url, victim)
    await eventually(async () => (await me(there)) === 200)
    expect((await admin.mutate('auth.session.revoke', { sessionId: ids[index] })).data).toEqual({ revoked: 1 })
    expect(await told(there)).toEqual(nobody)
  }
})

test('S04 ending the other sessions leaves the one in use, in every process', async () => {
  const ada = await person()
  const [a, b, c] = [await ada.browser(), await ada.browser(), await ada.browser()]
  const ids = [await idOf(a), await idOf(b), await idOf(c)]
  const there = [a, b, c].map((browser) => at(second.url, browser))
  for (const each of there) expect([await me(each), await me(each)]).toEqual([200, 200])
  expect((await a.mutate('auth.session.revokeOthers')).data).toEqual({ revoked: 3 })
  const tool = openBrowser(server.url, { authorization: `Bearer ${ada.token}` })
  for (const ended of [b, c, tool]) expect(await told(ended)).toEqual(nobody)
  expect((await a.query('auth.me')).data).toMatchObject({ email: ada.email })
  await sleep(250)
  expect([await me(there[0] ?? a), await told(there[1] ?? b), await told(there[2] ?? c)]).toEqual([200, nobody, nobody])
  const ended = { alive: false, end_reason: 'REVOKED' }
  expect(await Promise.all(ids.map(row))).toEqual([{ alive: true, end_reason: null }, ended, ended])
  expect((await sessionsOf(a)).map(({ id }) => id)).toEqual([ids[0]])
  expect(await ask(`SELECT data FROM core.activity WHERE event = 'auth.session.others_ended'`)).toEqual([{ data: { count: 3 } }])
})

test("S14 somebody else's session cannot be ended, and is answered as one that never was or is over", async () => {
  const [ada, bob] = [await (await person()).browser(), await person()]
  const [living, over] = [await bob.browser(), await bob.browser()]
  const [livingId, overId] = [await idOf(living), await idOf(over)]
  await over.mutate('auth.signOut')
  const unknown = { status: 404, message: 'There is no such session.', data: { code: 'NOT_FOUND', httpStatus: 404 } }
  for (const sessionId of [livingId, overId, randomUUID(), '01991f0e-7b1c-7000-8000-000000000000']) {
    expect(toldBy(await ada.mutate('auth.session.revoke', { sessionId }))).toEqual(unknown)
  }
  const malformed = await ada.mutate('auth.session.revoke', { sessionId: `${livingId}'` })
  expect([malformed.status, malformed.error?.data]).toMatchObject([
    400,
    { code: 'BAD_REQUEST', details: { fields: { sessionId: [expect.any(String)] } } },
  ])
  expect((await living.query('auth.me')).data).toMatchObject({ email: bob.email })
  expect([await row(livingId), await row(overId)]).toEqual([
    { alive: true, end_reason: null },
    { alive: false, end_reason: 'SIGNED_OUT' },
  ])
})

test("S15 the list holds one's own living sessions, page by page, and nothing that signs in or tells from where", async () => {
  const [ada, bob] = [await person(), await (await person()).browser()]
  const browser = await ada.browser()
  await (await ada.browser()).mutate('auth.signOut')
  const answer = await browser.query('auth.session.list', { limit: 1 })
  const { items, nextCursor } = answer.data as { items: Listed[]; nextCursor: string }
  const rest = (await browser.query('auth.session.list', { limit: 1, cursor: nextCursor })).data as { items: Listed[] }
  expect(items).toEqual([expect.objectContaining({ kind: 'COOKIE', current: true, addressPrefix: '127.0.0.0/24' })])
  expect(rest).toEqual({ items: [expect.objectContaining({ kind: 'BEARER', current: false })], nextCursor: null })
  const own = await ask<{ id: string }>(
    'SELECT s.id FROM auth.sessions AS s JOIN auth.users AS u ON u.id = user_id WHERE email = $1 AND revoked_at IS NULL ORDER BY s.id DESC',
    [ada.email],
  )
  expect([...items, ...rest.items].map(({ id }) => id)).toEqual(own.map(({ id }) => id))
  expect(own.map(({ id }) => id)).not.toContain(await idOf(bob))
  const seen = ['addressPrefix', 'createdAt', 'current', 'expiresAt', 'id', 'kind', 'lastUsedAt', 'userAgent']
  for (const each of [...items, ...rest.items]) expect(Object.keys(each).toSorted()).toEqual(seen)
  expect(answer.text).not.toMatch(/pln_|hash|127\.0\.0\.1/)
  expect((await browser.query('auth.session.list', { cursor: 'bm9uc2Vuc2U' })).status).toBe(400)
  expect(toldBy(await openBrowser(server.url).query('auth.session.list', {}))).toEqual(nobody)
})
