import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeAdministrator, newCast, type Cast } from '../../../test/applications.ts'
import { settled } from '../../../test/belongings.ts'
import { openBrowser, toldBy, type Answer } from '../../../test/browser.ts'
import { query } from '../../../test/database.ts'
import { startSecondProcess, type SecondProcess } from '../../../test/second-process.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'
import { joinTeam, newTeam, person, type Somebody, type Team } from '../../../test/teams.ts'
import { wholeState } from '../../../test/whole-state.ts'

let server: TestServer
let second: SecondProcess
let [anna, ben, cleo, boss] = [] as unknown as [Somebody, Somebody, Somebody, Somebody]
let cast: Cast
let team: Team

/** Anna owns an application and a team; in both Ben is an admin, and Cleo least of all. */
beforeAll(async () => {
  server = await startTestServer()
  second = await startSecondProcess(server)
  ;[anna, ben] = [await person(server, 'Anna'), await person(server, 'Ben')]
  ;[cleo, boss] = [await person(server, 'Cleo'), await person(server, 'Boss')]
  await makeAdministrator(server, boss)
  cast = await newCast(server, anna, ben, cleo)
  team = await newTeam(anna)
  await joinTeam(server, anna, ben, team, 'ADMIN')
  await joinTeam(server, anna, cleo, team, 'MEMBER')
  await settled(server)
})
afterAll(async () => {
  await second?.[Symbol.asyncDispose]()
  await server?.stop()
})

const as = ({ token }: Somebody, url = server.url) => openBrowser(url, { authorization: `Bearer ${token}` })
const told = (status: number, code: string, message: string) => ({ status, message, data: { code, httpStatus: status } })
const forbidden = (message: string) => told(403, 'FORBIDDEN', message)

/** Refused so each, and nothing changes anywhere. */
async function refused(tries: readonly [call: () => Promise<Answer>, sentence: string][]): Promise<void> {
  const before = await wholeState(server.database.ownerUrl)
  for (const [call, sentence] of tries) expect(toldBy(await call())).toEqual(forbidden(sentence))
  expect(await wholeState(server.database.ownerUrl)).toEqual(before)
}

test('T02 in an application nobody gives themselves or others more than they are, nor takes from who is more', async () => {
  const { application, owner, admin, user } = cast
  const applicationId = application.id
  const change =
    (who: Somebody, { id: membershipId }: { id: string }, role: string) =>
    () =>
      as(who).mutate('auth.membership.changeRole', { applicationId, membershipId, role })
  const remove =
    (who: Somebody, { id: membershipId }: { id: string }) =>
    () =>
      as(who).mutate('auth.membership.remove', { applicationId, membershipId })
  const invite = (who: Somebody, role: string) => () =>
    as(who).mutate('auth.applicationInvitation.create', { applicationId, email: 'evil@example.com', role })
  const suspend =
    (who: Somebody, { id: membershipId }: { id: string }) =>
    () =>
      as(who).mutate('auth.membership.update', { applicationId, membershipId, version: 1, active: false })
  const [notManaging, notMore] = ['Only owners and admins manage people.', 'Nobody gives a role that is more than their own.']
  const isMore = 'This person is more in the application than you are.'
  await refused([
    [change(cleo, user, 'OWNER'), notManaging],
    [change(cleo, user, 'ADMIN'), notManaging],
    [change(cleo, admin, 'USER'), notManaging],
    [change(ben, admin, 'OWNER'), notMore],
    [change(ben, user, 'OWNER'), notMore],
    [change(ben, owner, 'USER'), isMore],
    [remove(ben, owner), isMore],
    [remove(cleo, admin), notManaging],
    [suspend(ben, owner), isMore],
    [suspend(cleo, admin), notManaging],
    [invite(ben, 'OWNER'), 'You may not invite to this role.'],
    [invite(cleo, 'USER'), 'You may not invite to this role.'],
  ])
})

test('T02 in a team nobody gives themselves or others more than they are, nor takes from who is more', async () => {
  const teamId = team.id
  const change =
    (who: Somebody, { userId }: Somebody, role: string) =>
    () =>
      as(who).mutate('teams.member.changeRole', { teamId, userId, role })
  const does =
    (who: Somebody, what: string, { userId }: Somebody) =>
    () =>
      as(who).mutate(`teams.member.${what}`, { teamId, userId })
  const invite = (who: Somebody, role: string) => () =>
    as(who).mutate('teams.invitation.create', { teamId, email: 'evil@example.com', role })
  const onlyAnOwner = 'Only an owner may change roles.'
  await refused([
    [change(cleo, cleo, 'OWNER'), onlyAnOwner],
    [change(ben, ben, 'OWNER'), onlyAnOwner],
    [change(ben, cleo, 'OWNER'), onlyAnOwner],
    [change(ben, anna, 'VIEWER'), onlyAnOwner],
    [does(ben, 'remove', anna), 'You may not remove this person.'],
    [does(cleo, 'remove', ben), 'You may not remove this person.'],
    [does(ben, 'transfer', ben), 'Only an owner may hand a team over.'],
    [does(cleo, 'transfer', cleo), 'Only an owner may hand a team over.'],
    [invite(ben, 'OWNER'), 'You may not invite to this role.'],
    [invite(cleo, 'VIEWER'), 'You may not invite to this role.'],
  ])
})

