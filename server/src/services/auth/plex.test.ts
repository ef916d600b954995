import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser, type Answer, type Browser } from '../../../test/browser.ts'
import { advance } from '../../../test/clock.ts'
import { query } from '../../../test/database.ts'
import { eventually } from '../../../test/outbox.ts'
import { startPlexTv, type PlexTv, type PlexUser } from '../../../test/providers/plex.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'
import { plexTokenOf } from './index.ts'

const publicUrl = 'https://plinth.example.com'
const minute = 60_000
let server: TestServer
let plex: PlexTv
let last = 0
const said: string[] = []

beforeAll(async () => {
  plex = await startPlexTv()
  server = await startTestServer({
    env: {
      PUBLIC_URL: publicUrl,
      PLEX_CLIENT_ID: 'plinth-of-these-tests',
      PLEX_URL: plex.url,
      PLEX_SIGN_IN_URL: `${plex.url}/auth`,
      PRIVATE_HOSTS: plex.host,
    },
  })
})
afterAll(async () => {
  await server?.stop()
  await plex?.stop()
})

interface Begun {
  readonly id: string
  readonly url: string
  readonly secret: string | null
}

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const start = async (browser: Browser, more: object = {}, by = 'auth.plex.start') =>
  (await browser.mutate(by, { delivery: 'COOKIE', ...more })).data as Begun

async function check(browser: Browser, input: object): Promise<Answer> {
  const answer = await browser.mutate('auth.plex.check', { wait: 0, ...input })
  said.push(answer.text, ...answer.setCookies)
  return answer
}

function somebody(): PlexUser & { email: string } {
  const id = 5_000 + ++last
  return { id, username: `viewer${id}`, title: `Viewer ${id}`, email: `viewer${id}@example.com` }
}

/** Confirms at Plex, and asks here. */
async function confirmed(browser: Browser, person: PlexUser): Promise<Answer> {
  const { id, url } = await start(browser)
  plex.confirm(url, person)
  return check(browser, { id })
}

/** Somebody whose Plex is linked and whose address is proven. */
async function viewer(): Promise<PlexUser & { email: string }> {
  const person = somebody()
  expect((await confirmed(openBrowser(server.url), person)).data).toEqual({ status: 'CHECK_EMAIL' })
  await openBrowser(server.url).mutate('auth.verifyEmail', { token: await server.tokenMailedTo(person.email) })
  return person
}

const refused = async (answer: Promise<Answer>) => {
  const { status, error, setCookies } = await answer
  expect.soft([status, error?.data.code, setCookies]).toEqual([401, 'UNAUTHORIZED', []])
}

test('a viewer confirms at Plex while the page asks here: first the address is proven by mail, then they are signed in', async () => {
  const [browser, person] = [openBrowser(server.url), somebody()]
  expect((await browser.query('auth.provider.list')).data).toEqual({ items: [{ id: 'plex', name: 'Plex', kind: 'PIN' }] })
  const { id, url, secret } = await start(browser, { returnTo: '/welcome' })
  const page = new URLSearchParams(new URL(url).hash.slice(2))
  expect([page.get('clientID'), page.get('forwardUrl'), secret]).toEqual(['plinth-of-these-tests', `${publicUrl}/welcome`, null])
  expect((await check(browser, { id })).data).toEqual({ status: 'WAITING', retryAfterSeconds: 1 })
  plex.confirm(url, person)
  const [asked, askedAt] = [plex.asked.length, 'UPDATE auth.provider_attempts SET asked_at = core.clock() + $1::interval WHERE id = $2']
  await ask(askedAt, ['1 minute', id])
  expect((await check(browser, { id })).data).toEqual({ status: 'WAITING', retryAfterSeconds: 1 })
  expect(plex.asked).toHaveLength(asked)
  await ask(askedAt, ['-1 s', id])
  expect((await check(browser, { id })).data).toEqual({ status: 'CHECK_EMAIL' })
  await browser.mutate('auth.verifyEmail', { token: await server.tokenMailedTo(person.email) })
  const answer = await confirmed(browser, person)
  expect(answer.data).toMatchObject({ status: 'SIGNED_IN', token: null, me: { email: person.email, name: person.title, role: 'USER' } })
  expect((await browser.query('auth.me')).status).toBe(200)
  expect(await ask('SELECT methods::text[], level FROM auth.sessions ORDER BY id DESC LIMIT 1')).toEqual([{ methods: ['PLEX'], level: 1 }])
})

test("O11 another browser's PIN, a used one, one older than ten minutes and a guessed one are nobody's", async () => {
  const [browser, stranger, person] = [openBrowser(server.url), openBrowser(server.url), await viewer()]
  const { id, url } = await start(browser)
  await start(stranger)
  plex.confirm(url, person)
  await refused(check(stranger, { id }))
  await refused(check(openBrowser(server.url), { id }))
  await refused(check(openBrowser(server.url), { id, secret: `pln_h_${'x'.repeat(43)}` }))
  const guessed = await check(stranger, { id: '1000' })
  expect([guessed.status, guessed.error?.data.code]).toEqual([400, 'BAD_REQUEST'])
  await refused(check(stranger, { id: '01991f0e-7b1c-7000-8000-000000001000' }))
  expect((await check(browser, { id })).data).toMatchObject({ status: 'SIGNED_IN' })
  await refused(check(browser, { id }))
  const late = await start(browser)
  plex.confirm(late.url, person)
  await advance(server.database.ownerUrl, 10 * minute + 1)
  await refused(check(browser, { id: late.id }))
  expect(await ask('SELECT used_at FROM auth.provider_attempts WHERE id = $1', [late.id])).toEqual([{ used_at: null }])
})

