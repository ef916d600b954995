/** Somebody always administers the installation, and somebody is who may sign in: neither a role alone nor one that left is anybody. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { makeAdministrator } from '../../../test/applications.ts'
import { openBrowser, toldBy, type Browser } from '../../../test/browser.ts'
import { query } from '../../../test/database.ts'
import { cookiesOf, atOnce } from '../../../test/race.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'
import { person, type Somebody } from '../../../test/teams.ts'
import { setUpCode } from './index.ts'

const password = 'correct horse battery staple'
const lastOne = {
  status: 409,
  message: 'The installation would have no administrator: make somebody else one first.',
  data: { code: 'CONFLICT', httpStatus: 409, details: { reason: 'LAST_ADMINISTRATOR' } },
}
let server: TestServer

beforeAll(async () => {
  server = await startTestServer()
})
/** Each begins with nobody who administers. */
beforeEach(() => ask(`UPDATE auth.users SET role = 'USER'`))
afterAll(() => server.stop())

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const somebody = () => person(server, `p${randomBytes(6).toString('hex')}`)
const administrators = async () =>
  (await ask<{ id: string }>(`SELECT id FROM auth.users WHERE role = 'ADMIN' AND deleted_at IS NULL AND disabled_at IS NULL`)).map(
    ({ id }) => id,
  )

interface Administrator {
  readonly who: Somebody
  readonly browser: Browser
}

/** Somebody who administers, signed in since they do. */
async function administrator(): Promise<Administrator> {
  const [who, browser] = [await somebody(), openBrowser(server.url)]
  await makeAdministrator(server, who)
  expect((await browser.mutate('auth.signIn', { email: who.email, password, delivery: 'COOKIE' })).status).toBe(200)
  return { who, browser }
}

test('the last administrator does not leave: nothing of theirs ends, nobody is offered the installation, and a trace is left', async () => {
  const { who, browser } = await administrator()
  expect(toldBy(await browser.mutate('auth.account.deactivate'))).toEqual(lastOne)
  expect((await browser.query('auth.me')).data).toMatchObject({ email: who.email })
  expect(await administrators()).toEqual([who.userId])
  expect(await setUpCode()).toBeNull()
  const traces = `SELECT data FROM core.activity WHERE event = 'auth.account.refused' AND user_id = $1`
  expect(await ask(traces, [who.userId])).toEqual([{ data: { asked: 'account.deactivate', reason: 'LAST_ADMINISTRATOR' } }])
  await administrator()
  expect((await browser.mutate('auth.account.deactivate')).data).toMatchObject({ status: 'DEACTIVATED' })
})

test.each([
  ['whose address is not proven', 'email_verified_at = NULL'],
  ['who is disabled', 'disabled_at = core.clock()'],
])('another with the role %s is no other administrator: the last one stays', async (_what, change) => {
  const [{ browser }, other] = [await administrator(), await somebody()]
  await ask(`UPDATE auth.users SET role = 'ADMIN', ${change} WHERE id = $1`, [other.userId])
  expect(toldBy(await browser.mutate('auth.account.deactivate'))).toEqual(lastOne)
})

test('of twenty administrators who leave at one moment one stays', async () => {
  const all = await Promise.all(Array.from({ length: 20 }, administrator))
  const answers = await atOnce(server.url, all.length, (browser, index) =>
    browser.mutate('auth.account.deactivate', undefined, cookiesOf(all[index]!.browser)),
  )
  for (const answer of answers) if (answer.status !== 200) expect(toldBy(answer)).toMatchObject({ status: 409, data: { code: 'CONFLICT' } })
  const left = await administrators()
  expect(left.length).toBe(answers.filter(({ status }) => status !== 200).length)
  expect(left.length).toBeGreaterThan(0)
  // Whoever was told that others were at it too tries again, and in the end it is one.
  for (const { who, browser } of all) if (left.includes(who.userId)) await browser.mutate('auth.account.deactivate')
  expect(await administrators()).toHaveLength(1)
})

test('T02 nobody is made an administrator who may not sign in: the row stays, and a trace is left', async () => {
  const [{ browser, who: boss }, unproven, disabled] = [await administrator(), await somebody(), await somebody()]
  await ask('UPDATE auth.users SET email_verified_at = NULL WHERE id = $1', [unproven.userId])
  await ask('UPDATE auth.users SET disabled_at = core.clock() WHERE id = $1', [disabled.userId])
  for (const { userId } of [unproven, disabled]) {
    const data = { code: 'FORBIDDEN', httpStatus: 403 }
    expect(toldBy(await browser.mutate('auth.person.setRole', { userId, role: 'ADMIN' }))).toEqual({
      status: 403,
      message: 'This account may not sign in.',
      data,
    })
    const traces = `SELECT actor_id, data FROM core.activity WHERE event = 'auth.person.refused' AND user_id = $1`
    expect(await ask(traces, [userId])).toEqual([{ actor_id: boss.userId, data: { asked: 'setRole', reason: 'MAY_NOT_SIGN_IN' } }])
  }
  expect(await administrators()).toEqual([boss.userId])
})

test.each([
  ['whose address nobody proved', 'email_verified_at = NULL'],
  ['who is disabled', 'disabled_at = core.clock()'],
])('the setup code is there while the only one with the role is one %s, and makes somebody who can administer', async (_what, change) => {
  const nobody = await somebody()
  await ask(`UPDATE auth.users SET role = 'ADMIN', ${change} WHERE id = $1`, [nobody.userId])
  const code = await setUpCode()
  expect(code).toMatch(/^pln_setup_/)
  const email = `boss${randomBytes(6).toString('hex')}@example.com`
  const browser = openBrowser(server.url)
  expect((await browser.mutate('auth.setUp', { code, email, name: 'Boss', password })).data).toEqual({ status: 'READY' })
  await browser.mutate('auth.signIn', { email, password, delivery: 'COOKIE' })
  expect((await browser.query('auth.person.list', {})).status).toBe(200)
  expect(await setUpCode()).toBeNull()
})
