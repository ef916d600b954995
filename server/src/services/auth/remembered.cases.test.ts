import { afterAll, beforeAll, expect, test } from 'vitest'
import { enrolApp } from '../../../test/authenticator-app.ts'
import { openBrowser, toldBy, type Browser } from '../../../test/browser.ts'
import { advance, stopped } from '../../../test/clock.ts'
import { query } from '../../../test/database.ts'
import { openGate } from '../../../test/gate.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'

const password = 'nine lazy otters hum'
const cookieName = '__Host-plinth_remembered'
const day = 24 * 60 * 60_000
let server: TestServer
let last = 0

beforeAll(async () => {
  server = await startTestServer({ env: { PUBLIC_URL: 'https://plinth.example.com' } })
})
afterAll(() => server.stop())

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const open = () => openBrowser(server.url)
const signIn = (email: string, browser = open(), more: object = { remember: true }) =>
  browser.mutate('auth.signIn', { email, password, delivery: 'COOKIE', ...more })
const comeBack = (browser: Browser) => browser.mutate('auth.remembered.signIn', { delivery: 'COOKIE' })
const me = async (browser: Browser) => (await browser.query('auth.me')).status
/** A browser that has been given this alone. */
const browserWith = (remembered: string | undefined, browser = open()) => {
  browser.cookies.set(cookieName, remembered ?? '')
  return browser
}

interface Person {
  readonly email: string
  readonly browser: Browser
  readonly remembered: string | undefined
}

async function person(): Promise<Person> {
  const email = `remember${++last}@example.com`
  await server.signUpAs(email, { password })
  const browser = open()
  await signIn(email, browser)
  return { email, browser, remembered: browser.cookies.get(cookieName) }
}

test('S09 a device that asks for it is remembered by a cookie that only this server sees; one that does not is not', async () => {
  const { email } = await person()
  const cookies = (await signIn(email)).setCookies.filter((line) => line.startsWith(cookieName))
  expect(cookies).toEqual([
    expect.stringMatching(/^__Host-plinth_remembered=pln_d_[\w-]{43}; Max-Age=7776000; Path=\/; HttpOnly; Secure; SameSite=Lax$/),
  ])
  expect((await signIn(email, open(), {})).setCookies.join()).not.toContain(cookieName)
  const tokens = await ask<{ dump: string }>(`SELECT t::text AS dump FROM auth.verification_tokens AS t WHERE purpose = 'REMEMBERED'`)
  expect(tokens.map(({ dump }) => dump).join()).not.toContain('pln_d_')
})

test('when its session is over, the device signs in once and is given the next token: it is of level 1 and says by what', async () => {
  const { email, browser, remembered } = await person()
  await advance(server.database.ownerUrl, 31 * day)
  expect(await me(browser)).toBe(401)
  const answer = await comeBack(browser)
  expect([answer.status, answer.data]).toMatchObject([200, { status: 'SIGNED_IN', me: { email }, token: null, rememberToken: null }])
  expect(await me(browser)).toBe(200)
  expect(browser.cookies.get(cookieName)).not.toBe(remembered)
  expect((await ask(`SELECT level, methods::text[] FROM auth.sessions ORDER BY id DESC LIMIT 1`))[0]).toEqual({
    level: 1,
    methods: ['REMEMBERED'],
  })
  await advance(server.database.ownerUrl, 31 * day)
  expect((await comeBack(browser)).status).toBe(200)
  // The ninety days are those of the first.
  await advance(server.database.ownerUrl, 28 * day + 1_000)
  expect((await comeBack(browser)).status).toBe(401)
})

test('a tool is given its token in the answer, and shows it there', async () => {
  const { email } = await person()
  const first = (await signIn(email, open(), { delivery: 'TOKEN', remember: true })).data as { rememberToken: string }
  expect(first.rememberToken).toMatch(/^pln_d_[\w-]{43}$/)
  const answer = await open().mutate('auth.remembered.signIn', { token: first.rememberToken, delivery: 'TOKEN' })
  expect(answer.data).toMatchObject({
    status: 'SIGNED_IN',
    rememberToken: expect.stringMatching(/^pln_d_/),
    token: expect.stringMatching(/^pln_t_/),
  })
  expect(answer.setCookies).toEqual([])
})

/** Once tabs that opened together have all been heard. */
const later = () => advance(server.database.ownerUrl, 30_000)
const events = async (email: string) =>
  (
    await ask<{ event: string }>(
      `SELECT event FROM core.activity WHERE user_id = (SELECT id FROM auth.users WHERE email = $1) AND event LIKE 'auth.remembered.%' ORDER BY id`,
      [email],
    )
  ).map(({ event }) => event)

