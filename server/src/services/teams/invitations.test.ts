import { InvitationId } from '@plinth/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { advance } from '../../../test/clock.ts'
import { eventually } from '../../../test/outbox.ts'
import { refusal } from '../../../test/refusal.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'
import { activityOf, invitationToken, joinTeam, newTeam, person, query, type Somebody, type Team } from '../../../test/teams.ts'

const day = 24 * 60 * 60 * 1000

let server: TestServer
let anna: Somebody
let ben: Somebody
let cara: Somebody
let team: Team

beforeAll(async () => {
  server = await startTestServer()
  ;[anna, ben, cara] = [await person(server, 'Anna'), await person(server, 'Ben'), await person(server, 'Cara')]
})
afterAll(() => server.stop())

async function invite(email: string, role: Team['role'] = 'MEMBER', inviter = anna): Promise<string> {
  await inviter.client.teams.invitation.create.mutate({ teamId: team.id, email, role })
  return invitationToken(server, email, team.name)
}

/** What names the invitation of this address, ended or not, for whoever deals with it. */
async function waiting(email: string) {
  const [row] = await query<{ id: string }>(
    server,
    'SELECT id FROM teams.invitations WHERE team_id = $1 AND email = $2 AND deleted_at IS NULL AND accepted_at IS NULL',
    [team.id, email],
  )
  return { teamId: team.id, invitationId: InvitationId.of(row?.id ?? '') }
}

