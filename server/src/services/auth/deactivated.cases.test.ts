/** Accounts that were deactivated and not erased yet: administrators keep them out, and of their return and their erasure one comes first. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { makeAdministrator } from '../../../test/applications.ts'
import { openBrowser, toldBy, type Browser } from '../../../test/browser.ts'
import { advance } from '../../../test/clock.ts'
import { query } from '../../../test/database.ts'
import { hold } from '../../../test/held.ts'
import { atOnce } from '../../../test/race.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'
import { person, type Somebody } from '../../../test/teams.ts'
import { claimDueErasures, eraseDueAccounts } from './erasure.ts'

const password = 'correct horse battery staple'
const day = 24 * 60 * 60 * 1000
const hour = 60 * 60 * 1000
const invalid = {
  status: 400,
  message: 'This link is unknown, was used, or is too old.',
  data: { code: 'INVALID_TOKEN', httpStatus: 400 },
}
let server: TestServer
let chief: Somebody
let boss: Browser

beforeAll(async () => {
  server = await startTestServer({ env: { POOL_MAX: '30' } })
  chief = await somebody()
  await makeAdministrator(server, chief)
})
/** The clock goes on by months, and an administrator's session lives for a day. */
beforeEach(async () => {
  boss = openBrowser(server.url)
  await signIn(chief, boss)
})
afterAll(() => server.stop())

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const somebody = () => person(server, `p${randomBytes(6).toString('hex')}`)
const signIn = ({ email }: Somebody, browser = openBrowser(server.url)) =>
  browser.mutate('auth.signIn', { email, password, delivery: 'COOKIE' })
const reactivate = (token: string, browser = openBrowser(server.url)) => browser.mutate('auth.account.reactivate', { token })
const rowOf = async ({ userId }: Somebody) => {
  const columns = 'email, name, deleted_at IS NOT NULL AS gone, disabled_at IS NOT NULL AS disabled, erased_at IS NOT NULL AS erased'
  return (
    await ask<{ email: string; name: string; gone: boolean; disabled: boolean; erased: boolean }>(
      `SELECT ${columns} FROM auth.users WHERE id = $1`,
      [userId],
    )
  )[0]
}

/** Somebody who left, and the token that brings them back. */
async function leaver(): Promise<{ readonly who: Somebody; readonly token: string }> {
  const who = await somebody()
  await who.client.auth.account.deactivate.mutate()
  return { who, token: await server.tokenMailedTo(who.email, /pln_ra_/) }
}

test('S07 a deactivated account is disabled as any: it does not come back by its link before it is restored, and does after', async () => {
  const { who, token } = await leaver()
  const disabled = await boss.mutate('auth.person.disable', { userId: who.userId })
  expect(disabled.data).toMatchObject({ id: who.userId, state: 'DISABLED' })
  expect(toldBy(await reactivate(token))).toEqual(invalid)
  expect(await rowOf(who)).toMatchObject({ gone: true, disabled: true, erased: false })
  expect(await ask(`SELECT actor_id FROM core.activity WHERE event = 'auth.person.disabled' AND user_id = $1`, [who.userId])).toEqual([
    { actor_id: chief.userId },
  ])
  expect((await boss.mutate('auth.person.restore', { userId: who.userId })).data).toMatchObject({ state: 'ACTIVE' })
  expect(await rowOf(who)).toMatchObject({ gone: true, disabled: false })
  expect((await signIn(who)).status).toBe(401)
  expect((await reactivate(token)).data).toEqual({ status: 'REACTIVATED' })
  expect((await signIn(who)).status).toBe(200)
})

