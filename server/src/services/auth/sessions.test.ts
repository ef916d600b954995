import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { divertLog } from '#lib/log.ts'
import { openBrowser, type Answer, type Browser } from '../../../test/browser.ts'
import { query } from '../../../test/database.ts'
import { startSecondProcess, type SecondProcess } from '../../../test/second-process.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'

const password = 'nine lazy otters hum'
const cookieName = '__Host-plinth_session'
const lines: string[] = []
const undivert = divertLog({ write: (line) => void lines.push(line) })
const secrets = new Set<string>()
let server: TestServer
let second: SecondProcess
let last = 0

beforeAll(async () => {
  server = await startTestServer({ env: { PUBLIC_URL: 'https://plinth.example.com', LOG_LEVEL: 'trace' } })
  second = await startSecondProcess(server)
})
afterAll(async () => {
  undivert()
  await second?.[Symbol.asyncDispose]()
  await server?.stop()
})

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const withoutId = (answer: Answer) => answer.text.replace(/"requestId":"[^"]*"/, '')
const me = async (browser: Browser) => (await browser.query('auth.me')).status

interface Person {
  readonly email: string
  readonly token: string
  /** Signs in again, in a browser of its own. */
  readonly browser: () => Promise<Browser>
}

async function person(): Promise<Person> {
  const email = `person${++last}@example.com`
  const { token } = await server.signUpAs(email, { password })
  secrets.add(token)
  return {
    email,
    token,
    browser: async () => {
      const browser = openBrowser(server.url)
      await browser.mutate('auth.signIn', { email, password, delivery: 'COOKIE' })
      secrets.add(browser.cookies.get(cookieName) ?? '')
      return browser
    },
  }
}

/** The same browser, talking to the second process. */
function atSecond(browser: Browser): Browser {
  const other = openBrowser(second.url)
  for (const [name, value] of browser.cookies) other.cookies.set(name, value)
  return other
}

const sessionsOf = async (browser: Browser) =>
  ((await browser.query('auth.session.list', { limit: 100 })).data as { items: { id: string; current: boolean; kind: string }[] }).items

test(
  'S03 S09 signing out ends the session here at once and takes the cookie away with the attributes it came with',
  { retry: 3 },
  async () => {
    const browser = await (await person()).browser()
    const copy = atSecond(browser)
    const captured = openBrowser(server.url, { cookie: `${cookieName}=${browser.cookies.get(cookieName)}` })
    expect([await me(captured), await me(copy)]).toEqual([200, 200])
    const answer = await browser.mutate('auth.signOut')
    expect(await me(captured)).toBe(401)
    expect(answer.setCookies).toHaveLength(1)
    expect((answer.setCookies[0] ?? '').split('; ').toSorted()).toEqual([
      'HttpOnly',
      'Max-Age=0',
      'Path=/',
      'SameSite=Lax',
      'Secure',
      `${cookieName}=`,
    ])
    expect(await timeUntil(async () => (await me(copy)) === 401)).toBeLessThan(250)
    expect((await browser.mutate('auth.signOut')).data).toEqual({ status: 'SIGNED_OUT' })
    const [row] = await ask(`SELECT end_reason FROM auth.sessions ORDER BY revoked_at DESC NULLS LAST LIMIT 1`)
    expect(row).toEqual({ end_reason: 'SIGNED_OUT' })
  },
)

test('S03 what is revoked in one process is revoked in the other within 250 ms, every time', { retry: 3 }, async () => {
  const ada = await person()
  const [admin, took] = [await ada.browser(), [] as number[]]
  for (let round = 0; round < 8; round += 1) {
    const victim = await ada.browser()
    const there = atSecond(victim)
    expect([await me(there), await me(there)]).toEqual([200, 200])
    const id = (await sessionsOf(victim)).find(({ current }) => current)?.id
    expect((await admin.mutate('auth.session.revoke', { sessionId: id })).data).toEqual({ revoked: 1 })
    expect(await me(victim)).toBe(401)
    took.push(await timeUntil(async () => (await me(there)) === 401))
  }
  expect(Math.max(...took)).toBeLessThan(250)
})

