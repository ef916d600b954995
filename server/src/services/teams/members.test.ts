import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestServer, type TestServer } from '../../../test/server.ts'
import { refusal } from '../../../test/refusal.ts'
import { activityOf, joinTeam, newTeam, person, query, type Somebody } from '../../../test/teams.ts'

let server: TestServer
let anna: Somebody
let ben: Somebody
let cara: Somebody

beforeAll(async () => {
  server = await startTestServer()
  ;[anna, ben, cara] = [await person(server, 'Anna'), await person(server, 'Ben'), await person(server, 'Cara')]
})
afterAll(() => server.stop())

async function rolesOf(somebody: Somebody, teamId: Awaited<ReturnType<typeof newTeam>>['id']): Promise<Record<string, string>> {
  const { items } = await somebody.client.teams.member.list.query({ teamId })
  return Object.fromEntries(items.map(({ name, role }) => [name, role]))
}

describe('roles', () => {
  test('an owner promotes a member, and the log says who did it', async () => {
    const team = await newTeam(anna)
    await joinTeam(server, anna, ben, team, 'MEMBER')
    const changed = await anna.client.teams.member.changeRole.mutate({ teamId: team.id, userId: ben.userId, role: 'ADMIN' })
    expect(changed).toMatchObject({ userId: ben.userId, name: 'Ben', role: 'ADMIN' })
    expect(await rolesOf(ben, team.id)).toEqual({ Anna: 'OWNER', Ben: 'ADMIN' })
    expect((await anna.client.teams.activity.list.query({ teamId: team.id })).items[0]).toMatchObject({
      event: 'teams.member.role_changed',
      actorId: anna.userId,
      userId: ben.userId,
      data: { from: 'MEMBER', to: 'ADMIN' },
    })
  })

  test('the last owner keeps the role, and the attempt stays in the log', async () => {
    const team = await newTeam(anna)
    expect(
      await refusal(anna.client.teams.member.changeRole.mutate({ teamId: team.id, userId: anna.userId, role: 'MEMBER' })),
    ).toMatchObject({
      code: 'CONFLICT',
      details: { reason: 'LAST_OWNER' },
    })
    expect(await rolesOf(anna, team.id)).toEqual({ Anna: 'OWNER' })
    expect(await activityOf(server, team.id)).toContainEqual(
      expect.objectContaining({
        event: 'teams.member.role_change_refused',
        actor_id: anna.userId,
        data: { to: 'MEMBER', reason: 'LAST_OWNER' },
      }),
    )
  })

  test('a member may not promote anyone, themselves included, and the attempt stays in the log', async () => {
    const team = await newTeam(anna)
    await joinTeam(server, anna, ben, team, 'ADMIN')
    expect(await refusal(ben.client.teams.member.changeRole.mutate({ teamId: team.id, userId: ben.userId, role: 'OWNER' }))).toMatchObject({
      code: 'FORBIDDEN',
    })
    expect(await rolesOf(anna, team.id)).toEqual({ Anna: 'OWNER', Ben: 'ADMIN' })
    expect(await activityOf(server, team.id)).toContainEqual(
      expect.objectContaining({
        event: 'teams.member.role_change_refused',
        actor_id: ben.userId,
        data: { to: 'OWNER', reason: 'NOT_OWNER' },
      }),
    )
  })

  test('somebody who is not in the team has no role to change', async () => {
    const team = await newTeam(anna)
    expect(
      await refusal(anna.client.teams.member.changeRole.mutate({ teamId: team.id, userId: cara.userId, role: 'ADMIN' })),
    ).toMatchObject({
      code: 'NOT_FOUND',
    })
  })

  test('a member whose account is gone hides nobody else, and is no owner that a team can be left with', async () => {
    const team = await newTeam(anna)
    const gone = await person(server, `Gone${team.slug}`)
    await joinTeam(server, anna, gone, team, 'OWNER')
    await query(server, 'UPDATE auth.users SET deleted_at = now() WHERE id = $1', [gone.userId])
    expect(await rolesOf(anna, team.id)).toEqual({ Anna: 'OWNER' })
    const demote = (userId: Somebody['userId']) => anna.client.teams.member.changeRole.mutate({ teamId: team.id, userId, role: 'MEMBER' })
    expect(await refusal(demote(gone.userId))).toMatchObject({ code: 'NOT_FOUND' })
    expect(await refusal(demote(anna.userId))).toMatchObject({ code: 'CONFLICT', details: { reason: 'LAST_OWNER' } })
  })

  test('owners who demote each other at the same moment leave one owner', async () => {
    const team = await newTeam(anna)
    await joinTeam(server, anna, ben, team, 'OWNER')
    await joinTeam(server, anna, cara, team, 'OWNER')
    const owners = [anna, ben, cara]
    for (let round = 0; round < 5; round++) {
      const attempts = owners.flatMap((actor) =>
        owners.map((subject) => actor.alone().teams.member.changeRole.mutate({ teamId: team.id, userId: subject.userId, role: 'MEMBER' })),
      )
      await Promise.allSettled(attempts)
      const roles = await rolesOf(anna, team.id)
      const left = Object.values(roles).filter((role) => role === 'OWNER')
      expect(left, JSON.stringify(roles)).toHaveLength(1)
      const owner = owners.find(({ name }) => roles[name] === 'OWNER')
      for (const { userId } of owners) await owner?.client.teams.member.changeRole.mutate({ teamId: team.id, userId, role: 'OWNER' })
    }
  })

  test('the same key gives one change, the same answer, and is refused for another change', async () => {
    const team = await newTeam(anna)
    await joinTeam(server, anna, ben, team, 'MEMBER')
    const context = { idempotencyKey: `key-${team.id}` }
    const promote = () => anna.alone().teams.member.changeRole.mutate({ teamId: team.id, userId: ben.userId, role: 'ADMIN' }, { context })
    const answers = await Promise.all(Array.from({ length: 20 }, promote))
    expect(new Set(answers.map((answer) => JSON.stringify(answer)))).toHaveLength(1)
    expect((await activityOf(server, team.id)).filter(({ event }) => event === 'teams.member.role_changed')).toHaveLength(1)
    const other = anna.client.teams.member.changeRole.mutate({ teamId: team.id, userId: ben.userId, role: 'VIEWER' }, { context })
    expect(await refusal(other)).toMatchObject({ code: 'CONFLICT', details: { reason: 'KEY_REUSED' } })
  })
})

