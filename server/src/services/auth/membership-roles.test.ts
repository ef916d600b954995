import { isAppError, type Client, type RouterInputs } from '@plinth/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { joinApplication, newApplication, newCast, type Application, type Membership } from '../../../test/applications.ts'
import { settled } from '../../../test/belongings.ts'
import { openBrowser, toldBy } from '../../../test/browser.ts'
import { query } from '../../../test/database.ts'
import { refusal } from '../../../test/refusal.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'
import { person, type Somebody } from '../../../test/teams.ts'
import { wholeState } from '../../../test/whole-state.ts'
import { appRouter } from '../../router.ts'

let server: TestServer
let anna: Somebody
let ben: Somebody
let cleo: Somebody

beforeAll(async () => {
  server = await startTestServer()
  ;[anna, ben, cleo] = [await person(server, 'Anna'), await person(server, 'Ben'), await person(server, 'Cleo')]
})
afterAll(() => server.stop())

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const api = (who: Somebody) => who.client.auth
const raw = (who: Somebody, url = server.url) => openBrowser(url, { authorization: `Bearer ${who.token}` })
const rolesOf = async (who: Somebody, { id }: Application) =>
  Object.fromEntries((await api(who).membership.list.query({ applicationId: id })).items.map(({ name, role }) => [name, role]))
const cast = () => newCast(server, anna, ben, cleo)

type Ids = Pick<RouterInputs['auth']['membership']['remove'], 'applicationId' | 'membershipId'>
type Ask = (client: Client['auth'], ids: Ids) => Promise<unknown>
type Role = 'OWNER' | 'ADMIN' | 'USER'
const secretId = '01991f0e-7b1c-7000-8000-000000000000' as RouterInputs['auth']['applicationSecret']['revoke']['secretId']
const invitationId = '01991f0e-7b1c-7000-8000-000000000000' as RouterInputs['auth']['applicationInvitation']['revoke']['invitationId']

/** Who may ask what of a USER's membership and of the application. What is not refused is done, or finds nothing. Deleting comes last. */
const table: Record<string, { ask: Ask; allowed: readonly Role[] }> = {
  'auth.application.get': { ask: (auth, { applicationId }) => auth.application.get.query({ applicationId }), allowed: ['OWNER', 'ADMIN'] },
  'auth.application.update': {
    ask: (auth, { applicationId }) => auth.application.update.mutate({ applicationId, version: 9, name: 'X' }),
    allowed: ['OWNER'],
  },
  'auth.applicationSecret.create': {
    ask: (auth, { applicationId }) => auth.applicationSecret.create.mutate({ applicationId, name: 'x' }),
    allowed: ['OWNER'],
  },
  'auth.applicationSecret.list': {
    ask: (auth, { applicationId }) => auth.applicationSecret.list.query({ applicationId }),
    allowed: ['OWNER'],
  },
  'auth.applicationSecret.revoke': {
    ask: (auth, { applicationId }) => auth.applicationSecret.revoke.mutate({ applicationId, secretId }),
    allowed: ['OWNER'],
  },
  'auth.membership.list': {
    ask: (auth, { applicationId }) => auth.membership.list.query({ applicationId }),
    allowed: ['OWNER', 'ADMIN'],
  },
  'auth.membership.changeRole': {
    ask: (auth, ids) => auth.membership.changeRole.mutate({ ...ids, role: 'USER' }),
    allowed: ['OWNER', 'ADMIN'],
  },
  'auth.membership.update': { ask: (auth, ids) => auth.membership.update.mutate({ ...ids, version: 9 }), allowed: ['OWNER', 'ADMIN'] },
  'auth.applicationInvitation.create': {
    ask: (auth, { applicationId }) => auth.applicationInvitation.create.mutate({ applicationId, email: 'new@example.com', role: 'USER' }),
    allowed: ['OWNER', 'ADMIN'],
  },
  'auth.applicationInvitation.list': {
    ask: (auth, { applicationId }) => auth.applicationInvitation.list.query({ applicationId }),
    allowed: ['OWNER', 'ADMIN'],
  },
  'auth.applicationInvitation.revoke': {
    ask: (auth, { applicationId }) => auth.applicationInvitation.revoke.mutate({ applicationId, invitationId }),
    allowed: ['OWNER', 'ADMIN'],
  },
  'auth.membership.remove': { ask: (auth, ids) => auth.membership.remove.mutate(ids), allowed: ['OWNER', 'ADMIN'] },
  'auth.application.delete': { ask: (auth, { applicationId }) => auth.application.delete.mutate({ applicationId }), allowed: ['OWNER'] },
}

/** Of no one application, or not by a role in it. */
const ofNone = [
  'application.create',
  'application.list',
  'application.restore',
  'applicationInvitation.accept',
  'membership.grant',
  'membership.withdraw',
]

