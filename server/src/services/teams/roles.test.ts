import { isAppError, type Client, type RouterInputs } from '@plinth/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestServer, type TestServer } from '../../../test/server.ts'
import { joinTeam, newTeam, person, type Somebody, type Team } from '../../../test/teams.ts'
import { appRouter } from '../../router.ts'

let server: TestServer
let anna: Somebody

beforeAll(async () => {
  server = await startTestServer()
  anna = await person(server, 'Anna')
})
afterAll(() => server.stop())

type TeamId = RouterInputs['teams']['get']['teamId']
type Role = Team['role']
type Ask = (client: Client, teamId: TeamId) => Promise<unknown>

/** What each procedure of a team answers to each role, and to a stranger. Deleting comes last: nothing is left to ask then. */
const table: Record<string, { ask: Ask; allowed: readonly Role[] }> = {
  'teams.get': { ask: (client, teamId) => client.teams.get.query({ teamId }), allowed: ['OWNER', 'ADMIN', 'MEMBER', 'VIEWER'] },
  'teams.member.list': {
    ask: (client, teamId) => client.teams.member.list.query({ teamId }),
    allowed: ['OWNER', 'ADMIN', 'MEMBER', 'VIEWER'],
  },
  'teams.update': {
    ask: (client, teamId) => client.teams.update.mutate({ teamId, version: 1 }),
    allowed: ['OWNER', 'ADMIN'],
  },
  'teams.settings.get': {
    ask: (client, teamId) => client.teams.settings.get.query({ teamId }),
    allowed: ['OWNER', 'ADMIN', 'MEMBER', 'VIEWER'],
  },
  'teams.settings.update': {
    ask: (client, teamId) => client.teams.settings.update.mutate({ teamId, adminsInvite: true }),
    allowed: ['OWNER'],
  },
  'teams.billingContact.get': {
    ask: (client, teamId) => client.teams.billingContact.get.query({ teamId }),
    allowed: ['OWNER'],
  },
  'teams.billingContact.set': {
    ask: (client, teamId) =>
      client.teams.billingContact.set.mutate({ teamId, name: 'Accounts', email: 'accounts@example.com', address: null, taxId: null }),
    allowed: ['OWNER'],
  },
  'teams.member.changeRole': {
    ask: (client, teamId) => client.teams.member.changeRole.mutate({ teamId, userId: anna.userId, role: 'OWNER' }),
    allowed: ['OWNER'],
  },
  'teams.invitation.create': {
    ask: (client, teamId) => client.teams.invitation.create.mutate({ teamId, email: 'new@example.com', role: 'VIEWER' }),
    allowed: ['OWNER', 'ADMIN'],
  },
  'teams.invitation.list': { ask: (client, teamId) => client.teams.invitation.list.query({ teamId }), allowed: ['OWNER', 'ADMIN'] },
  'teams.invitation.resend': {
    ask: async (client, teamId) => client.teams.invitation.resend.mutate({ teamId, invitationId: await anInvitation(teamId) }),
    allowed: ['OWNER', 'ADMIN'],
  },
  'teams.invitation.revoke': {
    ask: async (client, teamId) => client.teams.invitation.revoke.mutate({ teamId, invitationId: await anInvitation(teamId) }),
    allowed: ['OWNER', 'ADMIN'],
  },
  'teams.member.remove': {
    ask: async (client, teamId) => client.teams.member.remove.mutate({ teamId, userId: (await aViewer(teamId)).userId }),
    allowed: ['OWNER', 'ADMIN'],
  },
  'teams.activity.list': { ask: (client, teamId) => client.teams.activity.list.query({ teamId }), allowed: ['OWNER', 'ADMIN'] },
  'teams.events': { ask: (client, teamId) => opens(client, teamId), allowed: ['OWNER', 'ADMIN', 'MEMBER', 'VIEWER'] },
  'teams.member.transfer': { ask: (client, teamId) => transfersAndBack(client, teamId), allowed: ['OWNER'] },
  'teams.delete': { ask: (client, teamId) => client.teams.delete.mutate({ teamId }), allowed: ['OWNER'] },
}

/** Of no one team: who may is not a matter of a role in it. */
const ofNoTeam = ['teams.create', 'teams.list', 'teams.restore', 'teams.invitation.accept']

/** Everybody may, once. */
const atLast = ['teams.member.leave']

test('the table leaves out no procedure of teams', () => {
  const all = Object.keys(appRouter._def.procedures).filter((path) => path.startsWith('teams.'))
  expect([...Object.keys(table), ...ofNoTeam, ...atLast].toSorted()).toEqual(all.toSorted())
})

test.each(['OWNER', 'ADMIN', 'MEMBER', 'VIEWER'] as const)('a member as %s may do what the table says, and nothing else', async (role) => {
  const team = await newTeam(anna)
  const somebody = await person(server, role)
  await joinTeam(server, anna, somebody, team, role)
  for (const [path, { ask, allowed }] of Object.entries(table)) {
    expect([path, await answerOf(ask(somebody.alone(), team.id))]).toEqual([path, allowed.includes(role) ? 'done' : 'FORBIDDEN'])
  }
  const other = await newTeam(anna)
  await joinTeam(server, anna, somebody, other, role)
  expect(await answerOf(somebody.client.teams.member.leave.mutate({ teamId: other.id }))).toBe('done')
})

test('a stranger finds nothing, whatever they ask', async () => {
  const team = await newTeam(anna)
  const stranger = await person(server, 'Stranger')
  for (const [path, { ask }] of Object.entries(table)) {
    expect([path, await answerOf(ask(stranger.alone(), team.id))]).toEqual([path, 'NOT_FOUND'])
  }
})

let made = 0

/** An invitation that waits, made by somebody who may. */
async function anInvitation(teamId: TeamId) {
  const { id } = await anna.client.teams.invitation.create.mutate({ teamId, email: `waiting-${(made += 1)}@example.com`, role: 'VIEWER' })
  return id
}

/** Somebody whom every owner and admin may remove. */
async function aViewer(teamId: TeamId): Promise<Somebody> {
  const viewer = await person(server, `Viewer${(made += 1)}`)
  await joinTeam(server, anna, viewer, await anna.client.teams.get.query({ teamId }), 'VIEWER')
  return viewer
}

async function transfersAndBack(client: Client, teamId: TeamId): Promise<void> {
  await client.teams.member.transfer.mutate({ teamId, userId: anna.userId })
  const { id } = await client.auth.me.query()
  await anna.client.teams.member.changeRole.mutate({ teamId, userId: id, role: 'OWNER' })
}

async function answerOf(asked: Promise<unknown>): Promise<string> {
  try {
    await asked
    return 'done'
  } catch (error) {
    return isAppError(error) ? error.data.code : String(error)
  }
}

/** Resolves when the stream has lived for a while: the door's answer comes in it, after it has begun. */
function opens(client: Client, teamId: TeamId): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const { unsubscribe } = client.teams.events.subscribe({ teamId }, { onStarted: () => void setTimeout(resolve, 300), onError: reject })
  return promise.finally(unsubscribe)
}