describe('leaving, removing and handing over', () => {
  test('the last owner cannot leave before they hand the team over', async () => {
    const team = await newTeam(anna)
    const teamId = team.id
    await joinTeam(server, anna, ben, team, 'VIEWER')
    for (const leave of [
      anna.client.teams.member.leave.mutate({ teamId }),
      anna.client.teams.member.remove.mutate({ teamId, userId: anna.userId }),
    ])
      expect(await refusal(leave)).toMatchObject({ code: 'CONFLICT', details: { reason: 'LAST_OWNER' } })
    expect(await activityOf(server, teamId)).toContainEqual(
      expect.objectContaining({ event: 'teams.member.removal_refused', data: { reason: 'LAST_OWNER' } }),
    )
    expect(await anna.client.teams.member.transfer.mutate({ teamId, userId: ben.userId })).toMatchObject({ name: 'Ben', role: 'OWNER' })
    expect(await rolesOf(ben, teamId)).toEqual({ Anna: 'ADMIN', Ben: 'OWNER' })
    expect(await anna.client.teams.member.leave.mutate({ teamId })).toEqual({ status: 'GONE' })
    expect(await refusal(anna.client.teams.get.query({ teamId }))).toMatchObject({ code: 'NOT_FOUND' })
    expect(await rolesOf(ben, teamId)).toEqual({ Ben: 'OWNER' })
  })

  test('an owner whose account is gone is nobody that a team can be left to', async () => {
    const team = await newTeam(anna)
    const gone = await person(server, `Lost${team.slug}`)
    await joinTeam(server, anna, gone, team, 'OWNER')
    await query(server, 'UPDATE auth.users SET deleted_at = now() WHERE id = $1', [gone.userId])
    expect(await refusal(anna.client.teams.member.leave.mutate({ teamId: team.id }))).toMatchObject({ details: { reason: 'LAST_OWNER' } })
    const transfer = anna.client.teams.member.transfer.mutate({ teamId: team.id, userId: gone.userId })
    expect(await refusal(transfer)).toMatchObject({ code: 'NOT_FOUND' })
  })

  test('of owners who leave, remove each other and hand over at the same moment, one stays an owner', async () => {
    const owners = [anna, ben, cara]
    for (let round = 0; round < 5; round++) {
      const team = await newTeam(anna)
      for (const other of [ben, cara]) await joinTeam(server, anna, other, team, 'OWNER')
      const attempts = owners.flatMap((actor) => [
        actor.alone().teams.member.leave.mutate({ teamId: team.id }),
        ...owners.map(({ userId }) => actor.alone().teams.member.remove.mutate({ teamId: team.id, userId })),
        ...owners.map(({ userId }) => actor.alone().teams.member.transfer.mutate({ teamId: team.id, userId })),
      ])
      await Promise.allSettled(attempts)
      const left = await query(server, `SELECT 1 FROM teams.members WHERE team_id = $1 AND role = 'OWNER' AND deleted_at IS NULL`, [
        team.id,
      ])
      expect(left.length).toBeGreaterThanOrEqual(1)
    }
  })

  test('of twenty removals of one member at once one is done, and the others find nobody', async () => {
    const team = await newTeam(anna)
    await joinTeam(server, anna, ben, team, 'MEMBER')
    const remove = () => anna.alone().teams.member.remove.mutate({ teamId: team.id, userId: ben.userId })
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, remove))
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect((await activityOf(server, team.id)).filter(({ event }) => event === 'teams.member.removed')).toHaveLength(1)
  })

  test('an admin removes whoever is below them and nobody else, and who was removed can be invited again', async () => {
    const team = await newTeam(anna)
    await joinTeam(server, anna, ben, team, 'ADMIN')
    await joinTeam(server, anna, cara, team, 'MEMBER')
    const removal = (actor: Somebody, { userId }: Somebody) => actor.client.teams.member.remove.mutate({ teamId: team.id, userId })
    expect(await refusal(removal(ben, anna))).toMatchObject({ code: 'FORBIDDEN' })
    expect(await refusal(removal(cara, ben))).toMatchObject({ code: 'FORBIDDEN' })
    expect((await activityOf(server, team.id)).filter(({ event }) => event === 'teams.member.removal_refused')).toHaveLength(2)
    await removal(ben, cara)
    expect(await refusal(cara.client.teams.get.query({ teamId: team.id }))).toMatchObject({ code: 'NOT_FOUND' })
    await joinTeam(server, ben, cara, team, 'VIEWER')
    expect(await rolesOf(anna, team.id)).toEqual({ Anna: 'OWNER', Ben: 'ADMIN', Cara: 'VIEWER' })
  })

  test('nobody hands over to themselves or to a stranger, and nobody but an owner hands over', async () => {
    const team = await newTeam(anna)
    await joinTeam(server, anna, ben, team, 'ADMIN')
    const transfer = (actor: Somebody, { userId }: Somebody) => actor.client.teams.member.transfer.mutate({ teamId: team.id, userId })
    expect(await refusal(transfer(anna, anna))).toMatchObject({ code: 'NOT_FOUND' })
    expect(await refusal(transfer(anna, cara))).toMatchObject({ code: 'NOT_FOUND' })
    expect(await refusal(transfer(ben, ben))).toMatchObject({ code: 'FORBIDDEN' })
    expect(await rolesOf(anna, team.id)).toEqual({ Anna: 'OWNER', Ben: 'ADMIN' })
    expect(await activityOf(server, team.id)).toContainEqual(expect.objectContaining({ event: 'teams.member.transfer_refused' }))
  })
})