test('one that is shown again later ends its family, the session that it began too, and no other', async () => {
  const { email, browser, remembered } = await person()
  const other = open()
  await signIn(email, other)
  browser.cookies.delete('__Host-plinth_session')
  expect((await comeBack(browser)).status).toBe(200)
  await later()
  const thief = browserWith(remembered)
  const refused = await comeBack(thief)
  expect([refused.status, refused.error?.data.code, refused.setCookies]).toEqual([401, 'UNAUTHORIZED', []])
  expect([await me(browser), await me(other)]).toEqual([401, 200])
  expect((await comeBack(browser)).status).toBe(401)
  other.cookies.delete('__Host-plinth_session')
  expect((await comeBack(other)).status).toBe(200)
  const ended = await ask(
    `SELECT FROM auth.sessions AS s JOIN auth.users AS u ON u.id = user_id WHERE email = $1 AND end_reason = 'REMEMBERED_TWICE'`,
    [email],
  )
  expect(ended).toHaveLength(2)
})

test('whoever shows a used one again and again has its owner told once', async () => {
  const { email, browser, remembered } = await person()
  await comeBack(browser)
  await later()
  for (let i = 0; i < 3; i++) expect((await comeBack(browserWith(remembered))).status).toBe(401)
  expect(await events(email)).toEqual(['auth.remembered.shown_twice'])
})

test('a tab that shows it a moment after another is told to ask who is there: it is given nothing, and nothing ends', async () => {
  const { email, browser, remembered } = await person()
  browser.cookies.delete('__Host-plinth_session')
  expect((await comeBack(browser)).status).toBe(200)
  await advance(server.database.ownerUrl, 20_000)
  const told = await comeBack(browserWith(remembered))
  expect([told.status, told.error?.data.code, told.data, told.setCookies]).toEqual([409, 'ALREADY_DONE', undefined, []])
  expect(await events(email)).toEqual(['auth.remembered.shown_together'])
  expect(await me(browser)).toBe(200)
  browser.cookies.delete('__Host-plinth_session')
  expect((await comeBack(browser)).status).toBe(200)
})

test('half a minute is counted from the use, to the millisecond of the database, however often it is shown meanwhile', async () => {
  const { email, browser, remembered } = await person()
  await comeBack(browser)
  const usedAgo = (ms: number) =>
    ask(
      `UPDATE auth.verification_tokens SET used_at = core.clock() - $2 * interval '1 millisecond' FROM auth.users AS u
         WHERE user_id = u.id AND u.email = $1 AND purpose = 'REMEMBERED' AND used_at IS NOT NULL`,
      [email, ms],
    )
  const again = async () => (await comeBack(browserWith(remembered))).status
  await stopped(server.database.ownerUrl, async () => {
    await usedAgo(29_999)
    expect([await again(), await again(), await me(browser)]).toEqual([409, 409, 200])
    await usedAgo(30_000)
    expect([await again(), await me(browser)]).toEqual([401, 401])
  })
})

test('of twenty at once, each on a connection of its own, that show the same one exactly one is let in, and stays; nothing ends', async () => {
  const { email, remembered } = await person()
  const gate = openGate(20)
  const browsers = Array.from({ length: 20 }, () => browserWith(remembered, openBrowser(server.url, {}, gate)))
  const answers = await Promise.all(browsers.map(comeBack))
  expect(answers.map(({ status }) => status).toSorted()).toEqual([200, ...Array<number>(19).fill(409)])
  expect(new Set(answers.flatMap(({ error }) => error?.data.code ?? []))).toEqual(new Set(['ALREADY_DONE']))
  expect(answers.filter(({ setCookies }) => setCookies.length > 0)).toHaveLength(1)
  const inside = await Promise.all(browsers.map(me))
  expect(inside.filter((status) => status === 200)).toHaveLength(1)
  const begun = await ask(
    `SELECT FROM auth.sessions AS s JOIN auth.users AS u ON u.id = user_id WHERE email = $1 AND 'REMEMBERED' = ANY (s.methods) AND revoked_at IS NULL`,
    [email],
  )
  expect(begun).toHaveLength(1)
  expect(await events(email)).toEqual(Array(19).fill('auth.remembered.shown_together'))
})

test('a stranger is told the same of one that was never given, of one that is too old, and of one whose owner is gone', async () => {
  const { email, browser, remembered } = await person()
  await comeBack(browser)
  const unknown = toldBy(await comeBack(browserWith(`pln_d_${'A'.repeat(43)}`)))
  expect(unknown).toMatchObject({ status: 401, data: { code: 'UNAUTHORIZED' } })
  await ask('UPDATE auth.users SET disabled_at = now() WHERE email = $1', [email])
  expect(toldBy(await comeBack(browserWith(remembered)))).toEqual(unknown)
  const old = await person()
  await advance(server.database.ownerUrl, 91 * day)
  expect(toldBy(await comeBack(browserWith(old.remembered)))).toEqual(unknown)
})

test('S03 S05 signing out, another password, and a session that its owner ended take it away, also what was captured before', async () => {
  const ends: ((person: Person) => Promise<unknown>)[] = [
    ({ browser }) => browser.mutate('auth.signOut'),
    ({ browser }) => browser.mutate('auth.password.change', { currentPassword: password, password: 'ten brisk herons wade' }),
    async ({ email, browser }) => {
      const other = open()
      await signIn(email, other, {})
      const { items } = (await browser.query('auth.session.list', {})).data as { items: { id: string; current: boolean }[] }
      await other.mutate('auth.session.revoke', { sessionId: items.find(({ current }) => current)?.id })
    },
    async ({ email }) => {
      const other = open()
      await signIn(email, other, {})
      await other.mutate('auth.session.revokeOthers')
    },
    async ({ email }) => {
      await open().mutate('auth.password.requestReset', { email })
      await open().mutate('auth.password.reset', { token: await server.tokenMailedTo(email, /pln_r_/), password: 'ten brisk herons wade' })
    },
  ]
  for (const end of ends) {
    const someone = await person()
    await end(someone)
    expect((await comeBack(browserWith(someone.remembered))).status).toBe(401)
  }
})