test('S18 when its LISTEN connection is killed, a process serves no session from memory', async () => {
  const ada = await person()
  const [admin, victim] = [await ada.browser(), await ada.browser()]
  const there = atSecond(victim)
  expect(await me(there)).toBe(200)
  const id = (await sessionsOf(victim)).find(({ current }) => current)?.id
  await ask(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'plinth listen' AND datname = current_database()`,
  )
  await admin.mutate('auth.session.revoke', { sessionId: id })
  expect(await me(there)).toBe(401)
  expect(await me(victim)).toBe(401)
})

test('S04 ending the other sessions leaves the one in use', async () => {
  const ada = await person()
  const [a, b, c] = [await ada.browser(), await ada.browser(), await ada.browser()]
  expect((await a.mutate('auth.session.revokeOthers')).data).toEqual({ revoked: 3 })
  expect([await me(a), await me(b), await me(c)]).toEqual([200, 401, 401])
  const [trace] = await ask(`SELECT data FROM core.activity WHERE event = 'auth.session.others_ended'`)
  expect(trace).toEqual({ data: { count: 3 } })
})

test("S11 a cookie's token is no bearer token, a tool's token is no cookie, and both together are refused", async () => {
  const ada = await person()
  const cookie = (await ada.browser()).cookies.get(cookieName) ?? ''
  const asBearer = openBrowser(server.url, { authorization: `Bearer ${cookie}` })
  const asCookie = openBrowser(server.url, { cookie: `${cookieName}=${ada.token}` })
  const both = openBrowser(server.url, { cookie: `${cookieName}=${cookie}`, authorization: `Bearer ${ada.token}` })
  expect([await me(asBearer), await me(asCookie), await me(both)]).toEqual([401, 401, 400])
})

test("S14 somebody else's session cannot be ended, and is answered as one that never was", async () => {
  const [ada, bob] = [await (await person()).browser(), await (await person()).browser()]
  const bobs = (await sessionsOf(bob))[0]?.id
  const answers = [bobs, randomUUID()].map((sessionId) => ada.mutate('auth.session.revoke', { sessionId }))
  const [others, nobodys] = await Promise.all(answers)
  expect([others?.status, others && withoutId(others)]).toEqual([404, nobodys && withoutId(nobodys)])
  expect(await me(bob)).toBe(200)
  expect(await ask('SELECT revoked_at FROM auth.sessions WHERE id = $1', [bobs])).toEqual([{ revoked_at: null }])
})

test("S15 the list holds one's own living sessions and nothing that signs in", async () => {
  const ada = await person()
  const browser = await ada.browser()
  await (await ada.browser()).mutate('auth.signOut')
  const answer = await browser.query('auth.session.list', { limit: 1 })
  const { items, nextCursor } = answer.data as { items: object[]; nextCursor: string }
  const rest = (await browser.query('auth.session.list', { limit: 1, cursor: nextCursor })).data
  expect(items).toEqual([expect.objectContaining({ kind: 'COOKIE', current: true, addressPrefix: '127.0.0.0/24' })])
  expect(rest).toEqual({ items: [expect.objectContaining({ kind: 'BEARER', current: false })], nextCursor: null })
  expect(Object.keys(items[0] ?? {}).toSorted()).toEqual([
    'addressPrefix',
    'createdAt',
    'current',
    'expiresAt',
    'id',
    'kind',
    'lastUsedAt',
    'userAgent',
  ])
  expect(answer.text).not.toMatch(/pln_|hash|127\.0\.0\.1/)
  expect((await browser.query('auth.session.list', { cursor: 'bm9uc2Vuc2U' })).status).toBe(400)
})

test('S19 no cache keeps an answer', async () => {
  const browser = await (await person()).browser()
  for (const answer of [
    await browser.query('auth.me'),
    await browser.query('auth.session.list', {}),
    await browser.mutate('auth.signOut'),
    await browser.query('auth.me'),
  ]) {
    expect(answer.headers.get('cache-control')).toBe('no-store')
  }
})

test('S10 after all this neither the database nor the log holds a token, a password or, in the log, an address', async () => {
  for (const email of Array.from({ length: last }, (_, i) => `person${i + 1}@example.com`)) secrets.add(await server.tokenMailedTo(email))
  const tables = await ask<{ name: string }>(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
  )
  const dumps = await Promise.all(tables.map(({ name }) => ask<{ row: string }>(`SELECT t::text AS row FROM ${name} AS t`)))
  const database = dumps
    .flat()
    .map(({ row }) => row)
    .join('\n')
  const log = lines.join('')
  expect(secrets.size).toBeGreaterThan(20)
  expect(log.length).toBeGreaterThan(10_000)
  for (const secret of [...secrets, password]) {
    expect(secret.length).toBeGreaterThan(10)
    expect(database.includes(secret)).toBe(false)
    expect(log.includes(secret)).toBe(false)
  }
  expect(log).not.toMatch(/person\d+@example\.com/)
})

/** How long it took to come true; Infinity when it did not within two seconds. */
async function timeUntil(check: () => Promise<boolean>): Promise<number> {
  const started = performance.now()
  while (!(await check())) if (performance.now() - started > 2_000) return Infinity
  return performance.now() - started
}
