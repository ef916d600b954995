import { afterAll, beforeAll, expect, test } from 'vitest'
import { enrolApp } from '../../../test/authenticator-app.ts'
import { openBrowser, type Browser } from '../../../test/browser.ts'
import { advance } from '../../../test/clock.ts'
import { query } from '../../../test/database.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'

const password = 'nine lazy otters hum'
const [sessionName, rememberedName] = ['plinth_session', 'plinth_remembered']
let server: TestServer
let last = 0

beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const open = () => openBrowser(server.url)
const signIn = (email: string, browser: Browser, more: object = {}) =>
  browser.mutate('auth.signIn', { email, password, delivery: 'COOKIE', ...more })
const comeBack = (browser: Browser) => browser.mutate('auth.remembered.signIn', { delivery: 'COOKIE' })
const me = async (browser: Browser) => (await browser.query('auth.me')).status
/** A browser that has been given this alone. */
const browserWith = (remembered: string | undefined) => {
  const browser = open()
  browser.cookies.set(rememberedName, remembered ?? '')
  return browser
}
const events = async (email: string) =>
  (
    await ask<{ event: string }>(
      `SELECT event FROM core.activity WHERE user_id = (SELECT id FROM auth.users WHERE email = $1) AND event LIKE 'auth.remembered.%' ORDER BY id`,
      [email],
    )
  ).map(({ event }) => event)

interface Person {
  readonly email: string
  /** Remembered, with a session that is over. */
  readonly browser: Browser
  readonly remembered: string | undefined
}

async function person(): Promise<Person> {
  const email = `family${++last}@example.com`
  await server.signUpAs(email, { password })
  const browser = open()
  await signIn(email, browser, { remember: true })
  browser.cookies.delete(sessionName)
  return { email, browser, remembered: browser.cookies.get(rememberedName) }
}

test('signing in anew on a browser ends what it was remembered by, though its session is long over: a copy from before is worth nothing', async () => {
  for (const more of [{}, { remember: true }]) {
    const [ada, bob] = [await person(), await person()]
    for (const who of [ada, bob]) {
      expect((await signIn(who.email, ada.browser, more)).status).toBe(200)
      expect((await comeBack(browserWith(ada.remembered))).status).toBe(401)
    }
    expect(await events(ada.email)).toContain('auth.remembered.replaced')
    expect((await comeBack(bob.browser)).status).toBe(200)
  }
})

test('nothing but the browser’s own family ends: the same person stays remembered elsewhere, and so does a browser that goes on by its device', async () => {
  const { email, browser } = await person()
  const elsewhere = open()
  await signIn(email, elsewhere, { remember: true })
  await comeBack(browser)
  await signIn(email, browser)
  expect(await me(elsewhere)).toBe(200)
  elsewhere.cookies.delete(sessionName)
  expect([(await comeBack(elsewhere)).status, (await comeBack(elsewhere)).status, await me(elsewhere)]).toEqual([200, 200, 200])
})

test('a thief who was quicker than the owner by less than half a minute is out with the owner’s next sign-in, and what was stolen with them', async () => {
  const { email, browser, remembered } = await person()
  const thief = browserWith(remembered)
  expect((await comeBack(thief)).status).toBe(200)
  expect((await comeBack(browser)).error?.data.code).toBe('ALREADY_DONE')
  expect(await me(thief)).toBe(200)
  await signIn(email, browser, { remember: true })
  expect([await me(thief), (await comeBack(thief)).status, await me(browser)]).toEqual([401, 401, 200])
  expect(await events(email)).toEqual(['auth.remembered.shown_together', 'auth.remembered.replaced'])
})

test('later it is a copy also where it merely comes along with another sign-in, of one factor or of two: the owner is told', async () => {
  for (const enrols of [false, true]) {
    const { email, browser, remembered } = await person()
    const [thief, elsewhere] = [browserWith(remembered), open()]
    await comeBack(thief)
    await signIn(email, elsewhere)
    const app = enrols ? await enrolApp(elsewhere) : null
    await advance(server.database.ownerUrl, 30_000)
    const answer = (await signIn(email, browser)).data as { pendingToken: string }
    if (app) await browser.mutate('auth.secondFactor.totp', { pendingToken: answer.pendingToken, code: app.code(1) })
    expect([await me(browser), await me(thief), await events(email)]).toEqual([200, 401, ['auth.remembered.shown_twice']])
  }
})

test('a tool has no tabs: what it shows a second time is a copy at once, and so is what was taken from a browser and shown as a tool does', async () => {
  for (const delivery of ['TOKEN', 'COOKIE']) {
    const { email, browser, remembered } = await person()
    expect((await comeBack(browser)).status).toBe(200)
    const refused = await open().mutate('auth.remembered.signIn', { token: remembered, delivery })
    expect([refused.status, await me(browser), await events(email)]).toEqual([401, 401, ['auth.remembered.shown_twice']])
  }
})

test('a tool’s sign-in leaves the browser that it is made from as it is', async () => {
  const { email, browser } = await person()
  await browser.mutate('auth.signIn', { email, password, delivery: 'TOKEN' })
  expect((await comeBack(browser)).status).toBe(200)
})
