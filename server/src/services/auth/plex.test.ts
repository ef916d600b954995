import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser, toldBy, type Answer, type Browser } from '../../../test/browser.ts'
import { advance } from '../../../test/clock.ts'
import { query } from '../../../test/database.ts'
import { eventually } from '../../../test/outbox.ts'
import { startPlexTv, type PlexTv, type PlexUser } from '../../../test/providers/plex.ts'
import { atOnce, cookiesOf } from '../../../test/race.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'
import { waysInOf } from '../../../test/ways-in.ts'
import { plexTokenOf } from './index.ts'

const publicUrl = 'https://plinth.example.com'
const minute = 60_000
let server: TestServer
let plex: PlexTv
let last = 0
/** Every answer that a browser of these tests was given, whole. */
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
      OUTBOUND_TIMEOUT_MS: '20000',
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
const waysIn = (email: string) => waysInOf(server.database.ownerUrl, email)
const open = (headers = {}) =>
  openBrowser(server.url, headers, async (...request) => {
    const response = await fetch(...request)
    said.push(await response.clone().text(), [...response.headers].join('\n'))
    return response
  })
const start = async (browser: Browser, more: object = {}, by = 'auth.plex.start') =>
  (await browser.mutate(by, { delivery: 'COOKIE', ...more })).data as Begun

const check = (browser: Browser, input: object, headers = {}) => browser.mutate('auth.plex.check', { wait: 0, ...input }, headers)

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
  expect((await confirmed(open(), person)).data).toEqual({ status: 'CHECK_EMAIL' })
  await open().mutate('auth.verifyEmail', { token: await server.tokenMailedTo(person.email) })
  return person
}

/** What of a visit may not change until it is finished: the PIN is there, and it has not been used. */
const visitRow = async (id: string) =>
  (await ask('SELECT used_at, sealed_pin IS NOT NULL AS held, user_id FROM auth.provider_attempts WHERE id = $1', [id]))[0]
const untouched = { used_at: null, held: true, user_id: null }
const unknownPin = {
  status: 401,
  message: 'This sign-in is unknown, was used, is too old, or was begun elsewhere. Begin again.',
  data: { code: 'UNAUTHORIZED', httpStatus: 401 },
}

/** What is refused so sets no cookie and begins no session. */
async function refused(call: () => Promise<Answer>): Promise<void> {
  const sessions = () => ask('SELECT count(*) FROM auth.sessions')
  const before = await sessions()
  const answer = await call()
  expect.soft([toldBy(answer), answer.setCookies]).toEqual([unknownPin, []])
  expect(await sessions()).toEqual(before)
}

test('a viewer confirms at Plex while the page asks here: first the address is proven by mail, then they are signed in', async () => {
  const [browser, person] = [open(), somebody()]
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
  const [browser, stranger, person] = [open(), open(), await viewer()]
  const { id, url } = await start(browser)
  const own = await start(stranger)
  plex.confirm(url, person)
  const [kept, asked] = [await waysIn(person.email), plex.asked.length]
  await refused(() => check(stranger, { id }))
  await refused(() => check(open(), { id }))
  await refused(() => check(open(), { id, secret: `pln_h_${'x'.repeat(43)}` }))
  await refused(() => check(open(), { id, secret: id }))
  for (const guessed of guesses(own.id)) await refused(() => check(stranger, { id: guessed }))
  expect([plex.asked.length, await visitRow(id), await waysIn(person.email)]).toEqual([asked, untouched, kept])
  expect((await check(browser, { id })).data).toMatchObject({ status: 'SIGNED_IN', me: { email: person.email } })
  expect(await visitRow(id)).toEqual({ used_at: expect.any(Date), held: false, user_id: null })
  await refused(() => check(browser, { id }))
  const late = await start(browser)
  plex.confirm(late.url, person)
  await advance(server.database.ownerUrl, 10 * minute + 1)
  const askedSoFar = plex.asked.length
  await refused(() => check(browser, { id: late.id }))
  expect([plex.asked.length, await visitRow(late.id)]).toEqual([askedSoFar, untouched])
})

