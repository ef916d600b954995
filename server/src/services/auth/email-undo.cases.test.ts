/** Whoever carried an account away may have set and added what they liked. The link of the old address leaves none of it. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { enrolApp, type AuthenticatorApp } from '../../../test/authenticator-app.ts'
import { newAuthenticator, type Authenticator } from '../../../test/authenticator.ts'
import { openBrowser, toldBy, type Answer, type Browser } from '../../../test/browser.ts'
import { query } from '../../../test/database.ts'
import { eventually } from '../../../test/outbox.ts'
import { registerKey, signInBy, stepUpBy } from '../../../test/passkeys.ts'
import { comeBy, comeByPlex } from '../../../test/providers/everywhere.ts'
import { publicUrl, startInstallation, type Installation } from '../../../test/providers/installation.ts'

const password = 'nine lazy otters hum'
const thiefs = 'ten brisk herons wade'
const wrongPassword = {
  status: 401,
  message: 'The email address or the password is wrong.',
  data: { code: 'UNAUTHORIZED', httpStatus: 401 },
}
let place: Installation
let last = 0

beforeAll(async () => {
  place = await startInstallation()
})
afterAll(() => place?.stop())

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) =>
  query<R>(place.server.database.ownerUrl, sql, values)
const open = () => openBrowser(place.server.url)
const signIn = (email: string, given: string, browser = open()) =>
  browser.mutate('auth.signIn', { email, password: given, delivery: 'COOKIE' })
const newKey = () => newAuthenticator({ origin: publicUrl })
const statusOf = ({ status, data }: Answer) => [status, (data as { status?: string } | undefined)?.status]
const mailed = (email: string, kind: string) =>
  eventually(async () =>
    (await place.server.mailsTo(email))
      .map(({ text }) => new RegExp(`#token=(${kind}[\\w-]{43})`).exec(text)?.[1])
      .find((token) => token !== undefined),
  )

interface Carried {
  readonly id: string
  readonly email: string
  /** The address that the account is to have. */
  readonly to: string
  /** Signed in, fresh. */
  readonly thief: Browser
}

/** An account whose address a thief asks to change, to one of their own. `before` is done with it first. */
async function carried(before: (browser: Browser) => Promise<unknown> = async () => undefined): Promise<Carried> {
  const [email, to] = [`owner${++last}@example.com`, `thief${last}@example.com`]
  const { me } = await place.server.signUpAs(email, { password })
  const thief = open()
  await signIn(email, password, thief)
  await before(thief)
  expect((await thief.mutate('auth.email.requestChange', { email: to })).status).toBe(200)
  return { id: me.id, email, to, thief }
}

/** Both links are followed: the thief reads the old mailbox for a moment, or its owner was talked into it. */
async function arrive({ email, to, thief }: Carried): Promise<void> {
  await open().mutate('auth.email.approveChange', { token: await mailed(email, 'pln_ea_') })
  expect(statusOf(await thief.mutate('auth.email.confirmChange', { token: await mailed(to, 'pln_ep_') }))).toEqual([200, 'CHANGED'])
}

const undo = async ({ email }: Carried) =>
  expect(statusOf(await open().mutate('auth.email.undoChange', { token: await mailed(email, 'pln_eu_') }))).toEqual([200, 'UNDONE'])

const chooseAnother = async ({ thief }: Carried) =>
  expect((await thief.mutate('auth.password.change', { currentPassword: password, password: thiefs })).status).toBe(200)

/** What is left to sign in by, as the database has it. */
const left = async ({ id }: Carried) =>
  (
    await ask<{ what: string }>(
      `SELECT 'password' AS what FROM auth.passwords WHERE user_id = $1 AND deleted_at IS NULL
       UNION ALL SELECT 'passkey ' || name FROM auth.passkeys WHERE user_id = $1 AND deleted_at IS NULL
       UNION ALL SELECT 'app' FROM auth.totp_factors WHERE user_id = $1 AND deleted_at IS NULL
       UNION ALL SELECT provider FROM auth.oauth_accounts WHERE user_id = $1 AND deleted_at IS NULL
       UNION ALL SELECT 'codes' FROM auth.verification_tokens WHERE user_id = $1 AND purpose = 'RECOVERY_CODE' GROUP BY 1
       ORDER BY 1`,
      [id],
    )
  ).map(({ what }) => what)

