import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser, toldBy, type Answer, type Browser } from '../../../test/browser.ts'
import { advance } from '../../../test/clock.ts'
import { query } from '../../../test/database.ts'
import { publicUrl, startInstallation, type Beginning, type Installation } from '../../../test/providers/installation.ts'
import type { Person } from '../../../test/providers/openid.ts'
import { visit, type Landed } from '../../../test/providers/visit.ts'
import { atOnce, cookiesOf } from '../../../test/race.ts'
import type { TestServer } from '../../../test/server.ts'

const minute = 60_000
let place: Installation
let server: TestServer
let last = 0

beforeAll(async () => {
  place = await startInstallation({ ALLOWED_ORIGINS: 'https://app.example.com' })
  server = place.server
})
afterAll(() => place?.stop())

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const start = (browser: Browser, more: object = {}) =>
  browser.mutate('auth.provider.start', { provider: 'company', delivery: 'COOKIE', ...more })
const me = async (browser: Browser) => (await browser.query('auth.me')).status

/** Somebody whom the company knows, and who was never here. */
function somebody(): Person & { email: string } {
  const number = ++last
  return { sub: `subject-${number}`, email: `person${number}@example.com`, email_verified: true, name: `Person ${number}` }
}

/** Goes to the provider and back, as this person; what the page was given is not used yet. */
function goAndComeBack(browser: Browser, person: Person, more: Beginning = {}): Promise<Landed> {
  place.company.person = person
  return place.come(browser, more)
}

async function signIn(browser: Browser, person: Person, more: Beginning = {}): Promise<Answer> {
  return browser.mutate('auth.provider.finish', (await goAndComeBack(browser, person, more)).given)
}

const rows = async () =>
  (
    await ask(
      `SELECT (SELECT count(*)::int FROM auth.users) AS users, (SELECT count(*)::int FROM auth.oauth_accounts) AS linked,
              (SELECT count(*)::int FROM auth.sessions) AS sessions`,
    )
  )[0]

const sentence = 'This sign-in is unknown, was used, is too old, or was begun elsewhere. Begin again.'
const unknownVisit = { status: 400, message: sentence, data: { code: 'INVALID_TOKEN', httpStatus: 400 } }

/** Runs what must be refused so, and nothing may come of it. */
async function refused(call: () => Promise<Answer>, told: object = unknownVisit): Promise<void> {
  const before = await rows()
  const answer = await call()
  expect.soft(toldBy(answer)).toEqual(told)
  expect.soft(answer.setCookies).toEqual([])
  expect(await rows()).toEqual(before)
}

/** Of the conflict that a newcomer is told of. */
const conflict = (message: string, reason: string) => ({
  status: 409,
  message,
  data: { code: 'CONFLICT', httpStatus: 409, details: { reason } },
})

test('somebody whom a provider knows and vouches for has an account and a session in one visit, and is the same person the next time', async () => {
  const [person, browser, again] = [somebody(), openBrowser(server.url), openBrowser(server.url)]
  expect((await browser.query('auth.provider.list')).data).toEqual({
    items: [
      { id: 'github', name: 'GitHub', kind: 'REDIRECT' },
      { id: 'company', name: 'The company', kind: 'REDIRECT' },
      { id: 'other', name: 'The other', kind: 'REDIRECT' },
      { id: 'plex', name: 'Plex', kind: 'PIN' },
    ],
  })
  const answer = await signIn(browser, person)
  expect(answer.data).toMatchObject({
    status: 'SIGNED_IN',
    token: null,
    me: { email: person.email, name: person.name, emailVerified: true, role: 'USER' },
  })
  expect(await me(browser)).toBe(200)
  expect((await browser.query('auth.provider.listMine', {})).data).toEqual({
    items: [expect.objectContaining({ provider: 'company', email: person.email, name: person.name, lastUsedAt: null })],
    nextCursor: null,
  })
  expect(((await signIn(again, person)).data as { me: object }).me).toEqual((answer.data as { me: object }).me)
  expect(
    await ask('SELECT provider, subject, sealed_token FROM auth.oauth_accounts WHERE email = $1 ORDER BY provider', [person.email]),
  ).toEqual([{ provider: 'company', subject: person.sub, sealed_token: null }])
})

