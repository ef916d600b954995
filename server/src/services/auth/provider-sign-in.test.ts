import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser, type Answer, type Browser } from '../../../test/browser.ts'
import { advance } from '../../../test/clock.ts'
import { query } from '../../../test/database.ts'
import { startOpenIdProvider, type Lies, type OpenIdProvider, type Person } from '../../../test/providers/openid.ts'
import { visit, type Landed } from '../../../test/providers/visit.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'

const publicUrl = 'https://plinth.example.com'
const minute = 60_000
let server: TestServer
let company: OpenIdProvider
let other: OpenIdProvider
let last = 0

beforeAll(async () => {
  company = await startOpenIdProvider([`${publicUrl}/auth/callback/company`])
  other = await startOpenIdProvider([`${publicUrl}/auth/callback/other`])
  const settingsOf = (id: string, { url, client }: OpenIdProvider) => {
    return { id, name: `The ${id}`, issuer: url, clientId: client.id, clientSecret: client.secret }
  }
  server = await startTestServer({
    env: {
      PUBLIC_URL: publicUrl,
      ALLOWED_ORIGINS: 'https://app.example.com',
      OIDC_PROVIDERS: JSON.stringify([settingsOf('company', company), settingsOf('other', other)]),
      PRIVATE_HOSTS: `${company.host},${other.host}`,
    },
  })
})
afterAll(async () => {
  await server?.stop()
  await company?.stop()
  await other?.stop()
})

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
async function goAndComeBack(browser: Browser, person: Person, more: object = {}): Promise<Landed> {
  company.person = person
  other.person = person
  const { url } = (await start(browser, more)).data as { url: string }
  return visit({ publicUrl, url: server.url }, url)
}

async function signIn(browser: Browser, person: Person, more: object = {}): Promise<Answer> {
  return browser.mutate('auth.provider.finish', (await goAndComeBack(browser, person, more)).given)
}

const rows = async () =>
  (
    await ask(
      `SELECT (SELECT count(*)::int FROM auth.users) AS users, (SELECT count(*)::int FROM auth.oauth_accounts) AS linked,
              (SELECT count(*)::int FROM auth.sessions) AS sessions`,
    )
  )[0]

/** Runs what must be refused so, and nothing may come of it. */
async function refused(call: () => Promise<Answer>, status = 400, code = 'INVALID_TOKEN'): Promise<void> {
  const before = await rows()
  const answer = await call()
  expect.soft([answer.status, answer.error?.data.code]).toEqual([status, code])
  expect.soft(answer.setCookies).toEqual([])
  expect(await rows()).toEqual(before)
}

