/** What a sign-in does with the tokens that were there before it, and what many of them at once come to. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser, toldBy, type Answer, type Browser } from '../../../test/browser.ts'
import { query } from '../../../test/database.ts'
import { openGate } from '../../../test/gate.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'

const password = 'nine lazy otters hum'
const cookieName = '__Host-plinth_session'
const nobody = { status: 401, message: 'Sign in first.', data: { code: 'UNAUTHORIZED', httpStatus: 401 } }
let server: TestServer
let last = 0

beforeAll(async () => {
  server = await startTestServer({ env: { PUBLIC_URL: 'https://plinth.example.com' } })
})
afterAll(() => server.stop())

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const signIn = (email: string, browser: Browser, delivery = 'COOKIE') => browser.mutate('auth.signIn', { email, password, delivery })
const withCookie = (token: string) => openBrowser(server.url, { cookie: `${cookieName}=${token}` })
const withBearer = (token: string) => openBrowser(server.url, { authorization: `Bearer ${token}` })
const tokenOf = (browser: Browser) => browser.cookies.get(cookieName) ?? ''
/** Every session that there ever was with this token, by what it ended of. */
const withToken = (token: string) =>
  ask('SELECT end_reason, revoked_at IS NULL AS alive FROM auth.sessions WHERE token_hash = sha256($1)', [Buffer.from(token)])
const living = async (email: string) =>
  (await ask('SELECT FROM auth.sessions AS s JOIN auth.users AS u ON u.id = user_id WHERE email = $1 AND revoked_at IS NULL', [email]))
    .length

/** Somebody who is signed in nowhere. */
async function person(): Promise<string> {
  const email = `start${++last}@example.com`
  const { token } = await server.signUpAs(email, { password })
  await withBearer(token).mutate('auth.signOut')
  return email
}

/** Somebody with a session in a browser. */
async function signedIn(email: string): Promise<Browser> {
  const browser = openBrowser(server.url)
  expect((await signIn(email, browser)).status).toBe(200)
  return browser
}

/** The token of the session that this answer sets, where it sets one and no more. */
function newToken({ setCookies }: Answer): string {
  const tokens = setCookies.flatMap((line) => /^__Host-plinth_session=pln_s_([\w-]{43});/.exec(line)?.[1] ?? [])
  expect(tokens).toHaveLength(1)
  return `pln_s_${tokens[0]}`
}

test.each<[string, (mallory: Browser, victim: string) => Promise<string> | string]>([
  ['that looks like one', () => `pln_s_${'A'.repeat(43)}`],
  ['that looks like the token of a tool', () => `pln_t_${'A'.repeat(43)}`],
  ['that looks like nothing', () => 'mallory'],
  ['that is empty', () => ''],
  ["of the attacker's own session", (mallory) => tokenOf(mallory)],
  [
    'of a session of the victim that is over',
    async (_mallory, victim) => {
      const browser = await signedIn(victim)
      const token = tokenOf(browser)
      await browser.mutate('auth.signOut')
      return token
    },
  ],
])('S01 a cookie %s, planted before a sign-in, is not the token of the session and opens nothing after it', async (_what, plant) => {
  const [victim, mallory] = [await person(), await person()]
  const attacker = await signedIn(mallory)
  const planted = await plant(attacker, victim)
  const answer = await signIn(victim, withCookie(planted))
  expect(answer).toMatchObject({ status: 200, data: { status: 'SIGNED_IN', me: { email: victim }, token: null } })
  const token = newToken(answer)
  expect(token).not.toBe(planted)
  for (const shown of [withCookie(planted), withBearer(planted)]) expect(toldBy(await shown.query('auth.me'))).toEqual(nobody)
  expect((await withCookie(token).query('auth.me')).data).toMatchObject({ email: victim })
  expect([await living(victim), (await withToken(planted)).filter(({ alive }) => alive)]).toEqual([1, []])
  expect(await withToken(token)).toEqual([{ end_reason: null, alive: true }])
})