test('the browser comes back to the page that began the visit, with the answer where no server sees it, and the cookie that binds it is its own', async () => {
  const browser = openBrowser(server.url)
  const begun = await start(browser, { returnTo: 'https://app.example.com/welcome?from=plinth' })
  expect(begun.setCookies).toHaveLength(1)
  expect((begun.setCookies[0] ?? '').split('; ').toSorted()).toEqual([
    'HttpOnly',
    'Max-Age=600',
    'Path=/',
    'SameSite=Lax',
    'Secure',
    expect.stringMatching(/^__Host-plinth_visit=pln_h_[\w-]{43}$/),
  ])
  expect(begun.data).toMatchObject({ secret: null })
  const landed = await goAndComeBack(browser, somebody(), { returnTo: 'https://app.example.com/welcome' })
  expect(landed).toMatchObject({ status: 303, page: 'https://app.example.com/welcome' })
  expect(Object.keys(landed.given).toSorted()).toEqual(['code', 'iss', 'provider', 'state'])
  for (const returnTo of [
    'https://evil.example/',
    '//evil.example',
    '\\\\evil.example',
    'javascript:alert(1)',
    'http://127.0.0.1:9/x',
    `https://a@plinth.example.com/`,
  ]) {
    const answer = await start(browser, { returnTo })
    expect
      .soft([returnTo, answer.status, answer.error?.data.details])
      .toEqual([returnTo, 400, { fields: { returnTo: ['is no page of this installation'] } }])
  }
})

test('a tool is given a secret, listens on loopback, and has a token; without the secret the answer is worth nothing', async () => {
  const [tool, person] = [openBrowser(server.url), somebody()]
  place.company.person = person
  const begun = await start(tool, { delivery: 'TOKEN', returnTo: 'http://127.0.0.1:49152/back' })
  const { url, secret } = begun.data as { url: string; secret: string }
  const landed = await visit({ publicUrl, url: server.url }, url)
  expect([begun.setCookies, landed.page]).toEqual([[], 'http://127.0.0.1:49152/back'])
  await refused(() => tool.mutate('auth.provider.finish', landed.given))
  await refused(() => tool.mutate('auth.provider.finish', { ...landed.given, secret: `${secret}x` }))
  const { token } = (await tool.mutate('auth.provider.finish', { ...landed.given, secret })).data as { token: string }
  expect(await server.client(token).auth.me.query()).toMatchObject({ email: person.email })
})

test('O01 without a state, in another browser, a second time, at another provider or after ten minutes, a callback is refused', async () => {
  for (const provider of ['company', 'github']) await refusedVisits(provider, provider === 'company' ? 'other' : 'company')
})

async function refusedVisits(provider: string, other: string): Promise<void> {
  const [browser, stranger] = [openBrowser(server.url), openBrowser(server.url)]
  place.github.user = { id: 900, login: 'octocat', name: null, emails: [{ email: 'octocat@example.com', primary: true, verified: true }] }
  const { given } = await goAndComeBack(browser, somebody(), { provider })
  const isUsed = async (state = given['state'] ?? '') =>
    (await ask('SELECT used_at IS NOT NULL AS used FROM auth.provider_attempts WHERE state_hash = sha256($1)', [Buffer.from(state)]))[0]
  for (const path of [`${provider}?code=x`, `${provider}?code=x&state=y`, `${other}?code=x&state=${given['state']}`, provider])
    await refusedCallback(path)
  const { state: _, ...stateless } = given
  const finish = (input: object, by = browser) => by.mutate('auth.provider.finish', input)
  const fields = { state: ['is missing'] }
  const message = 'The input is not what this procedure takes.'
  await refused(() => finish(stateless), { status: 400, message, data: { code: 'BAD_REQUEST', httpStatus: 400, details: { fields } } })
  await refused(() => finish({ ...given, state: 'x'.repeat(43) }))
  await refused(() => finish(given, stranger))
  await start(stranger)
  await refused(() => finish(given, stranger))
  await refused(() => finish({ ...given, provider: other }))
  expect(await isUsed()).toEqual({ used: false })
  expect((await finish(given)).data).toMatchObject({ status: 'SIGNED_IN' })
  expect(await isUsed()).toEqual({ used: true })
  await refused(() => finish(given))
  await refusedCallback(`${provider}?code=x&state=${given['state']}`)
  const late = await goAndComeBack(browser, somebody(), { provider })
  await advance(server.database.ownerUrl, 10 * minute + 1)
  await refused(() => finish(late.given))
  await refusedCallback(`${provider}?code=x&state=${late.given['state']}`)
  expect(await isUsed(late.given['state'])).toEqual({ used: false })
  const traces = await ask(`SELECT FROM core.activity WHERE event = 'auth.provider.refused' AND data->>'provider' = $1`, [provider])
  expect(traces.length).toBeGreaterThanOrEqual(5)
}

