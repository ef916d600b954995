/** What administrators do for who is locked out by a second factor: their own that is lost, or one that somebody else added. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser, toldBy, type Answer, type Browser } from '../../../test/browser.ts'
import { advance } from '../../../test/clock.ts'
import { query } from '../../../test/database.ts'
import { eventually } from '../../../test/outbox.ts'
import { signInBy } from '../../../test/passkeys.ts'
import { comeBy, comeByPlex, everywherePassword as password, personEverywhere } from '../../../test/providers/everywhere.ts'
import { startInstallation, type Installation } from '../../../test/providers/installation.ts'
import { atOnce, cookiesOf } from '../../../test/race.ts'
import { waysInOf } from '../../../test/ways-in.ts'

const nobody = { status: 401, message: 'Sign in first.', data: { code: 'UNAUTHORIZED', httpStatus: 401 } }
let place: Installation
let boss: Browser
let bossId: string
let last = 0

beforeAll(async () => {
  place = await startInstallation()
  ;({ browser: boss, id: bossId } = await administrator())
})
afterAll(() => place?.stop())

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) =>
  query<R>(place.server.database.ownerUrl, sql, values)
const open = () => openBrowser(place.server.url)
const waysIn = (email: string) => waysInOf(place.server.database.ownerUrl, email)
const signIn = (email: string, browser = open()) => browser.mutate('auth.signIn', { email, password, delivery: 'COOKIE' })
const remove = (userId: string, browser: Browser, headers = {}) => browser.mutate('auth.person.removeFactors', { userId }, headers)
const idOf = async (email: string) => (await ask<{ id: string }>('SELECT id FROM auth.users WHERE email = $1', [email]))[0]!.id
const trace = (event: string, userId: string | null) =>
  ask('SELECT actor_id, data FROM core.activity WHERE event = $1 AND user_id IS NOT DISTINCT FROM $2 ORDER BY id', [event, userId])
const statusOf = ({ status, data }: Answer) => [status, (data as { status?: string } | undefined)?.status]

async function administrator() {
  const email = `boss${++last}@example.com`
  const { me } = await place.server.signUpAs(email, { password })
  await ask(`UPDATE auth.users SET role = 'ADMIN' WHERE id = $1`, [me.id])
  const browser = open()
  await signIn(email, browser)
  return { browser, id: me.id, email }
}

/** With every kind of factor, codes, and all that lets one in. The providers and the authenticators are at hand still. */
async function lockedOut() {
  const who = await personEverywhere(place, `out${++last}@example.com`)
  await who.browser.mutate('auth.recoveryCode.regenerate')
  await who.browser.mutate('auth.apiKey.create', { name: 'tool', scopes: ['auth.me'] })
  return { ...who, id: await idOf(who.email) }
}

const alive = (rows: Record<string, unknown>[]) => rows.filter(({ deleted_at }) => deleted_at === null).length

test('an administrator takes a person what they sign in by beside the password, and ends all that lets them in; the person is told', async () => {
  const who = await lockedOut()
  const before = await waysIn(who.email)
  const pending = (await signIn(who.email)).data as { pendingToken: string }
  const answer = await remove(who.id, boss)
  expect([answer.status, answer.data]).toEqual([
    200,
    { id: who.id, email: who.email, name: expect.any(String), role: 'USER', state: 'ACTIVE', createdAt: expect.any(Date) },
  ])
  const after = await waysIn(who.email)
  expect([
    alive(after.passkey),
    after.app.length,
    alive(after.linked),
    after.code.filter(({ purpose }) => purpose === 'RECOVERY_CODE').length,
  ]).toEqual([0, 0, 0, 0])
  expect(after.linked.every(({ sealed_token }) => sealed_token === null)).toBe(true)
  expect([after.user, after.password]).toEqual([before.user, before.password])
  expect([after.session, after.key].map((rows) => rows.filter(({ revoked_at }) => revoked_at === null).length)).toEqual([0, 0])

  expect(toldBy(await who.browser.query('auth.me'))).toEqual(nobody)
  expect((await open().mutate('auth.secondFactor.totp', { pendingToken: pending.pendingToken, code: who.app.code(1) })).status).toBe(401)
  expect((await signInBy(open(), who.key)).status).toBe(401)
  for (const provider of ['company', 'github']) {
    expect(toldBy(await comeBy(place, open(), provider))).toMatchObject({ status: 409, data: { details: { reason: 'SIGN_IN_AND_LINK' } } })
  }
  expect(toldBy(await comeByPlex(place, open()))).toMatchObject({ status: 409, data: { details: { reason: 'NO_EMAIL_ADDRESS' } } })
  expect(statusOf(await signIn(who.email))).toEqual([200, 'SIGNED_IN'])
  expect(await trace('auth.person.factors_removed', who.id)).toEqual([{ actor_id: bossId, data: { passkeys: 1, apps: 1, providers: 3 } }])
  const mail = await eventually(async () =>
    (await place.server.mailsTo(who.email)).find(({ subject }) => subject === 'What you sign in by was taken from your account'),
  )
  expect(mail.text).toContain('If you did not expect it, ask those who run this installation.')
})

test('T02 nobody takes an administrator their factors, not themselves either, and not twenty times at once', async () => {
  const other = await administrator()
  const before = [await waysIn(other.email), await waysIn('boss1@example.com')]
  const refused = {
    status: 403,
    message: 'Nobody takes an administrator their second factors: they are to be a user first.',
    data: { code: 'FORBIDDEN', httpStatus: 403 },
  }
  const answers = await atOnce(place.server.url, 20, (browser, index) =>
    remove(index % 2 === 0 ? other.id : bossId, browser, cookiesOf(boss)),
  )
  for (const answer of answers) expect(toldBy(answer)).toEqual(refused)
  expect([await waysIn(other.email), await waysIn('boss1@example.com')]).toEqual(before)
  expect(await trace('auth.person.refused', other.id)).toEqual(
    Array.from({ length: 10 }, () => ({ actor_id: bossId, data: { asked: 'removeFactors', reason: 'ADMINISTRATOR' } })),
  )
})

test('T01 an id that is nobody’s is NOT_FOUND, and who is no administrator, or has not proven it lately, is kept out', async () => {
  const who = await lockedOut()
  const before = await waysIn(who.email)
  const unknown = { status: 404, message: 'There is no such person.', data: { code: 'NOT_FOUND', httpStatus: 404 } }
  expect(toldBy(await remove('tz4a98xxat96iws9zmbrgj3a', boss))).toEqual(unknown)
  expect(toldBy(await remove(who.id, open()))).toEqual(nobody)
  expect(toldBy(await remove(who.id, who.browser))).toMatchObject({ status: 403, data: { code: 'FORBIDDEN' } })
  await advance(place.server.database.ownerUrl, 10 * 60 * 1000)
  expect(toldBy(await remove(who.id, boss))).toMatchObject({ status: 401, data: { code: 'STEP_UP_REQUIRED' } })
  expect(await waysIn(who.email)).toEqual(before)
})