describe('roles', () => {
  test('the table leaves out no procedure of applications', () => {
    const all = Object.keys(appRouter._def.procedures).filter((path) => /^auth\.(?:application|membership)/.test(path))
    expect([...Object.keys(table), ...ofNone.map((path) => `auth.${path}`)].toSorted()).toEqual(all.toSorted())
  })

  test.each(['OWNER', 'ADMIN', 'USER'] as const)('an %s may do what the table says, and nothing else', async (role) => {
    const { application } = await cast()
    const [somebody, other] = [await person(server, `${role}-one`), await person(server, `${role}-two`)]
    await joinApplication(server, { inviter: anna, invited: somebody, application, role })
    const target = await joinApplication(server, { inviter: anna, invited: other, application, role: 'USER' })
    for (const [path, { ask: call, allowed }] of Object.entries(table)) {
      const answer = await codeOf(call(somebody.alone().auth, { applicationId: application.id, membershipId: target.id }))
      expect([path, answer === 'FORBIDDEN']).toEqual([path, !allowed.includes(role)])
    }
  })

  test('T01 T04 a stranger, and the owner of another application, are told what an unknown application is told, whatever they ask', async () => {
    const { application, user } = await cast()
    const stranger = await person(server, 'Stranger')
    await newApplication(stranger)
    await settled(server)
    const unknown = 'tz4a98xxat96iws9zmbrgj3a'
    const before = await wholeState(server.database.ownerUrl)
    for (const path of Object.keys(table)) {
      const isQuery = /\.(?:get|list)$/.test(path)
      const others = { ...extras[path], ...(path.startsWith('auth.membership') && !isQuery && { membershipId: user.id }) }
      const call = (applicationId: string) => raw(stranger)[isQuery ? 'query' : 'mutate'](path, { applicationId, ...others })
      const [theirs, none] = [toldBy(await call(application.id)), toldBy(await call(unknown))]
      expect([path, theirs]).toEqual([path, none])
      expect(theirs).toEqual({ status: 404, message: 'There is no such application.', data: { code: 'NOT_FOUND', httpStatus: 404 } })
    }
    expect(await wholeState(server.database.ownerUrl)).toEqual(before)
    expect(await rolesOf(anna, application)).toEqual({ Anna: 'OWNER', Ben: 'ADMIN', Cleo: 'USER' })
  })

  test('T01 T04 ids of another application are unknown in one’s own: memberships, secrets, invitations', async () => {
    const { application, user } = await cast()
    const [mine, applicationId] = [await newApplication(ben), application.id]
    const theirs = {
      secretId: (await api(anna).applicationSecret.create.mutate({ applicationId, name: 'x' })).id,
      invitationId: (await api(anna).applicationInvitation.create.mutate({ applicationId, email: 'x@example.com', role: 'USER' })).id,
      membershipId: user.id,
    }
    const unknown = { secretId, invitationId, membershipId: 'tz4a98xxat96iws9zmbrgj3a' }
    const calls = [
      ['auth.applicationSecret.revoke', 'secretId', {}],
      ['auth.applicationInvitation.revoke', 'invitationId', {}],
      ['auth.membership.changeRole', 'membershipId', { role: 'USER' }],
      ['auth.membership.update', 'membershipId', { version: 1, active: false }],
      ['auth.membership.remove', 'membershipId', {}],
    ] as const
    for (const [path, key, rest] of calls) {
      const call = (id: string) => raw(ben).mutate(path, { applicationId: mine.id, [key]: id, ...rest })
      const answers = [toldBy(await call(theirs[key])), toldBy(await call(unknown[key]))]
      expect([path, answers[0]]).toEqual([path, answers[1]])
      expect(answers[0]).toMatchObject({ status: 404 })
    }
    expect(await rolesOf(anna, application)).toEqual({ Anna: 'OWNER', Ben: 'ADMIN', Cleo: 'USER' })
  })

  test('T02 nobody gives themselves or others more than they are, nor takes from who is more', async () => {
    const { application, owner, admin, user } = await cast()
    const applicationId = application.id
    const change = (who: Somebody, { id: membershipId }: Membership, role: Role) =>
      raw(who).mutate('auth.membership.changeRole', { applicationId, membershipId, role })
    const refused = [
      await change(cleo, user, 'OWNER'),
      await change(cleo, user, 'ADMIN'),
      await change(ben, admin, 'OWNER'),
      await change(ben, user, 'OWNER'),
      await change(ben, owner, 'USER'),
      await raw(ben).mutate('auth.membership.remove', { applicationId, membershipId: owner.id }),
      await raw(cleo).mutate('auth.membership.remove', { applicationId, membershipId: admin.id }),
      await raw(ben).mutate('auth.membership.update', { applicationId, membershipId: owner.id, version: 1, active: false }),
      await raw(ben).mutate('auth.applicationInvitation.create', { applicationId, email: 'evil@example.com', role: 'OWNER' }),
    ]
    expect(refused.map(({ status, error }) => [status, error?.data.code])).toEqual(refused.map(() => [403, 'FORBIDDEN']))
    expect(await rolesOf(anna, application)).toEqual({ Anna: 'OWNER', Ben: 'ADMIN', Cleo: 'USER' })
    const traces = await ask(`SELECT FROM core.activity WHERE event = 'auth.application.refused' AND data->>'applicationId' = $1`, [
      applicationId,
    ])
    expect(traces).toHaveLength(refused.length)
  })

  test('a role that the application has not is refused, by us and by the database', async () => {
    const { application, user } = await cast()
    const change = api(anna).membership.changeRole.mutate({ applicationId: application.id, membershipId: user.id, role: 'VENDOR' })
    expect(await refusal(change)).toMatchObject({ code: 'BAD_REQUEST', details: { fields: { role: [expect.any(String)] } } })
    await expect(ask(`UPDATE auth.memberships SET role = 'VENDOR' WHERE id = $1`, [user.id])).rejects.toThrow('has no role VENDOR')
  })
})

/** What the inputs need beside the ids, so that the door is what answers. */
const extras: Record<string, object> = {
  'auth.application.update': { version: 1 },
  'auth.applicationSecret.create': { name: 'x' },
  'auth.applicationSecret.revoke': { secretId },
  'auth.membership.changeRole': { role: 'USER' },
  'auth.membership.update': { version: 1 },
  'auth.applicationInvitation.create': { email: 'x@example.com', role: 'USER' },
  'auth.applicationInvitation.revoke': { invitationId },
}

async function codeOf(asked: Promise<unknown>): Promise<string> {
  return asked.then(
    () => 'done',
    (error: unknown) => (isAppError(error) ? error.data.code : String(error)),
  )
}