test('S02 whoever signs in while signed in has a new token, and the old one is nothing at once: the same person, another one, and a tool', async () => {
  const [ada, bob] = [await person(), await person()]
  const browser = await signedIn(ada)
  for (const who of [ada, bob]) {
    const old = tokenOf(browser)
    const token = newToken(await signIn(who, browser))
    expect(token).not.toBe(old)
    expect(toldBy(await withCookie(old).query('auth.me'))).toEqual(nobody)
    expect((await withCookie(token).query('auth.me')).data).toMatchObject({ email: who })
    expect([await withToken(old), await withToken(token)]).toEqual([
      [{ end_reason: 'REPLACED', alive: false }],
      [{ end_reason: null, alive: true }],
    ])
  }
  const { token: tool } = (await signIn(ada, openBrowser(server.url), 'TOKEN')).data as { token: string }
  const { token: next } = (await signIn(ada, withBearer(tool), 'TOKEN')).data as { token: string }
  expect(toldBy(await withBearer(tool).query('auth.me'))).toEqual(nobody)
  expect((await withBearer(next).query('auth.me')).data).toMatchObject({ email: ada })
  expect(await withToken(tool)).toEqual([{ end_reason: 'REPLACED', alive: false }])
  expect([await living(ada), await living(bob)]).toEqual([1, 1])
})

test('S02 a sign-in that is refused leaves the session that it came with as it was', async () => {
  const ada = await person()
  const browser = await signedIn(ada)
  const token = tokenOf(browser)
  const refused = await browser.mutate('auth.signIn', { email: ada, password: 'eight lazy otters hum', delivery: 'COOKIE' })
  expect([toldBy(refused), refused.setCookies]).toEqual([{ ...nobody, message: 'The email address or the password is wrong.' }, []])
  expect(await withToken(token)).toEqual([{ end_reason: null, alive: true }])
  expect((await withCookie(token).query('auth.me')).data).toMatchObject({ email: ada })
})

test('S16 fifty sign-ins at one moment are fifty sessions, each with a token of its own, and one of them ends alone', async () => {
  const email = await person()
  const gate = openGate(50)
  const answers = await Promise.all(Array.from({ length: 50 }, () => signIn(email, openBrowser(server.url, {}, gate), 'TOKEN')))
  for (const { status, data } of answers) expect([status, data]).toMatchObject([200, { status: 'SIGNED_IN', me: { email } }])
  const begun = answers.map(({ data }) => data as { token: string; sessionId: string })
  expect([new Set(begun.map(({ token }) => token)).size, new Set(begun.map(({ sessionId }) => sessionId)).size]).toEqual([50, 50])
  expect(await living(email)).toBe(50)
  const [first, ...others] = begun
  expect((await withBearer(first?.token ?? '').mutate('auth.signOut')).data).toEqual({ status: 'SIGNED_OUT' })
  expect(toldBy(await withBearer(first?.token ?? '').query('auth.me'))).toEqual(nobody)
  for (const { token } of others) expect((await withBearer(token).query('auth.me')).status).toBe(200)
  expect(await living(email)).toBe(49)
})

test('S02 of twenty sign-ins at one moment that bring the same session each begins one of its own, and that one is over', async () => {
  const email = await person()
  const old = tokenOf(await signedIn(email))
  const [gate, headers] = [openGate(20), { cookie: `${cookieName}=${old}` }]
  const answers = await Promise.all(Array.from({ length: 20 }, () => signIn(email, openBrowser(server.url, headers, gate))))
  const tokens = answers.map(newToken)
  expect(new Set([old, ...tokens]).size).toBe(21)
  expect(toldBy(await withCookie(old).query('auth.me'))).toEqual(nobody)
  expect([await living(email), await withToken(old)]).toEqual([20, [{ end_reason: 'REPLACED', alive: false }]])
})
