import type { AnyTRPCProcedure, AnyTRPCRouter } from '@trpc/server'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newApplication } from '../../../test/applications.ts'
import { openBrowser, toldBy } from '../../../test/browser.ts'
import { query } from '../../../test/database.ts'
import { eventually } from '../../../test/outbox.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'
import { newTeam, person, type Somebody } from '../../../test/teams.ts'
import { wholeState } from '../../../test/whole-state.ts'
import { appRouter } from '../../router.ts'
import { definitionOf } from '../../trpc/seal.ts'

let server: TestServer
let anna: Somebody
let ben: Somebody

beforeAll(async () => {
  server = await startTestServer()
  anna = await person(server, 'Anna')
  ben = await person(server, 'Ben')
})
afterAll(() => server.stop())

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const by = (credential: string) => openBrowser(server.url, { authorization: `Bearer ${credential}` })
const refused = {
  status: 403,
  message: 'Verify your email address first.',
  data: { code: 'EMAIL_NOT_VERIFIED', httpStatus: 403 },
}

/** Nobody signs in to an account that is not proven: this one was, and then never was. */
async function proven(is: boolean): Promise<void> {
  await ask('UPDATE auth.users SET email_verified_at = CASE WHEN $2 THEN now() END WHERE id = $1', [ben.userId, is])
  await ask(`SELECT pg_notify('plinth_revoked', 'u:' || $1)`, [ben.userId])
  await eventually(async () => (await ben.client.auth.me.query()).emailVerified === is)
}

/** Everything that is kept, but for when keys were used last. */
const kept = async () => ({
  ...(await wholeState(server.database.ownerUrl)),
  'auth.api_keys': await ask('SELECT id, revoked_at FROM auth.api_keys ORDER BY id'),
})

/** What stays open to such an account: to look at itself, to end what it has, and to prove who it is. */
const stays =
  /^auth\.(me$|account\.|session\.|stepUp\.|totp\.|recoveryCode\.|passkey\.|password\.change$|email\.|plex\.link$|provider\.|apiKey\.(list|revoke)$)/

test('A17 who has not proven the address makes nothing: every other procedure says so, and nothing changes', async () => {
  await proven(false)
  const before = await kept()
  const closed: string[] = []
  for (const [procedure, built] of Object.entries<AnyTRPCProcedure>((appRouter as AnyTRPCRouter)._def.procedures)) {
    const { type, meta } = definitionOf(built)
    if (meta?.access === 'anyone' || type === 'subscription') continue
    const browser = by(ben.token)
    const answer = type === 'query' ? await browser.query(procedure, {}) : await browser.mutate(procedure, {})
    if (answer.error?.data.code === 'EMAIL_NOT_VERIFIED') closed.push(procedure)
    if (!stays.test(procedure)) expect(toldBy(answer), procedure).toEqual(refused)
  }
  expect(closed).toEqual(expect.arrayContaining(makings))
  expect(await kept()).toEqual(before)
  await proven(true)
})

/** What makes something: whatever else there comes to be, these are closed. */
const makings = [
  'auth.apiKey.create',
  'auth.application.create',
  'auth.application.restore',
  'auth.applicationInvitation.accept',
  'auth.applicationInvitation.create',
  'auth.applicationSecret.create',
  'auth.membership.grant',
  'profile.update',
  'teams.create',
  'teams.invitation.accept',
  'teams.invitation.create',
  'teams.restore',
]

test('A17 an invitation waits until its address is proven, and a key opens nothing meanwhile', async () => {
  const [team, application] = [await newTeam(anna), await newApplication(anna)]
  await anna.client.teams.invitation.create.mutate({ teamId: team.id, email: ben.email, role: 'MEMBER' })
  await anna.client.auth.applicationInvitation.create.mutate({ applicationId: application.id, email: ben.email, role: 'USER' })
  const { key } = await ben.client.auth.apiKey.create.mutate({ name: 'laptop', scopes: ['teams.*'], expiresInDays: 30 })
  const invitations = {
    'teams.invitation.accept': await server.tokenMailedTo(ben.email, /to the team/),
    'auth.applicationInvitation.accept': await server.tokenMailedTo(ben.email, /to the application/),
  }
  await proven(false)
  const before = await kept()
  for (const [procedure, token] of Object.entries(invitations))
    expect(toldBy(await by(ben.token).mutate(procedure, { token }))).toEqual(refused)
  expect(toldBy(await by(key).query('teams.list', {}))).toEqual(refused)
  expect(toldBy(await by(key).mutate('teams.create', { name: 'X', slug: 'x-team' }))).toEqual(refused)
  const asked = await by(ben.token).mutate('auth.apiKey.create', { name: 'x', scopes: ['teams.*'], expiresInDays: 30 })
  expect(toldBy(asked)).toEqual(refused)
  expect(await kept()).toEqual(before)
  await proven(true)
  for (const [procedure, token] of Object.entries(invitations))
    expect([procedure, (await by(ben.token).mutate(procedure, { token })).status]).toEqual([procedure, 200])
  expect((await by(key).query('teams.list', {})).status).toBe(200)
})