test('O11 of twenty who ask at once, one is signed in', async () => {
  const [browser, person] = [openBrowser(server.url), await viewer()]
  const { id, url } = await start(browser)
  plex.confirm(url, person)
  const cookie = { cookie: `__Host-plinth_visit=${browser.cookies.get('__Host-plinth_visit')}` }
  const answers = await Promise.all(Array.from({ length: 20 }, () => check(openBrowser(server.url, cookie), { id })))
  expect(answers.filter(({ data }) => (data as { status?: string } | undefined)?.status === 'SIGNED_IN')).toHaveLength(1)
  await advance(server.database.ownerUrl, 1_000)
  await refused(check(browser, { id }))
})

test('whoever waits is answered when the person confirms, by one call', async () => {
  const [browser, person] = [openBrowser(server.url), await viewer()]
  const { id, url } = await start(browser)
  const answer = check(browser, { id, wait: 8 })
  await eventually(() => plex.asked.at(-1)?.startsWith('GET /api/v2/pins/'))
  plex.confirm(url, person)
  expect((await answer).data).toMatchObject({ status: 'SIGNED_IN', me: { email: person.email } })
})

test('a tool that began is known by its secret, and has a token', async () => {
  const [tool, person] = [openBrowser(server.url), await viewer()]
  const { id, url, secret } = await start(tool, { delivery: 'TOKEN' })
  plex.confirm(url, person)
  await refused(check(tool, { id }))
  const { token } = (await check(tool, { id, secret })).data as { token: string }
  expect(await server.client(token).auth.me.query()).toMatchObject({ email: person.email })
})

test('the address at Plex enters nobody, and does not tell whether there is an account', async () => {
  const person = somebody()
  await server.signUpAs(person.email)
  expect((await confirmed(openBrowser(server.url), person)).data).toEqual({ status: 'CHECK_EMAIL' })
  expect(await ask('SELECT 1 FROM auth.oauth_accounts WHERE subject = $1', [String(person.id)])).toEqual([])
  const nameless = await confirmed(openBrowser(server.url), { ...somebody(), email: null })
  expect([nameless.status, nameless.error?.data.details]).toEqual([409, { reason: 'NO_EMAIL_ADDRESS' }])
})

test('a person links Plex to their account, and the token is there for other services, sealed', async () => {
  const [{ token, me }, person] = [await server.signUpAs('librarian@example.com'), somebody()]
  const tool = openBrowser(server.url, { authorization: `Bearer ${token}` })
  const { id, url, secret } = await start(tool, { delivery: 'TOKEN' }, 'auth.plex.link')
  const plexToken = plex.confirm(url, person)
  await refused(check(openBrowser(server.url), { id, secret }))
  expect((await check(tool, { id, secret })).data).toMatchObject({ status: 'LINKED', account: { provider: 'plex', name: person.title } })
  expect(await plexTokenOf(me.id)).toBe(plexToken)
  const { items } = (await tool.query('auth.provider.listMine', {})).data as { items: { id: string }[] }
  await tool.mutate('auth.provider.unlink', { id: items[0]?.id })
  expect(await plexTokenOf(me.id)).toBeNull()
  expect(await ask('SELECT sealed_token FROM auth.oauth_accounts WHERE subject = $1', [String(person.id)])).toEqual([
    { sealed_token: null },
  ])
})

test('M09 by way of Plex too, who has a second factor is asked for it', async () => {
  const person = await viewer()
  await ask(
    `INSERT INTO auth.totp_factors (id, user_id, sealed_secret, confirmed_at, updated_at)
     SELECT gen_random_uuid(), id, 'sealed', now(), now() FROM auth.users WHERE email = $1`,
    [person.email],
  )
  const answer = await confirmed(openBrowser(server.url), person)
  expect([answer.data, answer.setCookies]).toMatchObject([{ status: 'SECOND_FACTOR', methods: ['TOTP'] }, []])
})

test('T07 a deleted account is not found by way of Plex either', async () => {
  const person = await viewer()
  await ask('UPDATE auth.users SET deleted_at = now() WHERE email = $1', [person.email])
  expect((await confirmed(openBrowser(server.url), person)).data).toEqual({ status: 'CHECK_EMAIL' })
  expect(await ask('SELECT count(*)::int AS count FROM auth.users WHERE email = $1', [person.email])).toEqual([{ count: 2 }])
})

test('Plex that is down is told of, and the PIN stays good', async () => {
  const [browser, person] = [openBrowser(server.url), await viewer()]
  const { id, url } = await start(browser)
  plex.confirm(url, person)
  plex.moods.set('*', 'DOWN')
  const answer = await check(browser, { id })
  expect([answer.status, answer.error?.data.code]).toEqual([503, 'UNAVAILABLE'])
  plex.moods.clear()
  await advance(server.database.ownerUrl, 1_000)
  expect((await check(browser, { id })).data).toMatchObject({ status: 'SIGNED_IN' })
})

test('O11 no token of Plex is in any answer or, readable, in the database', async () => {
  const tables = await ask<{ name: string }>(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname IN ('auth', 'core', 'pgboss')`,
  )
  const rows = await Promise.all(tables.map(({ name }) => ask<{ row: string }>(`SELECT t::text AS row FROM ${name} AS t`)))
  const [database, answers] = [
    rows
      .flat()
      .map(({ row }) => row)
      .join('\n'),
    said.join('\n'),
  ]
  expect(plex.tokens.size).toBeGreaterThan(10)
  for (const token of plex.tokens.keys()) expect.soft([answers.includes(token), database.includes(token)]).toEqual([false, false])
})
