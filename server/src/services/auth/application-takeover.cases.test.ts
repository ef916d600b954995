/** Whose an application is, is for its owners to say who have just proven themselves: not for an open browser, not for a key that leaked. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { joinApplication, newApplication, type Application, type Membership } from '../../../test/applications.ts'
import { enrolApp } from '../../../test/authenticator-app.ts'
import { openBrowser, toldBy, type Browser } from '../../../test/browser.ts'
import { advance } from '../../../test/clock.ts'
import { query } from '../../../test/database.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'
import { person, type Somebody } from '../../../test/teams.ts'

const password = 'correct horse battery staple'
const minute = 60_000
let server: TestServer

beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const by = (token: string): Browser => openBrowser(server.url, { authorization: `Bearer ${token}` })
const somebody = () => person(server, `p${randomBytes(6).toString('hex')}`)
const stale = (methods: string[]) => {
  const data = { code: 'STEP_UP_REQUIRED', httpStatus: 401, details: { methods } }
  return { status: 401, message: 'Prove once more who you are.', data }
}
const forbidden = (message: string) => ({ status: 403, message, data: { code: 'FORBIDDEN', httpStatus: 403 } })
const notByKey = forbidden('An API key may not do this.')

interface Cast {
  readonly owner: Somebody
  readonly application: Application
  readonly other: Membership
  readonly admin: Membership
  readonly user: Membership
  /** A key of the owner's for everything that keys may do. */
  readonly key: Browser
}

/** An application of somebody's with another owner, an admin and a user. */
async function newCast(): Promise<Cast> {
  const owner = await somebody()
  const application = await newApplication(owner)
  const join = async (role: Application['role']) =>
    joinApplication(server, { inviter: owner, invited: await somebody(), application, role })
  const [other, admin, user] = [await join('OWNER'), await join('ADMIN'), await join('USER')]
  const { key } = await owner.client.auth.apiKey.create.mutate({ name: 'ci', scopes: ['auth.*'] })
  return { owner, application, other, admin, user, key: by(key) }
}

/** The session that the person found open, eleven minutes after it was proven. */
async function openedBefore({ token }: Somebody): Promise<Browser> {
  await advance(server.database.ownerUrl, 11 * minute)
  return by(token)
}

const people = async ({ id }: Application) =>
  ask('SELECT id, role, active, deleted_at FROM auth.memberships WHERE application_id = $1 ORDER BY id', [id])
const invited = async ({ id }: Application, email: string) =>
  ask('SELECT role FROM auth.application_invitations WHERE application_id = $1 AND email = $2', [id, email])
const traces = async ({ id }: Application) =>
  ask(`SELECT data->>'asked' AS asked FROM core.activity WHERE data->>'applicationId' = $1 AND data->>'reason' = 'UNPROVEN' ORDER BY id`, [
    id,
  ])

test('T02 an owner’s session that was proven eleven minutes ago invites users, and neither owners nor admins before it is proven anew', async () => {
  const { owner, application } = await newCast()
  const found = await openedBefore(owner)
  const applicationId = application.id
  const invite = (role: string) =>
    found.mutate('auth.applicationInvitation.create', { applicationId, email: `evil.${role}@example.com`.toLowerCase(), role })
  for (const role of ['OWNER', 'ADMIN']) {
    expect(toldBy(await invite(role))).toEqual(stale(['PASSWORD']))
    expect(await invited(application, `evil.${role}@example.com`.toLowerCase())).toEqual([])
  }
  expect((await invite('USER')).status).toBe(200)
  expect(await traces(application)).toEqual([{ asked: 'invite' }, { asked: 'invite' }])
  expect(await server.mailsTo('evil.owner@example.com')).toEqual([])
  const { data } = await found.mutate('auth.stepUp.password', { password })
  const proven = by((data as { token: string }).token)
  const again = await proven.mutate('auth.applicationInvitation.create', { applicationId, email: 'heir@example.com', role: 'OWNER' })
  expect(again.data).toMatchObject({ role: 'OWNER' })
})

