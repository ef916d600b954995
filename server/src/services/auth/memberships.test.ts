import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { transaction } from '#db'
import type { SystemActor } from '#lib/actor.ts'
import { joinApplication, newApplication, newCast, type Application } from '../../../test/applications.ts'
import { openBrowser, toldBy } from '../../../test/browser.ts'
import { advance } from '../../../test/clock.ts'
import { query } from '../../../test/database.ts'
import { atOnce } from '../../../test/race.ts'
import { refusal } from '../../../test/refusal.ts'
import { startSecondProcess } from '../../../test/second-process.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'
import { person, type Somebody } from '../../../test/teams.ts'
import { soleOwnerships } from './application-owners.ts'
import { ensureMembership } from './memberships.ts'
import { removeOld } from './retention.ts'

const day = 86_400_000
const tester: SystemActor = { kind: 'SYSTEM', name: 'test' }
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

/** What takes an owner's part away. */
const takings = [
  ['changeRole', { role: 'USER' }],
  ['remove', {}],
  ['update', { version: 1, active: false }],
] as const

describe('the last owner', () => {
  test('T03 keeps the role, stays active and stays in, until there is another', async () => {
    const { application, owner, admin } = await cast()
    const ids = { applicationId: application.id, membershipId: owner.id }
    const message = 'The last owner stays: make somebody else an owner first, or delete the application.'
    const lastOwner = { code: 'CONFLICT', message, details: { reason: 'LAST_OWNER' } }
    const row = () => ask('SELECT * FROM auth.memberships WHERE id = $1', [owner.id])
    const before = await row()
    expect(await refusal(api(anna).membership.changeRole.mutate({ ...ids, role: 'USER' }))).toEqual(lastOwner)
    expect(await refusal(api(anna).membership.update.mutate({ ...ids, version: 1, active: false }))).toEqual(lastOwner)
    expect(await refusal(api(anna).membership.remove.mutate(ids))).toEqual(lastOwner)
    expect(await row()).toEqual(before)
    const sole = () => transaction('auth', tester, (tx) => soleOwnerships(tx, anna.userId))
    expect(await sole()).toContainEqual({ applicationId: application.id, name: application.name })
    await api(anna).membership.changeRole.mutate({ applicationId: application.id, membershipId: admin.id, role: 'OWNER' })
    expect((await sole()).map(({ applicationId }) => applicationId)).not.toContain(application.id)
    await ask('UPDATE auth.users SET disabled_at = now() WHERE id = $1', [ben.userId])
    expect(await sole()).toContainEqual({ applicationId: application.id, name: application.name })
    expect(await refusal(api(anna).membership.remove.mutate(ids))).toMatchObject(lastOwner)
    await ask('UPDATE auth.users SET disabled_at = NULL WHERE id = $1', [ben.userId])
    await api(anna).membership.remove.mutate(ids)
    expect(await rolesOf(ben, application)).toEqual({ Ben: 'OWNER', Cleo: 'USER' })
  })

  test('T03 of two owners who remove, demote and suspend each other 20 times at once, one is left', async () => {
    for (let round = 0; round < 3; round += 1) {
      const { application, owner, admin } = await cast()
      const applicationId = application.id
      await api(anna).membership.changeRole.mutate({ applicationId, membershipId: admin.id, role: 'OWNER' })
      const answers = await atOnce(server.url, 20, (browser, i) => {
        const [who, membershipId] = i % 2 ? [anna, admin.id] : [ben, owner.id]
        const [what, more] = takings[i % 3] ?? ['remove', {}]
        const authorization = `Bearer ${who.token}`
        return browser.mutate(`auth.membership.${what}`, { applicationId, membershipId, ...more }, { authorization })
      })
      expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThan(0)
      // Whoever came second was no owner any more, or not in it, or found the other gone or changed.
      for (const answer of answers) expect([200, 403, 404, 409]).toContain(answer.status)
      const owners = await ask(
        `SELECT FROM auth.memberships WHERE application_id = $1 AND role = 'OWNER' AND active AND deleted_at IS NULL`,
        [applicationId],
      )
      expect(owners).toHaveLength(1)
    }
  })

  test('two owners whose accounts are both asked to go at once: one of them is the last', async () => {
    const { application, admin } = await cast()
    await api(anna).membership.changeRole.mutate({ applicationId: application.id, membershipId: admin.id, role: 'OWNER' })
    const leave = ({ userId }: Somebody) =>
      transaction('auth', tester, async (tx) => {
        await tx.lock('user', { id: userId })
        const sole = (await soleOwnerships(tx, userId)).filter(({ applicationId }) => applicationId === application.id)
        // Long enough for the other to look as well, if it may.
        await sleep(100)
        if (sole.length === 0) await tx.user.update({ where: { id: userId }, data: { disabledAt: tx.now } })
        return sole.length
      })
    expect((await Promise.all([leave(anna), leave(ben)])).toSorted()).toEqual([0, 1])
    await ask('UPDATE auth.users SET disabled_at = NULL')
  })
})