test('somebody whom a provider knows and vouches for has an account and a session in one visit, and is the same person the next time', async () => {
  const [person, browser, again] = [somebody(), openBrowser(server.url), openBrowser(server.url)]
  expect((await browser.query('auth.provider.list')).data).toEqual({
    items: [
      { id: 'company', name: 'The company', kind: 'REDIRECT' },
      { id: 'other', name: 'The other', kind: 'REDIRECT' },
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
  company.person = person
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
  const [browser, stranger] = [openBrowser(server.url), openBrowser(server.url)]
  const callback = async (path: string) => (await fetch(`${server.url}/auth/callback/${path}`, { redirect: 'manual' })).status
  expect([await callback('company'), await callback('company?code=x'), await callback('company?code=x&state=y')]).toEqual([400, 400, 400])
  const { given } = await goAndComeBack(browser, somebody())
  expect(await callback(`other?code=x&state=${given.state}`)).toBe(400)
  const { state: _, ...stateless } = given
  const finish = (input: object, by = browser) => by.mutate('auth.provider.finish', input)
  await refused(() => finish(stateless), 400, 'BAD_REQUEST')
  await refused(() => finish({ ...given, state: 'x'.repeat(43) }))
  await refused(() => finish(given, stranger))
  await start(stranger)
  await refused(() => finish(given, stranger))
  await refused(() => finish({ ...given, provider: 'other' }))
  expect((await finish(given)).status).toBe(200)
  await refused(() => finish(given))
  expect(await callback(`company?code=x&state=${given.state}`)).toBe(400)
  const late = await goAndComeBack(browser, somebody())
  await advance(server.database.ownerUrl, 10 * minute + 1)
  await refused(() => finish(late.given))
  const [trace] = await ask(`SELECT count(*)::int AS count FROM core.activity WHERE event = 'auth.provider.refused'`)
  expect(trace?.count).toBeGreaterThanOrEqual(6)
})

test('O01 of twenty who finish one visit at once, one does', async () => {
  const [browser, person] = [openBrowser(server.url), somebody()]
  const { given } = await goAndComeBack(browser, person)
  const answers = await Promise.all(Array.from({ length: 20 }, () => browser.mutate('auth.provider.finish', given)))
  expect(answers.map(({ status }) => status).toSorted()).toEqual([200, ...Array<number>(19).fill(400)])
  expect(await ask('SELECT count(*)::int AS count FROM auth.oauth_accounts WHERE subject = $1', [person.sub])).toEqual([{ count: 1 }])
})

const now = () => Math.floor(Date.now() / 1000)

test.each<readonly [string, () => Lies]>([
  ['of another issuer', () => ({ claims: { iss: 'https://evil.example' } })],
  ['for another client', () => ({ claims: { aud: 'somebody else' } })],
  ['for several clients', () => ({ claims: { aud: ['plinth', 'somebody else'] } })],
  ['with another nonce', () => ({ claims: { nonce: 'another' } })],
  ['without a nonce', () => ({ claims: { nonce: undefined } })],
  ['that is too old', () => ({ claims: { exp: now() - 60 } })],
  ['that is not valid yet', () => ({ claims: { nbf: now() + 600 } })],
  ['without a subject', () => ({ claims: { sub: undefined } })],
  ['that is not signed', () => ({ signature: 'none' })],
  ['signed with the public key as a secret', () => ({ signature: 'HS256' })],
  ['signed with a key that is not published', () => ({ signature: 'OTHER_KEY' })],
  ['of an unknown key', () => ({ kid: 'second' })],
  ['beside another access token', () => ({ claims: { at_hash: 'AAAAAAAAAAAAAAAAAAAAAA' } })],
  ['beside the name of another issuer', () => ({ iss: 'https://evil.example' })],
])('O02 an ID token %s is refused, and nothing comes of it', async (_, lies) => {
  const browser = openBrowser(server.url)
  company.lies = lies()
  try {
    const { given } = await goAndComeBack(browser, somebody())
    await refused(() => browser.mutate('auth.provider.finish', given))
  } finally {
    company.lies = {}
  }
})

test('O02 a profile of another subject than the ID token is refused', async () => {
  const browser = openBrowser(server.url)
  company.claimsIn = 'USER_INFO'
  const person = somebody()
  expect((await signIn(browser, person)).data).toMatchObject({ me: { email: person.email, name: person.name } })
  company.lies = { userInfoSub: 'somebody-else' }
  await refused(() => signIn(openBrowser(server.url), somebody()))
  company.lies = {}
  company.claimsIn = 'ID_TOKEN'
})

test("O03 an attacker's code is worth nothing in somebody else's visit, nor somebody else's in theirs", async () => {
  const [victim, attacker] = [openBrowser(server.url), openBrowser(server.url)]
  const attackers = (await goAndComeBack(attacker, somebody())).given
  const victims = (await goAndComeBack(victim, somebody())).given
  await refused(() => victim.mutate('auth.provider.finish', attackers))
  await refused(() => victim.mutate('auth.provider.finish', { ...victims, code: attackers.code }))
  await refused(() => attacker.mutate('auth.provider.finish', { ...attackers, code: victims.code }))
})

test('O06 the same subject at two providers is two people', async () => {
  const [person, twin] = [somebody(), somebody()]
  const one = (await signIn(openBrowser(server.url), person)).data as { me: { id: string } }
  const two = (await signIn(openBrowser(server.url), { ...twin, sub: person.sub }, { provider: 'other' })).data as { me: { id: string } }
  expect(one.me.id).not.toBe(two.me.id)
  expect(await ask('SELECT provider, user_id FROM auth.oauth_accounts WHERE subject = $1 ORDER BY provider', [person.sub])).toEqual([
    { provider: 'company', user_id: one.me.id },
    { provider: 'other', user_id: two.me.id },
  ])
})

test('O09 when the address changes at the provider, the account here keeps its own', async () => {
  const person = somebody()
  const first = (await signIn(openBrowser(server.url), person)).data as { me: object }
  const moved = { ...person, email: `moved.${person.email}`, name: 'Another Name' }
  expect(((await signIn(openBrowser(server.url), moved)).data as { me: object }).me).toEqual(first.me)
  expect(await ask('SELECT email FROM auth.users WHERE email LIKE $1', [`%${person.email}`])).toEqual([{ email: person.email }])
})

test('an account that has the address is never entered for that: its owner is told to sign in and link', async () => {
  const person = somebody()
  await server.signUpAs(person.email)
  await refused(() => signIn(openBrowser(server.url), person), 409, 'CONFLICT')
  const answer = await signIn(openBrowser(server.url), person)
  expect(answer.error?.data.details).toEqual({ reason: 'SIGN_IN_AND_LINK' })
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
  await refused(() => signIn(openBrowser(server.url), person), 401, 'UNAUTHORIZED')
})

test('somebody who comes for the first time in twenty visits at once has one account, and is signed in to it each time', async () => {
  const person = somebody()
  const visits = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const browser = openBrowser(server.url)
      return { browser, given: (await goAndComeBack(browser, person)).given }
    }),
  )
  const answers = await Promise.all(visits.map(({ browser, given }) => browser.mutate('auth.provider.finish', given)))
  const ids = new Set(answers.map(({ data }) => (data as { me: { id: string } } | undefined)?.me.id))
  expect([answers.map(({ status }) => status), ids.size]).toEqual([Array<number>(20).fill(200), 1])
  expect(await ask('SELECT count(*)::int AS count FROM auth.oauth_accounts WHERE subject = $1', [person.sub])).toEqual([{ count: 1 }])
})

test('a person without an address that the provider vouches for is told so', async () => {
  const { email: _, ...nameless } = somebody()
  await refused(() => signIn(openBrowser(server.url), nameless), 409, 'CONFLICT')
})
