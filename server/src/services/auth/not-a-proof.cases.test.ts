/** Ways in that need nobody to be there: a remembered device, and providers that remember who used them last. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser, toldBy, type Browser } from '../../../test/browser.ts'
import { advance } from '../../../test/clock.ts'
import { query } from '../../../test/database.ts'
import { startInstallation, type Installation } from '../../../test/providers/installation.ts'
import { stepUpByMail } from '../../../test/step-up.ts'

const password = 'nine lazy otters hum'
const minute = 60_000
let place: Installation
let last = 0

beforeAll(async () => {
  place = await startInstallation()
})
afterAll(() => place?.stop())

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) =>
  query<R>(place.server.database.ownerUrl, sql, values)
const open = () => openBrowser(place.server.url)
const makeKey = (browser: Browser) => browser.mutate('auth.apiKey.create', { name: 'x', scopes: ['teams.*'] })
const keysOf = (email: string) => ask(`SELECT FROM auth.api_keys JOIN auth.users AS u ON u.id = user_id WHERE email = $1`, [email])
const comeBack = (browser: Browser, delivery = 'COOKIE') => browser.mutate('auth.remembered.signIn', { delivery })

const proofWanted = (...methods: string[]) => ({
  status: 401,
  message: 'Prove once more who you are.',
  data: { code: 'STEP_UP_REQUIRED', httpStatus: 401, details: { methods } },
})

/** Somebody whose browser is remembered, with a session of eleven minutes ago. */
async function remembered(role = 'USER'): Promise<{ email: string; browser: Browser }> {
  const email = `device${++last}@example.com`
  await place.server.signUpAs(email, { password })
  await ask('UPDATE auth.users SET role = $2::auth.user_role WHERE email = $1', [email, role])
  const browser = open()
  await browser.mutate('auth.signIn', { email, password, delivery: 'COOKIE', remember: true })
  await advance(place.server.database.ownerUrl, 11 * minute)
  return { email, browser }
}

test('R11 M08 a remembered device signs in, and is no proof of who sits before it: what is sensitive asks for one', async () => {
  const { email, browser } = await remembered()
  expect(toldBy(await makeKey(browser))).toEqual(proofWanted('PASSWORD'))
  expect((await comeBack(browser)).status).toBe(200)
  expect(toldBy(await makeKey(browser))).toEqual(proofWanted('PASSWORD'))
  expect(await keysOf(email)).toHaveLength(0)
  expect((await browser.mutate('auth.stepUp.password', { password })).status).toBe(200)
  expect((await makeKey(browser)).status).toBe(200)
})

test('T10 an administrator’s remembered device administers nothing', async () => {
  const { browser } = await remembered('ADMIN')
  await advance(place.server.database.ownerUrl, 2 * 24 * 60 * minute)
  expect((await comeBack(browser)).status).toBe(200)
  expect(toldBy(await browser.query('auth.person.list', {}))).toEqual(proofWanted('PASSWORD'))
  await browser.mutate('auth.stepUp.password', { password })
  expect((await browser.query('auth.person.list', {})).status).toBe(200)
})

test('S11 what a browser is remembered by is made into no token that a script can read, and is left as it was', async () => {
  const { browser } = await remembered()
  const refused = await comeBack(browser, 'TOKEN')
  expect(toldBy(refused)).toMatchObject({
    status: 400,
    data: { code: 'BAD_REQUEST', details: { fields: { token: [expect.any(String)] } } },
  })
  expect(refused.setCookies).toEqual([])
  expect((await comeBack(browser)).status).toBe(200)
})

test('R11 M08 whom a provider remembers is signed in by it, and asked for a proof all the same', async () => {
  const email = `provided${++last}@example.com`
  place.company.person = { sub: `provided-${last}`, email, email_verified: true, name: 'Provided' }
  const browser = open()
  const { given } = await place.come(browser)
  expect((await browser.mutate('auth.provider.finish', given)).data).toMatchObject({ status: 'SIGNED_IN' })
  expect(toldBy(await makeKey(browser))).toEqual(proofWanted('EMAIL', 'PROVIDER'))
  expect(await keysOf(email)).toHaveLength(0)
  await stepUpByMail(place.server, browser, email)
  expect((await makeKey(browser)).status).toBe(200)
})