/** The callback shows a page that says so, sends the browser nowhere and gives it no cookie. */
async function refusedCallback(path: string): Promise<void> {
  const response = await fetch(`${server.url}/auth/callback/${path}`, { redirect: 'manual' })
  const { status, headers } = response
  expect.soft([path, status, headers.get('location'), headers.getSetCookie()]).toEqual([path, 400, null, []])
  expect(await response.text()).toContain(`<p>${sentence}</p>`)
}

test('an account that has the address is never entered for that: its owner is told to sign in and link', async () => {
  const person = somebody()
  await server.signUpAs(person.email)
  const told = conflict('This address has an account. Sign in to it, then link the provider.', 'SIGN_IN_AND_LINK')
  await refused(() => signIn(openBrowser(server.url), person), told)
})

test('A15 who signed up with an address before its owner came by a provider has nothing of it: no password, no link', async () => {
  const [victim, attacker] = [somebody(), openBrowser(server.url)]
  const password = 'an attackers long password'
  await attacker.mutate('auth.signUp', { email: victim.email, name: 'Attacker', password })
  const link = await server.tokenMailedTo(victim.email)
  const owner = openBrowser(server.url)
  expect((await signIn(owner, victim)).data).toMatchObject({ me: { email: victim.email, name: victim.name, emailVerified: true } })
  expect((await attacker.mutate('auth.verifyEmail', { token: link })).error?.data.code).toBe('INVALID_TOKEN')
  expect((await attacker.mutate('auth.signIn', { email: victim.email, password, delivery: 'COOKIE' })).status).toBe(401)
  expect(await me(owner)).toBe(200)
  const left = await ask(
    `SELECT (SELECT count(*)::int FROM auth.passwords p WHERE p.user_id = u.id AND p.deleted_at IS NULL) AS passwords,
            (SELECT count(*)::int FROM auth.verification_tokens t WHERE t.user_id = u.id AND t.deleted_at IS NULL AND sign_up_hash IS NOT NULL) AS sign_ups
     FROM auth.users u WHERE email = $1`,
    [victim.email],
  )
  expect(left).toEqual([{ passwords: 0, sign_ups: 0 }])
})

test('T07 a deleted account is not found by way of a provider either: its owner has a new one, and the old one stays as it was', async () => {
  const person = somebody()
  const before = (await signIn(openBrowser(server.url), person)).data as { me: { id: string } }
  await ask('UPDATE auth.users SET deleted_at = now() WHERE id = $1', [before.me.id])
  const after = (await signIn(openBrowser(server.url), person)).data as { me: { id: string } }
  expect(after.me.id).not.toBe(before.me.id)
  expect(
    await ask('SELECT user_id, deleted_at IS NULL AS lives FROM auth.oauth_accounts WHERE subject = $1 ORDER BY created_at', [person.sub]),
  ).toEqual([
    { user_id: before.me.id, lives: false },
    { user_id: after.me.id, lives: true },
  ])
})

test('a disabled account is not signed in to by way of a provider', async () => {
  const person = somebody()
  await signIn(openBrowser(server.url), person)
  await ask('UPDATE auth.users SET disabled_at = now() WHERE email = $1', [person.email])
  const message = 'This account may not sign in.'
  await refused(() => signIn(openBrowser(server.url), person), { status: 401, message, data: { code: 'UNAUTHORIZED', httpStatus: 401 } })
})

test('somebody who comes for the first time in twenty visits at one moment has one account, and is signed in to it each time', async () => {
  const person = somebody()
  const visits: { headers: object; given: object }[] = []
  for (let each = 0; each < 20; each += 1) {
    const browser = openBrowser(server.url)
    const { given } = await goAndComeBack(browser, person)
    visits.push({ headers: cookiesOf(browser), given })
  }
  const answers = await atOnce(server.url, 20, (each, index) =>
    each.mutate('auth.provider.finish', visits[index]?.given, { ...visits[index]?.headers }),
  )
  const ids = new Set(answers.map(({ data }) => (data as { me: { id: string } } | undefined)?.me.id))
  expect([answers.map(({ status }) => status), ids.size]).toEqual([Array<number>(20).fill(200), 1])
  expect(await ask('SELECT count(*)::int AS count FROM auth.oauth_accounts WHERE subject = $1', [person.sub])).toEqual([{ count: 1 }])
})

test('a person without an address that the provider vouches for is told so', async () => {
  const { email: _, ...nameless } = somebody()
  const told = conflict('The provider names no address of yours. Sign up with one, then link it.', 'NO_EMAIL_ADDRESS')
  await refused(() => signIn(openBrowser(server.url), nameless), told)
})