/** Ids beside one that is known, and one with the number of a PIN of Plex in it. */
function guesses(id: string): string[] {
  const beside = [1, -1].map((by) => (BigInt(`0x${id.replaceAll('-', '')}`) + BigInt(by)).toString(16).padStart(32, '0'))
  const dashed = beside.map((hex) => hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'))
  return [...dashed, '01991f0e-7b1c-7000-8000-000000001000']
}

test('O11 the number that a PIN has at Plex is not what it is asked for by here', async () => {
  const [browser, person] = [open(), await viewer()]
  const { id, url } = await start(browser)
  plex.confirm(url, person)
  const asked = plex.asked.length
  const answer = await check(browser, { id: String(999 + plex.pins()) })
  const details = { fields: { id: ['Invalid UUID'] } }
  const message = 'The input is not what this procedure takes.'
  expect(toldBy(answer)).toEqual({ status: 400, message, data: { code: 'BAD_REQUEST', httpStatus: 400, details } })
  expect([answer.setCookies, plex.asked.length, await visitRow(id)]).toEqual([[], asked, untouched])
})

test('O11 of twenty who ask at once, one is signed in, and the others are told to wait', async () => {
  const [browser, person] = [open(), await viewer()]
  const { id, url } = await start(browser)
  plex.confirm(url, person)
  const before = await waysIn(person.email)
  const answers = await atOnce(server.url, 20, (each) => check(each, { id }, cookiesOf(browser)))
  const [first, ...others] = answers.toSorted((a, b) => b.setCookies.length - a.setCookies.length)
  expect(first?.data).toMatchObject({ status: 'SIGNED_IN', me: { email: person.email } })
  const waits = { status: 200, data: { status: 'WAITING', retryAfterSeconds: 1 } }
  for (const answer of others)
    expect([waits, unknownPin]).toContainEqual(answer.error ? toldBy(answer) : { status: 200, data: answer.data })
  expect((await waysIn(person.email)).session).toHaveLength(before.session.length + 1)
  await advance(server.database.ownerUrl, 1_000)
  await refused(() => check(browser, { id }))
})

test('O11 of twenty for whom Plex is asked at the same time, one is signed in', async () => {
  const [browser, person] = [open(), await viewer()]
  const { id, url } = await start(browser)
  plex.confirm(url, person)
  const before = await waysIn(person.email)
  // As if a second lay between any two of them.
  await ask(`CREATE FUNCTION auth.never_asked() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.asked_at := NULL; RETURN NEW; END $$`)
  await ask('CREATE TRIGGER never_asked BEFORE UPDATE ON auth.provider_attempts FOR EACH ROW EXECUTE FUNCTION auth.never_asked()')
  plex.answerTogether(20)
  const answers = await atOnce(server.url, 20, (each) => check(each, { id }, cookiesOf(browser)))
  await ask('DROP FUNCTION auth.never_asked CASCADE')
  const others = answers.filter(({ status }) => status !== 200)
  expect(others.map(toldBy)).toEqual(Array.from({ length: 19 }, () => unknownPin))
  expect(others.flatMap(({ setCookies }) => setCookies)).toEqual([])
  expect((await waysIn(person.email)).session).toHaveLength(before.session.length + 1)
})

test('whoever waits is answered when the person confirms, by one call', async () => {
  const [browser, person] = [open(), await viewer()]
  const { id, url } = await start(browser)
  const answer = check(browser, { id, wait: 8 })
  await eventually(() => plex.asked.at(-1)?.startsWith('GET /api/v2/pins/'))
  plex.confirm(url, person)
  expect((await answer).data).toMatchObject({ status: 'SIGNED_IN', me: { email: person.email } })
})

test('a tool that began is known by its secret, and has a token', async () => {
  const [tool, person] = [open(), await viewer()]
  const { id, url, secret } = await start(tool, { delivery: 'TOKEN' })
  plex.confirm(url, person)
  await refused(() => check(tool, { id }))
  const { token } = (await check(tool, { id, secret })).data as { token: string }
  expect(await server.client(token).auth.me.query()).toMatchObject({ email: person.email })
})

test('the address at Plex enters nobody, and does not tell whether there is an account', async () => {
  const person = somebody()
  await server.signUpAs(person.email)
  expect((await confirmed(open(), person)).data).toEqual({ status: 'CHECK_EMAIL' })
  expect(await ask('SELECT 1 FROM auth.oauth_accounts WHERE subject = $1', [String(person.id)])).toEqual([])
  const nameless = await confirmed(open(), { ...somebody(), email: null })
  expect([nameless.status, nameless.error?.data.details]).toEqual([409, { reason: 'NO_EMAIL_ADDRESS' }])
})

test('a person links Plex to their account, and the token is there for other services, sealed', async () => {
  const [{ token, me }, person] = [await server.signUpAs('librarian@example.com'), somebody()]
  const tool = open({ authorization: `Bearer ${token}` })
  const { id, url, secret } = await start(tool, { delivery: 'TOKEN' }, 'auth.plex.link')
  const plexToken = plex.confirm(url, person)
  await refused(() => check(open(), { id, secret }))
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
  const [browser, person] = [open(), await viewer()]
  await ask(
    `INSERT INTO auth.totp_factors (id, user_id, sealed_secret, confirmed_at, updated_at)
     SELECT gen_random_uuid(), id, 'sealed', now(), now() FROM auth.users WHERE email = $1`,
    [person.email],
  )
  const { session } = await waysIn(person.email)
  const answer = await confirmed(browser, person)
  expect([answer.data, answer.setCookies]).toMatchObject([{ status: 'SECOND_FACTOR', methods: ['TOTP'] }, []])
  expect([(await browser.query('auth.me')).status, (await waysIn(person.email)).session]).toEqual([401, session])
})

test('T07 a deleted account is not found by way of Plex either', async () => {
  const person = await viewer()
  await ask('UPDATE auth.users SET deleted_at = now() WHERE email = $1', [person.email])
  expect((await confirmed(open(), person)).data).toEqual({ status: 'CHECK_EMAIL' })
  expect(await ask('SELECT count(*)::int AS count FROM auth.users WHERE email = $1', [person.email])).toEqual([{ count: 2 }])
})

test('Plex that is down is told of, and the PIN stays good', async () => {
  const [browser, person] = [open(), await viewer()]
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
  expect(answers).toContain('"status":"LINKED"')
  for (const token of plex.tokens.keys()) expect.soft([answers.includes(token), database.includes(token)]).toEqual([false, false])
})