test('T02 in the installation nobody makes themselves an administrator, or gives a role in what is built in', async () => {
  const setRole =
    (who: Somebody, { userId }: Somebody, role: string) =>
    () =>
      as(who).mutate('auth.person.setRole', { userId, role })
  const grant =
    (who: Somebody, { userId }: Somebody) =>
    () =>
      as(who).mutate('auth.membership.grant', { application: 'audits', userId, role: 'ADMIN' })
  const onlyAdministrators = 'Only administrators may do this.'
  await refused([
    [setRole(anna, anna, 'ADMIN'), onlyAdministrators],
    [setRole(anna, ben, 'ADMIN'), onlyAdministrators],
    [setRole(anna, boss, 'USER'), onlyAdministrators],
    [setRole(boss, boss, 'USER'), 'Nobody does this to themselves: ask another administrator.'],
    [grant(anna, anna), onlyAdministrators],
    [() => as(anna).mutate('auth.person.disable', { userId: boss.userId }), onlyAdministrators],
    [() => as(boss).mutate('auth.person.disable', { userId: boss.userId }), 'Nobody does this to themselves: ask another administrator.'],
  ])
})

test('T04 who owns one application, or one team, is in another what they are there, and no more', async () => {
  const mine = await newCast(server, ben, cleo, anna)
  const { id: teamId } = await newTeam(cleo)
  await settled(server)
  const before = await wholeState(server.database.ownerUrl)
  const own = { applicationId: cast.application.id }
  expect(toldBy(await as(ben).mutate('auth.application.update', { ...own, version: 1, name: 'Mine' }))).toEqual(
    forbidden('Only an owner may change an application.'),
  )
  expect(toldBy(await as(anna).query('auth.membership.list', { applicationId: mine.application.id }))).toEqual(
    forbidden('Only owners and admins see the people of an application.'),
  )
  expect(toldBy(await as(anna).mutate('teams.delete', { teamId }))).toEqual(told(404, 'NOT_FOUND', 'There is no such team.'))
  expect(toldBy(await as(cleo).mutate('teams.delete', { teamId: team.id }))).toEqual(forbidden('Only an owner may delete a team.'))
  expect(await wholeState(server.database.ownerUrl)).toEqual(before)
})

/** Within 250 ms, as it is asked for: from the answer on, that is, at once. */
test('T05 a role that was taken away in one process is gone in the other by the next call, in an application and in a team', async () => {
  const { application, admin } = cast
  const [ids, teamId] = [{ applicationId: application.id, membershipId: admin.id }, team.id]
  const people = () => as(ben, second.url).query('auth.membership.list', { applicationId: application.id })
  const invite = (role = 'VIEWER') => as(ben, second.url).mutate('teams.invitation.create', { teamId, email: 'new@example.com', role })
  const status = async () => [(await people()).status, (await invite()).status]
  expect(await status()).toEqual([200, 200])
  await as(anna).mutate('auth.membership.changeRole', { ...ids, role: 'USER' })
  expect(toldBy(await people())).toEqual(forbidden('Only owners and admins see the people of an application.'))
  await as(anna).mutate('auth.membership.remove', ids)
  expect(toldBy(await people())).toEqual(told(404, 'NOT_FOUND', 'There is no such application.'))
  await as(anna).mutate('teams.member.changeRole', { teamId, userId: ben.userId, role: 'VIEWER' })
  expect(toldBy(await invite())).toEqual(forbidden('You may not invite to this role.'))
  await as(anna).mutate('teams.member.remove', { teamId, userId: ben.userId })
  expect(toldBy(await invite())).toEqual(told(404, 'NOT_FOUND', 'There is no such team.'))
  const invitations = await query(
    server.database.ownerUrl,
    'SELECT invited_by_id AS by FROM teams.invitations WHERE team_id = $1 AND accepted_at IS NULL AND deleted_at IS NULL',
    [teamId],
  )
  expect(invitations).toEqual([{ by: ben.userId }])
})