test('S07 of a return and twenty disablings at one moment the account is disabled in the end, whichever came first', async () => {
  const { who, token } = await leaver()
  const cookie = { cookie: [...boss.cookies].map((pair) => pair.join('=')).join('; ') }
  const answers = await atOnce(server.url, 21, (browser, index) =>
    index === 10 ? reactivate(token, browser) : browser.mutate('auth.person.disable', { userId: who.userId }, cookie),
  )
  const [back] = answers.splice(10, 1)
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
  if (back?.status !== 200) expect(toldBy(back!)).toEqual(invalid)
  expect(await rowOf(who)).toMatchObject({ gone: back?.status !== 200, disabled: true })
  expect((await signIn(who)).status).toBe(401)
})

test('T15 an account that is erased is nobody to administrators', async () => {
  const { who } = await leaver()
  await advance(server.database.ownerUrl, 30 * day + 1_000)
  await eraseDueAccounts()
  await signIn(chief, boss)
  for (const path of ['auth.person.disable', 'auth.person.restore', 'auth.person.endSessions'])
    expect(toldBy(await boss.mutate(path, { userId: who.userId }))).toEqual({
      status: 404,
      message: 'There is no such person.',
      data: { code: 'NOT_FOUND', httpStatus: 404 },
    })
  expect(await rowOf(who)).toEqual({ email: '', name: '', gone: true, disabled: false, erased: true })
})

test('T15 an account that is just coming back, begun before its end, is not erased', async () => {
  const { who, token } = await leaver()
  await openBrowser(server.url).mutate('auth.signUp', { email: who.email, name: 'A stranger', password })
  await advance(server.database.ownerUrl, 30 * day - 5_000)
  // The return waits where it makes the stranger's sign-up, which nobody has proven, make way.
  await using held = await hold(server.database.ownerUrl, `SELECT FROM auth.users WHERE email = $1 AND deleted_at IS NULL FOR UPDATE`, [
    who.email,
  ])
  const back = reactivate(token)
  await held.waiting(1)
  await advance(server.database.ownerUrl, 10_000)
  await eraseDueAccounts()
  await held.release()
  expect((await back).data).toEqual({ status: 'REACTIVATED' })
  await eraseDueAccounts()
  expect(await rowOf(who)).toEqual({ email: who.email, name: who.name, gone: false, disabled: false, erased: false })
  expect((await signIn(who)).status).toBe(200)
})

test('T15 an account whose erasure has begun does not come back, although its return began before its end', async () => {
  const { who, token } = await leaver()
  await advance(server.database.ownerUrl, 30 * day - 5_000)
  await using held = await hold(server.database.ownerUrl, 'SELECT FROM auth.users WHERE id = $1 FOR NO KEY UPDATE', [who.userId])
  const back = reactivate(token)
  await held.waiting(1)
  await advance(server.database.ownerUrl, 10_000)
  await held.run(claimDueErasures)
  await held.release()
  expect(toldBy(await back)).toEqual(invalid)
  expect(await rowOf(who)).toMatchObject({ email: who.email, gone: true, erased: false })
  await advance(server.database.ownerUrl, hour + 1_000)
  await eraseDueAccounts()
  expect(await rowOf(who)).toEqual({ email: '', name: '', gone: true, disabled: false, erased: true })
})

test('T15 a run that still has an account in hand leaves it alone where it is not due any more', async () => {
  const { who } = await leaver()
  await advance(server.database.ownerUrl, 30 * day + 1_000)
  // The run is about to erase what `profile` holds, with `auth` to follow, when somebody behind the server's back keeps the account.
  await using held = await hold(server.database.ownerUrl, 'SELECT FROM profile.profiles WHERE user_id = $1 FOR UPDATE', [who.userId])
  const erasing = eraseDueAccounts()
  await held.waiting(1)
  await ask('UPDATE auth.users SET erase_after = NULL WHERE id = $1', [who.userId])
  await held.release()
  await erasing
  expect(await rowOf(who)).toMatchObject({ email: who.email, name: who.name, erased: false })
  expect(await ask(`SELECT FROM core.activity WHERE event = 'auth.account.erased' AND user_id = $1`, [who.userId])).toEqual([])
})