test('T02 a key invites users, and nobody who would manage the application', async () => {
  const { application, key } = await newCast()
  const invite = (role: string) =>
    key.mutate('auth.applicationInvitation.create', { applicationId: application.id, email: 'evil@example.com', role })
  for (const role of ['OWNER', 'ADMIN']) expect(toldBy(await invite(role))).toEqual(notByKey)
  expect(await invited(application, 'evil@example.com')).toEqual([])
  expect((await invite('USER')).status).toBe(200)
  expect(await traces(application)).toEqual([{ asked: 'invite' }, { asked: 'invite' }])
})

test('T02 a fresh password is not enough of a proof where its owner has a second factor', async () => {
  const { owner, application } = await newCast()
  const browser = openBrowser(server.url)
  await browser.mutate('auth.signIn', { email: owner.email, password, delivery: 'COOKIE' })
  await enrolApp(browser)
  const invite = { applicationId: application.id, email: 'heir@example.com', role: 'OWNER' }
  expect(toldBy(await by(owner.token).mutate('auth.applicationInvitation.create', invite))).toEqual(stale(['TOTP']))
  expect((await browser.mutate('auth.applicationInvitation.create', invite)).status).toBe(200)
})

test('T02 a key, and a session that was proven eleven minutes ago, remove, suspend and bring back users, and no owner and no admin', async () => {
  const { owner, application, other, admin, user, key } = await newCast()
  const found = await openedBefore(owner)
  const applicationId = application.id
  await ask('UPDATE auth.memberships SET active = false WHERE id = $1', [admin.id])
  const before = await people(application)
  for (const [browser, answer] of [[found, stale(['PASSWORD'])] as const, [key, notByKey] as const]) {
    const update = ({ id: membershipId }: Membership, active: boolean) =>
      browser.mutate('auth.membership.update', { applicationId, membershipId, version: 1, active })
    const remove = ({ id: membershipId }: Membership) => browser.mutate('auth.membership.remove', { applicationId, membershipId })
    for (const call of [() => update(other, false), () => remove(other), () => update(admin, true), () => remove(admin)])
      expect(toldBy(await call())).toEqual(answer)
  }
  expect(await people(application)).toEqual(before)
  const metadata = { seats: 3 }
  const kept = await key.mutate('auth.membership.update', { applicationId, membershipId: other.id, version: 1, metadata })
  expect(kept.data).toMatchObject({ metadata, active: true })
  const suspended = await found.mutate('auth.membership.update', { applicationId, membershipId: user.id, version: 1, active: false })
  expect(suspended.data).toMatchObject({ active: false })
  expect((await key.mutate('auth.membership.remove', { applicationId, membershipId: user.id })).status).toBe(200)
})

test('an owner leaves by a session that was proven eleven minutes ago: that is theirs alone', async () => {
  const { owner, application } = await newCast()
  const found = await openedBefore(owner)
  const applicationId = application.id
  const [own] = await ask<{ id: string }>('SELECT id FROM auth.memberships WHERE application_id = $1 AND user_id = $2', [
    applicationId,
    owner.userId,
  ])
  expect((await found.mutate('auth.membership.remove', { applicationId, membershipId: own?.id })).status).toBe(200)
})

test('T02 where people are sent back to is changed by an owner who proved themselves lately, and by no key', async () => {
  const { owner, application, key } = await newCast()
  const found = await openedBefore(owner)
  const change = { applicationId: application.id, version: 1, redirectUris: ['https://evil.example/cb'] }
  expect(toldBy(await found.mutate('auth.application.update', change))).toEqual(stale(['PASSWORD']))
  expect(toldBy(await key.mutate('auth.application.update', change))).toEqual(forbidden('This API key may not call this procedure.'))
  expect(await ask('SELECT redirect_uris, version FROM auth.applications WHERE id = $1', [application.id])).toEqual([
    { redirect_uris: [], version: 1 },
  ])
  const { data } = await found.mutate('auth.stepUp.password', { password })
  expect((await by((data as { token: string }).token).mutate('auth.application.update', change)).status).toBe(200)
})