describe('a membership', () => {
  test('is changed from the version that was seen: of 20 changes at once one is made', async () => {
    const { application, user } = await cast()
    const answers = await atOnce(server.url, 20, (browser, i) => {
      const input = { applicationId: application.id, membershipId: user.id, version: 1, metadata: { i } }
      return browser.mutate('auth.membership.update', input, { authorization: `Bearer ${anna.token}` })
    })
    const made = answers.flatMap(({ status, data }) => (status === 200 ? [data] : []))
    expect(made).toHaveLength(1)
    expect(await api(anna).membership.list.query({ applicationId: application.id, role: 'USER' })).toMatchObject({ items: made })
  })

  test('keeps metadata that is JSON, small, and text that the database can hold', async () => {
    const { application, user } = await cast()
    const put = (metadata: unknown, version = 1) =>
      raw(anna).mutate('auth.membership.update', { applicationId: application.id, membershipId: user.id, version, metadata })
    const kept = { plan: 'gold', seats: 3, tags: ['a', null, true], nested: { ok: 'ü🙂\\u0000' } }
    expect((await put(kept)).data).toMatchObject({ metadata: kept, version: 2 })
    for (const bad of [
      [],
      'text',
      null,
      { x: 'y'.repeat(4096) },
      { x: 'a\u0000b' },
      { x: '\ud800' },
      { ['k'.repeat(65)]: 1 },
      { '': 1 },
      { x: 1n },
    ])
      expect((await put(bad, 2)).status).toBe(400)
    expect((await api(anna).membership.list.query({ applicationId: application.id, role: 'USER' })).items[0]?.metadata).toEqual(kept)
  })

  test('T05 that is removed, or made inactive, lets nobody in any more: here at once, in another process within 250 ms', async () => {
    await using second = await startSecondProcess(server)
    const { application, admin } = await cast()
    const applicationId = application.id
    const knock = async (url: string) => (await raw(ben, url).query('auth.membership.list', { applicationId })).status
    const both = async () => [await knock(server.url), await knock(second.url)]
    expect(await both()).toEqual([200, 200])
    await api(anna).membership.update.mutate({ applicationId, membershipId: admin.id, version: 1, active: false })
    expect(await both()).toEqual([404, 404])
    await api(anna).membership.update.mutate({ applicationId, membershipId: admin.id, version: 2, active: true })
    await api(anna).membership.changeRole.mutate({ applicationId, membershipId: admin.id, role: 'USER' })
    expect(await both()).toEqual([403, 403])
    await api(anna).membership.remove.mutate({ applicationId, membershipId: admin.id })
    expect(await both()).toEqual([404, 404])
  })

  test('is left by its own person, whatever their role', async () => {
    const { application, user } = await cast()
    await api(cleo).membership.remove.mutate({ applicationId: application.id, membershipId: user.id })
    expect(await rolesOf(anna, application)).toEqual({ Anna: 'OWNER', Ben: 'ADMIN' })
  })

  test('made just in time is one, however many ask at once, and none where the application is not active', async () => {
    const { id: applicationId } = await newApplication(anna)
    const come = () => transaction('auth', tester, (tx) => ensureMembership(tx, cleo.userId, applicationId))
    const made = await Promise.all(Array.from({ length: 20 }, come))
    expect(new Set(made.map((row) => row?.id)).size).toBe(1)
    expect(made[0]).toMatchObject({ role: 'USER', userId: cleo.userId })
    await api(anna).application.update.mutate({ applicationId, version: 1, active: false })
    expect(await come()).toBeNull()
    await api(anna).application.update.mutate({ applicationId, version: 2, active: true })
    await api(anna).membership.update.mutate({ applicationId, membershipId: made[0]!.id as never, version: 1, active: false })
    expect(await come()).toBeNull()
  })
})