test('R12 what was set and added since a change was asked for goes when it is taken back, and nobody signs in by it', async () => {
  const who = await carried()
  await arrive(who)
  await chooseAnother(who)
  const key = newKey()
  expect((await registerKey(who.thief, key, 'thief')).status).toBe(200)
  expect((await stepUpBy(who.thief, key)).status).toBe(200)
  await enrolApp(who.thief)
  expect((await who.thief.mutate('auth.recoveryCode.regenerate')).status).toBe(200)
  expect(statusOf(await comeByPlex(place, who.thief, 'auth.plex.link'))).toEqual([200, 'LINKED'])
  expect(await left(who)).toEqual(['app', 'codes', 'passkey thief', 'password', 'plex'])

  await undo(who)
  expect(await left(who)).toEqual([])
  expect(toldBy(await signIn(who.email, thiefs))).toEqual(wrongPassword)
  expect((await signInBy(open(), key)).status).toBe(401)
  expect(toldBy(await comeByPlex(place, open()))).toMatchObject({ status: 409, data: { details: { reason: 'NO_EMAIL_ADDRESS' } } })
  expect(toldBy(await signIn(who.email, password))).toEqual(wrongPassword)

  await open().mutate('auth.password.requestReset', { email: who.email })
  const token = await place.server.tokenMailedTo(who.email, /pln_r_/)
  expect((await open().mutate('auth.password.reset', { token, password })).status).toBe(200)
  expect(statusOf(await signIn(who.email, password))).toEqual([200, 'SIGNED_IN'])
})

test('R12 what was set between the request and the change goes, too', async () => {
  const who = await carried()
  await chooseAnother(who)
  expect((await registerKey(who.thief, newKey(), 'thief')).status).toBe(200)
  await arrive(who)
  await undo(who)
  expect(await left(who)).toEqual([])
})

test('R12 what was there before a change was asked for stays, and is asked for still', async () => {
  const own: Authenticator = newKey()
  let app: AuthenticatorApp | undefined
  const who = await carried(async (browser) => {
    place.company.person = { sub: 'the owner', email: 'owner@company.example', email_verified: true }
    expect(statusOf(await comeBy(place, browser, 'company', 'auth.provider.link'))).toEqual([200, 'LINKED'])
    expect((await registerKey(browser, own, 'owner')).status).toBe(200)
    expect((await stepUpBy(browser, own)).status).toBe(200)
    app = await enrolApp(browser)
  })
  await arrive(who)
  const thiefsApp = await enrolApp(who.thief)
  await undo(who)
  expect(await left(who)).toEqual(['app', 'company', 'passkey owner', 'password'])
  const completes = async (code = '') => {
    const { pendingToken } = (await signIn(who.email, password)).data as { pendingToken: string }
    return (await open().mutate('auth.secondFactor.totp', { pendingToken, code })).status
  }
  expect(await completes(thiefsApp.code(1))).toBe(401)
  expect(await completes(app?.code(1))).toBe(200)
})

test('R12 the links that were mailed to the address of the thief end nothing of the owner’s afterwards', async () => {
  const who = await carried()
  await arrive(who)
  expect((await registerKey(who.thief, newKey(), 'thief')).status).toBe(200)
  const thiefsLink = await mailed(who.to, 'pln_fu_')
  await undo(who)
  await open().mutate('auth.password.requestReset', { email: who.email })
  await open().mutate('auth.password.reset', { token: await place.server.tokenMailedTo(who.email, /pln_r_/), password })
  const owner = open()
  await signIn(who.email, password, owner)
  expect(toldBy(await open().mutate('auth.account.undoFactor', { token: thiefsLink }))).toEqual({
    status: 400,
    message: 'This link is unknown, was used, or is too old.',
    data: { code: 'INVALID_TOKEN', httpStatus: 400 },
  })
  expect((await owner.query('auth.me')).status).toBe(200)
})
