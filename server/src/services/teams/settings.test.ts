import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { refusal } from '../../../test/refusal.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'
import { activityOf, invitationToken, joinTeam, newTeam, person, query, type Somebody } from '../../../test/teams.ts'

let server: TestServer
let anna: Somebody
let ben: Somebody

beforeAll(async () => {
  server = await startTestServer()
  ;[anna, ben] = [await person(server, 'Anna'), await person(server, 'Ben')]
})
afterAll(() => server.stop())

describe('the settings of a team', () => {
  test('what was never set, or is not known any more, has its default, and only what is given changes', async () => {
    const { id: teamId } = await newTeam(anna)
    const settings = () => anna.client.teams.settings.get.query({ teamId })
    expect(await settings()).toEqual({ defaultRole: 'MEMBER', adminsInvite: true })
    const changed = { defaultRole: 'VIEWER', adminsInvite: true }
    expect(await anna.client.teams.settings.update.mutate({ teamId, defaultRole: 'VIEWER' })).toEqual(changed)
    expect(await settings()).toEqual(changed)
    await query(server, `UPDATE teams.teams SET settings = '{"defaultRole": "GUEST", "adminsInvite": false, "more": 1}' WHERE id = $1`, [
      teamId,
    ])
    expect(await settings()).toEqual({ defaultRole: 'MEMBER', adminsInvite: false })
  })

  test('changes of different settings at the same moment are all kept', async () => {
    const { id: teamId } = await newTeam(anna)
    const update = anna.client.teams.settings.update.mutate
    await Promise.all([update({ teamId, defaultRole: 'VIEWER' }), update({ teamId, adminsInvite: false }), update({ teamId })])
    expect(await anna.client.teams.settings.get.query({ teamId })).toEqual({ defaultRole: 'VIEWER', adminsInvite: false })
  })

  test('the default role is what an invitation without one offers', async () => {
    const { id: teamId } = await newTeam(anna)
    await anna.client.teams.settings.update.mutate({ teamId, defaultRole: 'VIEWER' })
    expect(await anna.client.teams.invitation.create.mutate({ teamId, email: 'new@example.com' })).toMatchObject({ role: 'VIEWER' })
  })

  test('where admins may not invite, owners alone do, and what an admin gave before is not good any more', async () => {
    const team = await newTeam(anna)
    const teamId = team.id
    await joinTeam(server, anna, ben, team, 'ADMIN')
    const cara = await person(server, 'Cara')
    await ben.client.teams.invitation.create.mutate({ teamId, email: cara.email })
    const token = await invitationToken(server, cara.email, team.name)
    await anna.client.teams.settings.update.mutate({ teamId, adminsInvite: false })
    const asked = { teamId, email: 'new@example.com' }
    expect(await refusal(ben.client.teams.invitation.create.mutate(asked))).toMatchObject({ code: 'FORBIDDEN' })
    expect(await refusal(ben.client.teams.settings.update.mutate({ teamId, adminsInvite: true }))).toMatchObject({ code: 'FORBIDDEN' })
    expect(await refusal(cara.client.teams.invitation.accept.mutate({ token }))).toMatchObject({ code: 'INVALID_TOKEN' })
    await anna.client.teams.invitation.create.mutate(asked)
    expect(await activityOf(server, teamId)).toContainEqual(
      expect.objectContaining({ event: 'teams.team.update_refused', actor_id: ben.userId }),
    )
  })
})

describe('the billing contact', () => {
  const contact = { name: 'Accounts', email: 'Accounts@example.com', address: '1 Main Street\nSpringfield', taxId: null }

  test('owners set it and see it, nobody else does, and the log tells nothing that stands in it', async () => {
    const team = await newTeam(anna)
    const teamId = team.id
    await joinTeam(server, anna, ben, team, 'ADMIN')
    const get = (somebody: Somebody) => somebody.client.teams.billingContact.get.query({ teamId })
    expect(await get(anna)).toBeNull()
    await anna.client.teams.billingContact.set.mutate({ teamId, ...contact })
    await anna.client.teams.billingContact.set.mutate({ teamId, ...contact, taxId: 'CHE-123' })
    expect(await get(anna)).toEqual({ ...contact, email: 'accounts@example.com', taxId: 'CHE-123' })
    expect(await refusal(get(ben))).toMatchObject({ code: 'FORBIDDEN' })
    expect(await refusal(ben.client.teams.billingContact.set.mutate({ teamId, ...contact }))).toMatchObject({ code: 'FORBIDDEN' })
    const updates = (await activityOf(server, teamId)).filter(({ event }) => event === 'teams.team.updated')
    expect(updates.map(({ data }) => data)).toEqual([{ fields: ['billingContact'] }, { fields: ['billingContact'] }])
  })

  test('set many times at once it is one, and it goes and comes back with the team', async () => {
    const { id: teamId } = await newTeam(anna)
    const set = () => anna.alone().teams.billingContact.set.mutate({ teamId, ...contact })
    await Promise.all(Array.from({ length: 20 }, set))
    const living = () => query(server, 'SELECT 1 FROM teams.billing_contacts WHERE team_id = $1 AND deleted_at IS NULL', [teamId])
    expect(await living()).toHaveLength(1)
    await anna.client.teams.delete.mutate({ teamId })
    expect(await living()).toHaveLength(0)
    await anna.client.teams.restore.mutate({ teamId })
    expect(await living()).toHaveLength(1)
  })
})