describe('invitations', () => {
  test('the invited person joins in the role of the invitation', async () => {
    team = await newTeam(anna)
    const token = await invite(ben.email, 'VIEWER')
    expect(await ben.client.teams.invitation.accept.mutate({ token })).toMatchObject({ id: team.id, name: team.name, role: 'VIEWER' })
    expect((await anna.client.teams.member.list.query({ teamId: team.id })).items).toMatchObject([
      { name: 'Anna', role: 'OWNER' },
      { name: 'Ben', email: ben.email, role: 'VIEWER' },
    ])
    expect((await anna.client.teams.invitation.list.query({ teamId: team.id })).items).toEqual([])
  })

  test('an invitation is for its address alone; whoever else tries leaves a trace, and the link stays good', async () => {
    team = await newTeam(anna)
    const token = await invite(ben.email)
    expect(await refusal(cara.client.teams.invitation.accept.mutate({ token }))).toMatchObject({ code: 'FORBIDDEN' })
    expect(await activityOf(server, team.id)).toContainEqual(
      expect.objectContaining({
        event: 'teams.invitation.refused',
        actor_id: cara.userId,
        data: expect.objectContaining({ reason: 'ADDRESS' }),
      }),
    )
    await ben.client.teams.invitation.accept.mutate({ token })
  })

  test('a link works once, of twenty parallel tries too, and the used link leaves a trace', async () => {
    team = await newTeam(anna)
    const token = await invite(ben.email)
    const tries = await Promise.allSettled(Array.from({ length: 20 }, () => ben.alone().teams.invitation.accept.mutate({ token })))
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect((await activityOf(server, team.id)).filter(({ event }) => event === 'teams.invitation.accepted')).toHaveLength(1)
    expect(await refusal(ben.client.teams.invitation.accept.mutate({ token }))).toMatchObject({ code: 'INVALID_TOKEN' })
    const traces = await query(server, `SELECT data FROM core.activity WHERE event = 'teams.invitation.refused' AND actor_id = $1`, [
      ben.userId,
    ])
    expect(traces).toContainEqual({ data: { invitationId: null, reason: 'TOKEN' } })
  })

  test('inviting again ends the older link', async () => {
    team = await newTeam(anna)
    const older = await invite(ben.email)
    await anna.client.teams.invitation.create.mutate({ teamId: team.id, email: ben.email, role: 'ADMIN' })
    expect(await refusal(ben.client.teams.invitation.accept.mutate({ token: older }))).toMatchObject({ code: 'INVALID_TOKEN' })
    expect((await anna.client.teams.invitation.list.query({ teamId: team.id })).items).toMatchObject([{ email: ben.email, role: 'ADMIN' }])
  })

  test('nobody invites to more than they are, and members invite nobody', async () => {
    team = await newTeam(anna)
    await joinTeam(server, anna, ben, team, 'ADMIN')
    await joinTeam(server, anna, cara, team, 'MEMBER')
    const asked = { teamId: team.id, email: 'new@example.com' }
    expect(await refusal(ben.client.teams.invitation.create.mutate({ ...asked, role: 'OWNER' }))).toMatchObject({ code: 'FORBIDDEN' })
    expect(await refusal(cara.client.teams.invitation.create.mutate({ ...asked, role: 'VIEWER' }))).toMatchObject({ code: 'FORBIDDEN' })
    expect(await refusal(cara.client.teams.invitation.list.query({ teamId: team.id }))).toMatchObject({ code: 'FORBIDDEN' })
    await ben.client.teams.invitation.create.mutate({ ...asked, role: 'ADMIN' })
  })

  test('what an inviter may no longer give, they have not given', async () => {
    team = await newTeam(anna)
    await joinTeam(server, anna, ben, team, 'OWNER')
    const token = await invite(cara.email, 'OWNER', ben)
    await anna.client.teams.member.changeRole.mutate({ teamId: team.id, userId: ben.userId, role: 'VIEWER' })
    expect(await refusal(cara.client.teams.invitation.accept.mutate({ token }))).toMatchObject({ code: 'INVALID_TOKEN' })
    expect(await activityOf(server, team.id)).toContainEqual(
      expect.objectContaining({ event: 'teams.invitation.refused', data: expect.objectContaining({ reason: 'INVITER' }) }),
    )
  })

  test('accepting while the team is deleted or the invitation replaced is done or refused, and no fault', async () => {
    for (let round = 0; round < 8; round++) {
      team = await newTeam(anna)
      const token = await invite(ben.email)
      const meanwhile = round % 2 ? anna.client.teams.delete.mutate({ teamId: team.id }) : invite(ben.email)
      const accepted = ben.alone().teams.invitation.accept.mutate({ token })
      const [outcome] = await Promise.allSettled([accepted, meanwhile])
      if (outcome.status === 'rejected') expect(await refusal(accepted)).toMatchObject({ code: 'INVALID_TOKEN' })
    }
  })

  test('an invitation that is sent again has a new link alone, lives anew, and is of whoever sent it', async () => {
    team = await newTeam(anna)
    await joinTeam(server, anna, ben, team, 'ADMIN')
    const older = await invite(cara.email, 'VIEWER', ben)
    await anna.client.teams.member.remove.mutate({ teamId: team.id, userId: ben.userId })
    await advance(server.database.ownerUrl, 8 * day)
    const one = await waiting(cara.email)
    const resent = await anna.client.teams.invitation.resend.mutate(one)
    expect(resent).toMatchObject({ id: one.invitationId, email: cara.email, role: 'VIEWER', invitedById: anna.userId })
    const newer = await eventually(async () => {
      const token = await invitationToken(server, cara.email, team.name)
      return token !== older && token
    })
    expect(await refusal(cara.client.teams.invitation.accept.mutate({ token: older }))).toMatchObject({ code: 'INVALID_TOKEN' })
    expect(await cara.client.teams.invitation.accept.mutate({ token: newer })).toMatchObject({ id: team.id, role: 'VIEWER' })
    expect(await refusal(anna.client.teams.invitation.resend.mutate(one))).toMatchObject({ code: 'NOT_FOUND' })
    expect(await refusal(anna.client.teams.invitation.revoke.mutate(one))).toMatchObject({ code: 'NOT_FOUND' })
  })

  test('an invitation that was taken back leads nowhere', async () => {
    team = await newTeam(anna)
    const token = await invite(cara.email)
    expect(await anna.client.teams.invitation.revoke.mutate(await waiting(cara.email))).toEqual({ status: 'REVOKED' })
    expect(await refusal(cara.client.teams.invitation.accept.mutate({ token }))).toMatchObject({ code: 'INVALID_TOKEN' })
    expect((await anna.client.teams.invitation.list.query({ teamId: team.id })).items).toEqual([])
  })

  test('of accepting and taking back at the same moment one is done, and the other refused', async () => {
    for (let round = 0; round < 5; round++) {
      team = await newTeam(anna)
      const token = await invite(cara.email)
      const one = await waiting(cara.email)
      const accepted = Array.from({ length: 10 }, () => cara.alone().teams.invitation.accept.mutate({ token }))
      const revoked = Array.from({ length: 10 }, () => anna.alone().teams.invitation.revoke.mutate(one))
      const outcomes = await Promise.allSettled([...accepted, ...revoked])
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      const ends = (await activityOf(server, team.id)).filter(({ event }) => /\.invitation\.(accepted|revoked)$/.test(event))
      expect(ends).toHaveLength(1)
    }
  })

  test('of sending again many times at once one link is good', async () => {
    team = await newTeam(anna)
    await invite(cara.email)
    const one = await waiting(cara.email)
    await Promise.all(Array.from({ length: 20 }, () => anna.alone().teams.invitation.resend.mutate(one)))
    const good = await query(
      server,
      'SELECT 1 FROM auth.verification_tokens WHERE subject = $1 AND used_at IS NULL AND deleted_at IS NULL',
      [one.invitationId],
    )
    expect(good).toHaveLength(1)
  })

  test('nobody deals with an invitation to more than they may give, and the attempt stays in the log', async () => {
    team = await newTeam(anna)
    await joinTeam(server, anna, ben, team, 'ADMIN')
    await invite(cara.email, 'OWNER')
    const one = await waiting(cara.email)
    expect(await refusal(ben.client.teams.invitation.revoke.mutate(one))).toMatchObject({ code: 'FORBIDDEN' })
    expect(await refusal(ben.client.teams.invitation.resend.mutate(one))).toMatchObject({ code: 'FORBIDDEN' })
    const refused = (await activityOf(server, team.id)).filter(({ event }) => event === 'teams.invitation.creation_refused')
    expect(refused.map(({ actor_id, data }) => [actor_id, data])).toEqual(Array.from({ length: 2 }, () => [ben.userId, { role: 'OWNER' }]))
    expect(await waiting(cara.email)).toEqual(one)
  })

  test("another team's invitation cannot be touched", async () => {
    team = await newTeam(anna)
    await invite(cara.email)
    const { invitationId } = await waiting(cara.email)
    const other = { teamId: (await newTeam(ben)).id, invitationId }
    expect(await refusal(ben.client.teams.invitation.revoke.mutate(other))).toMatchObject({ code: 'NOT_FOUND' })
    expect(await refusal(ben.client.teams.invitation.resend.mutate(other))).toMatchObject({ code: 'NOT_FOUND' })
    expect(await waiting(cara.email)).toMatchObject({ invitationId })
  })

  test('somebody who is in the team is not invited to it', async () => {
    team = await newTeam(anna)
    expect(
      await refusal(anna.client.teams.invitation.create.mutate({ teamId: team.id, email: 'ANNA@example.com', role: 'VIEWER' })),
    ).toMatchObject({
      code: 'CONFLICT',
      details: { reason: 'ALREADY_MEMBER', field: 'email' },
    })
  })

  test('a deleted team cannot be joined, and a restored one can', async () => {
    team = await newTeam(anna)
    const token = await invite(ben.email)
    await anna.client.teams.delete.mutate({ teamId: team.id })
    expect(await refusal(ben.client.teams.invitation.accept.mutate({ token }))).toMatchObject({ code: 'INVALID_TOKEN' })
    await anna.client.teams.restore.mutate({ teamId: team.id })
    await ben.client.teams.invitation.accept.mutate({ token })
  })

  test('a link ends after seven days', async () => {
    team = await newTeam(anna)
    const token = await invite(ben.email)
    await advance(server.database.ownerUrl, 7 * day + 1000)
    expect(await refusal(ben.client.teams.invitation.accept.mutate({ token }))).toMatchObject({ code: 'INVALID_TOKEN' })
  })
})
