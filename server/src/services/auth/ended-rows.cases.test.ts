/** Rows about people that have ended: each is gone thirty days later, unless something would bring it back. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { log } from '#lib/log.ts'
import { joinApplication, newApplication } from '../../../test/applications.ts'
import { newAuthenticator } from '../../../test/authenticator.ts'
import { openBrowser } from '../../../test/browser.ts'
import { advance } from '../../../test/clock.ts'
import { query } from '../../../test/database.ts'
import { night } from '../../../test/night.ts'
import { registerKey, stepUpBy } from '../../../test/passkeys.ts'
import { comeBy, everywherePassword, personEverywhere } from '../../../test/providers/everywhere.ts'
import { publicUrl, startInstallation, type Installation } from '../../../test/providers/installation.ts'
import { joinTeam, newTeam, person } from '../../../test/teams.ts'

let place: Installation
const day = 24 * 60 * 60 * 1000

beforeAll(async () => {
  place = await startInstallation()
})
afterAll(() => place.stop())

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) =>
  query<R>(place.server.database.ownerUrl, sql, values)
const count = async (table: string, where: string, values: unknown[]) =>
  (await ask<{ rows: number }>(`SELECT count(*)::int AS rows FROM ${table} WHERE ${where}`, values))[0]?.rows
const pass = async (ms: number) => {
  await advance(place.server.database.ownerUrl, ms)
  await night()
}

test('what somebody was at a provider, and a passkey, go 30 days after they were taken away, and are counted; those in use stay', async () => {
  const { email, browser } = await personEverywhere(place, 'ivy@example.com')
  const [user] = await ask<{ id: string }>('SELECT id FROM auth.users WHERE email = $1', [email])
  const rows = async () => [
    (await ask<{ provider: string }>('SELECT provider FROM auth.oauth_accounts WHERE user_id = $1 ORDER BY provider', [user?.id])).map(
      ({ provider }) => provider,
    ),
    await count('auth.passkeys', 'user_id = $1', [user?.id]),
  ]
  const [company] = await ask<{ id: string }>(`SELECT id FROM auth.oauth_accounts WHERE user_id = $1 AND provider = 'company'`, [user?.id])
  const unlinked = await browser.mutate('auth.provider.unlink', { id: company?.id })
  expect([unlinked.status, unlinked.data]).toEqual([200, { status: 'UNLINKED' }])
  const [passkey] = await ask<{ id: string }>('SELECT id FROM auth.passkeys WHERE user_id = $1', [user?.id])
  expect((await browser.mutate('auth.passkey.remove', { id: passkey?.id })).data).toEqual({ status: 'REMOVED' })
  await pass(30 * day - 60_000)
  expect(await rows()).toEqual([['company', 'github', 'plex'], 1])
  const reported = vi.spyOn(log, 'info')
  await pass(120_000)
  expect(await rows()).toEqual([['github', 'plex'], 0])
  expect(reported).toHaveBeenCalledWith({ removed: { unlinkedAccounts: 1, removedPasskeys: 1, removedPasswords: 0 } }, expect.any(String))
  reported.mockRestore()
})

test('the ways in of who has left stay while the account may come back', async () => {
  const { email, me } = await place.server.signUpAs('jim@example.com', { password: everywherePassword })
  const browser = openBrowser(place.server.url)
  await browser.mutate('auth.signIn', { email, password: everywherePassword, delivery: 'COOKIE' })
  place.company.person = { sub: email, email, email_verified: true }
  expect((await comeBy(place, browser, 'company', 'auth.provider.link')).status).toBe(200)
  const key = newAuthenticator({ origin: publicUrl })
  expect((await registerKey(browser, key, 'a key')).status).toBe(200)
  await stepUpBy(browser, key)
  expect((await browser.mutate('auth.account.deactivate')).status).toBe(200)
  // A clock of another process may be ahead of the database's, and the marks of a deletion are of that one.
  for (const table of ['oauth_accounts', 'passkeys', 'passwords'])
    await ask(`UPDATE auth.${table} SET deleted_at = deleted_at - interval '1 hour' WHERE user_id = $1`, [me.id])
  await pass(30 * day - 60_000)
  for (const table of ['oauth_accounts', 'passkeys', 'passwords'])
    expect.soft(await count(`auth.${table}`, 'user_id = $1', [me.id])).toBe(1)
})

test('a membership goes 30 days after it ended, with the keys that were made for it; what an application took along with it stays', async () => {
  const [owner, kim] = [await person(place.server, 'Olga'), await person(place.server, 'Kim')]
  const [application, deleted] = [await newApplication(owner), await newApplication(owner)]
  const { id: membershipId } = await joinApplication(place.server, { inviter: owner, invited: kim, application, role: 'USER' })
  await joinApplication(place.server, { inviter: owner, invited: kim, application: deleted, role: 'USER' })
  await kim.client.auth.apiKey.create.mutate({ name: 'tool', scopes: ['auth.me'], applicationId: application.id })
  await kim.client.auth.membership.remove.mutate({ applicationId: application.id, membershipId })
  await owner.client.auth.application.delete.mutate({ applicationId: deleted.id })
  const ofKim = () =>
    ask<{ application: string }>('SELECT application_id AS application FROM auth.memberships WHERE user_id = $1 ORDER BY created_at', [
      kim.userId,
    ])
  await pass(30 * day - 60_000)
  expect(await ofKim()).toEqual([{ application: application.id }, { application: deleted.id }])
  await pass(120_000)
  expect(await ofKim()).toEqual([{ application: deleted.id }])
  expect(await count('auth.memberships', 'application_id = $1', [application.id])).toBe(1)
})

test('invitations to teams go 30 days after they expired, accepted ones too, and so does a membership that ended; those of a deleted team stay', async () => {
  const [owner, lea] = [await person(place.server, 'Otto'), await person(place.server, 'Lea')]
  const [team, deleted] = [await newTeam(owner), await newTeam(owner)]
  await joinTeam(place.server, owner, lea, team, 'MEMBER')
  await joinTeam(place.server, owner, lea, deleted, 'MEMBER')
  await owner.client.teams.invitation.create.mutate({ teamId: team.id, email: 'waiting@example.com', role: 'MEMBER' })
  await owner.client.teams.member.remove.mutate({ teamId: team.id, userId: lea.userId })
  await owner.client.teams.delete.mutate({ teamId: deleted.id })
  const kept = async () => [
    await count('teams.invitations', 'team_id = ANY ($1::uuid[])', [[team.id, deleted.id]]),
    await count('teams.members', 'team_id = $1', [team.id]),
    await count('teams.members', 'team_id = $1', [deleted.id]),
  ]
  await pass(30 * day - 60_000)
  expect(await kept()).toEqual([3, 2, 2])
  const reported = vi.spyOn(log, 'info')
  await pass(120_000)
  expect(await kept()).toEqual([3, 1, 2])
  await pass(7 * day)
  expect(await kept()).toEqual([0, 1, 2])
  expect(reported).toHaveBeenCalledWith({ removed: { teamInvitations: 0, endedTeamMembers: 1 } }, expect.any(String))
  expect(reported).toHaveBeenCalledWith({ removed: { teamInvitations: 3, endedTeamMembers: 0 } }, expect.any(String))
  reported.mockRestore()
})