describe('an invitation', () => {
  test('A01 answers the same for an address that has an account and for one that has none', async () => {
    const { id: applicationId } = await newApplication(anna)
    const invite = async (email: string) => {
      const { status, data } = await raw(anna).mutate('auth.applicationInvitation.create', { applicationId, email, role: 'USER' })
      return { status, shape: Object.keys(data as object), role: (data as { role: string }).role }
    }
    expect(await invite(ben.email)).toEqual(await invite('nobody@example.com'))
  })

  test('is accepted once by 20 at once, by its address alone, while its giver may still give it', async () => {
    const application = await newApplication(anna)
    const applicationId = application.id
    const admin = await joinApplication(server, { inviter: anna, invited: ben, application, role: 'ADMIN' })
    await api(ben).applicationInvitation.create.mutate({ applicationId, email: cleo.email, role: 'USER' })
    const token = await server.tokenMailedTo(cleo.email, new RegExp(`to the application ${application.name}\\.`))
    const accept = (who: Somebody) => raw(who).mutate('auth.applicationInvitation.accept', { token })
    expect((await accept(anna)).status).toBe(403)
    await api(anna).membership.changeRole.mutate({ applicationId, membershipId: admin.id, role: 'USER' })
    expect(toldBy(await accept(cleo))).toMatchObject({ status: 400, data: { code: 'INVALID_TOKEN' } })
    await api(anna).membership.changeRole.mutate({ applicationId, membershipId: admin.id, role: 'ADMIN' })
    const authorization = `Bearer ${cleo.token}`
    const answers = await atOnce(server.url, 20, (browser) =>
      browser.mutate('auth.applicationInvitation.accept', { token }, { authorization }),
    )
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, ...Array.from({ length: 19 }, () => 400)])
    expect(await rolesOf(anna, application)).toEqual({ Anna: 'OWNER', Ben: 'ADMIN', Cleo: 'USER' })
    const again = api(anna).applicationInvitation.create.mutate({ applicationId, email: cleo.email, role: 'USER' })
    expect(await refusal(again)).toMatchObject({ code: 'CONFLICT', details: { reason: 'ALREADY_MEMBER' } })
  })

  test('that is taken back, or made anew, leads nowhere by its old link', async () => {
    const application = await newApplication(anna)
    const applicationId = application.id
    const dora = await person(server, 'Dora')
    const { id } = await api(anna).applicationInvitation.create.mutate({ applicationId, email: dora.email, role: 'USER' })
    const token = await server.tokenMailedTo(dora.email, /to the application/)
    await api(anna).applicationInvitation.revoke.mutate({ applicationId, invitationId: id })
    expect((await raw(dora).mutate('auth.applicationInvitation.accept', { token })).error?.data.code).toBe('INVALID_TOKEN')
    expect((await api(anna).applicationInvitation.list.query({ applicationId })).items).toEqual([])
  })
})

test('the address of an invitation is kept for 30 days after it ended, and no longer', async () => {
  const { id: applicationId } = await newApplication(anna)
  await api(anna).applicationInvitation.create.mutate({ applicationId, email: 'kept@example.com', role: 'USER' })
  const kept = async () => (await ask(`SELECT FROM auth.application_invitations WHERE email = 'kept@example.com'`)).length
  await advance(server.database.ownerUrl, 37 * day - 60_000)
  await removeOld('applicationInvitations')
  expect(await kept()).toBe(1)
  await advance(server.database.ownerUrl, 120_000)
  await removeOld('applicationInvitations')
  expect(await kept()).toBe(0)
})