test('S09 signing out takes the cookie away with the attributes that it came with, also when the session is long over', async () => {
  const { browser, remembered } = await person()
  browser.cookies.delete('__Host-plinth_session')
  const cleared = (await browser.mutate('auth.signOut')).setCookies.filter((line) => line.startsWith(cookieName))
  expect(cleared).toEqual([`${cookieName}=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax`])
  expect((await comeBack(browserWith(remembered))).status).toBe(401)
})

test('ending the other sessions leaves the device in use remembered', async () => {
  const { browser, remembered } = await person()
  await browser.mutate('auth.session.revokeOthers')
  expect((await comeBack(browserWith(remembered))).status).toBe(200)
})

test('whoever signs in on a browser that remembers another, and does not ask for it, is not followed by the other', async () => {
  const [ada, bob] = [await person(), await person()]
  await signIn(bob.email, ada.browser, {})
  expect(ada.browser.cookies.has(cookieName)).toBe(false)
  expect((await comeBack(browserWith(ada.remembered))).status).toBe(401)
})

test('M09 a remembered device is one factor: where there is a second it is asked for, and the device is remembered when it was right', async () => {
  const { browser, email, remembered } = await person()
  const app = await enrolApp(browser)
  browser.cookies.delete('__Host-plinth_session')
  const answer = await comeBack(browser)
  expect(answer.data).toMatchObject({ status: 'SECOND_FACTOR', methods: ['TOTP'] })
  expect(answer.setCookies).toEqual([expect.stringMatching(/^__Host-plinth_remembered=pln_d_/)])
  expect(await me(browser)).toBe(401)
  const { pendingToken } = answer.data as { pendingToken: string }
  const used = browser.cookies.get(cookieName)
  const whole = await browser.mutate('auth.secondFactor.totp', { pendingToken, code: app.code(1) })
  expect(whole.data).toMatchObject({ status: 'SIGNED_IN', me: { email } })
  expect(new Set([remembered, used, browser.cookies.get(cookieName)]).size).toBe(3)
  expect([await me(browser), (await comeBack(browserWith(used))).status]).toEqual([200, 401])
})

test('M09 whoever closes the page where the second factor is asked for is asked again later, and is taken for no thief', async () => {
  const { browser, email, remembered } = await person()
  const app = await enrolApp(browser)
  browser.cookies.delete('__Host-plinth_session')
  await comeBack(browser)
  await later()
  const { status, pendingToken } = (await comeBack(browser)).data as { status: string; pendingToken: string }
  expect([status, await events(email)]).toEqual(['SECOND_FACTOR', []])
  const ends = await ask(
    `SELECT DISTINCT expires_at FROM auth.verification_tokens AS t WHERE purpose = 'REMEMBERED'
    AND user_id = (SELECT id FROM auth.users WHERE email = $1)`,
    [email],
  )
  expect(ends).toHaveLength(1)
  expect((await browser.mutate('auth.secondFactor.totp', { pendingToken, code: app.code(1) })).status).toBe(200)
  expect((await comeBack(browserWith(remembered))).status).toBe(401)
  expect([await events(email), await me(browser)]).toEqual([['auth.remembered.shown_twice'], 401])
})

test('S11 it is no session: neither as a cookie of one nor as a bearer, and a session is none of it', async () => {
  const { browser, remembered = '' } = await person()
  const session = browser.cookies.get('__Host-plinth_session') ?? ''
  expect(await me(openBrowser(server.url, { authorization: `Bearer ${remembered}` }))).toBe(401)
  expect(await me(openBrowser(server.url, { cookie: `__Host-plinth_session=${remembered}` }))).toBe(401)
  expect((await comeBack(browserWith(session))).status).toBe(401)
  expect((await comeBack(open())).status).toBe(401)
  expect(await me(browser)).toBe(200)
})

test('C03 a call with this cookie alone that says nothing of where it comes from is refused', async () => {
  const { remembered = '' } = await person()
  const url = `${server.url}/trpc/auth.remembered.signIn`
  const headers = { 'content-type': 'application/json', cookie: `${cookieName}=${remembered}` }
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ json: { delivery: 'COOKIE' } }) })
  expect(answer.status).toBe(403)
  expect((await comeBack(browserWith(remembered))).status).toBe(200)
})

test('S07 who was disabled is not let in', async () => {
  const { email, remembered } = await person()
  await ask('UPDATE auth.users SET disabled_at = now() WHERE email = $1', [email])
  expect((await comeBack(browserWith(remembered))).status).toBe(401)
})
