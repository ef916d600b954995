import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, expectTypeOf, test } from 'vitest'
import type { RouterInputs } from '@plinth/client'
import { transaction } from '#db'
import { MembershipRole as roles } from '#db/enums.ts'
import type { SystemActor } from '#lib/actor.ts'
import { joinApplication, makeAdministrator, newApplication, ownMembership, type Application } from '../../../test/applications.ts'
import { openBrowser } from '../../../test/browser.ts'
import { query } from '../../../test/database.ts'
import { eventually } from '../../../test/outbox.ts'
import { refusal } from '../../../test/refusal.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'
import { person, type Somebody } from '../../../test/teams.ts'
import { BuiltIn, rolesOf, type RoleIn } from './application-roles.ts'
import { roleIn, type AuditsRole, type MediaRole, type PaymentsRole } from './index.ts'

const tester: SystemActor = { kind: 'SYSTEM', name: 'test' }
let server: TestServer
let boss: Somebody
let anna: Somebody

beforeAll(async () => {
  server = await startTestServer()
  ;[boss, anna] = [await person(server, 'Boss'), await person(server, 'Anna')]
  await makeAdministrator(server, boss)
})
afterAll(() => server.stop())

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const grant = (input: RouterInputs['auth']['membership']['grant']) => boss.alone().auth.membership.grant.mutate(input)
const builtIn = async (name: BuiltIn) => {
  const [row] = await ask<Application>(`SELECT id, name FROM auth.applications WHERE built_in = $1`, [name])
  return row!
}

test('a role that an application has not does not compile, where it is asked for and where it is given', async () => {
  const userId = anna.userId
  expectTypeOf(roleIn('audits', userId)).resolves.toEqualTypeOf<AuditsRole | null>()
  expectTypeOf(roleIn('media', userId)).resolves.toEqualTypeOf<MediaRole | null>()
  expectTypeOf(roleIn('payments', userId)).resolves.toEqualTypeOf<PaymentsRole | null>()
  expectTypeOf<RoleIn<'audits'>>().toEqualTypeOf<'ADMIN' | 'RESEARCHER' | 'MANAGER' | 'CLIENT' | 'GUEST'>()
  const wrong = async () => [
    // @ts-expect-error nobody is a vendor in audits
    (await roleIn('audits', userId)) === 'VENDOR',
    // @ts-expect-error there is no such application
    await roleIn('audit', userId),
    // @ts-expect-error a vendor is one in payments alone
    grant({ application: 'audits', userId, role: 'VENDOR' }),
  ]
  expect(wrong).toBeDefined()
  const answer = await openBrowser(server.url, { authorization: `Bearer ${boss.token}` }).mutate('auth.membership.grant', {
    application: 'audits',
    userId,
    role: 'VENDOR',
  })
  expect([answer.status, answer.error?.data.code]).toEqual([400, 'BAD_REQUEST'])
})

test('the database takes the roles that the types know, and no others', async () => {
  const applications = [...(await Promise.all(BuiltIn.options.map(builtIn))), await newApplication(anna)]
  const [dora, taken] = [await person(server, 'Dora'), new Set<string>()]
  for (const { id } of applications) {
    for (const role of Object.values(roles)) {
      const insert = `INSERT INTO auth.memberships (id, user_id, application_id, role, updated_at, deleted_at) VALUES ($1, $2, $3, $4, now(), now())`
      await ask(insert, [`${id}${role}`, dora.userId, id, role]).then(
        () => taken.add(`${id} ${role}`),
        (error: Error) => expect(error.message).toContain(`has no role ${role}`),
      )
    }
  }
  const known = applications.flatMap(({ id }, i) => rolesOf(BuiltIn.options[i] ?? null).map((role) => `${id} ${role}`))
  expect([...taken].toSorted()).toEqual(known.toSorted())
})

test('built-in applications are there from the first migration, and are not deleted, by us or in the database', async () => {
  expect(await ask(`SELECT built_in FROM auth.applications WHERE built_in IS NOT NULL ORDER BY 1`)).toEqual(
    BuiltIn.options.map((name) => ({ built_in: name })),
  )
  const { id } = await builtIn('media')
  await grant({ application: 'media', userId: anna.userId, role: 'ADMIN' })
  expect(await refusal(anna.client.auth.application.delete.mutate({ applicationId: id }))).toMatchObject({
    code: 'FORBIDDEN',
    message: 'This application is a part of the installation: it is not deleted.',
  })
  expect(await refusal(anna.client.auth.application.update.mutate({ applicationId: id, version: 1, name: 'Mine' }))).toMatchObject({
    code: 'FORBIDDEN',
  })
  await expect(ask('UPDATE auth.applications SET deleted_at = now(), deletion_id = gen_random_uuid() WHERE id = $1', [id])).rejects.toThrow(
    'applications_built_in_stays_check',
  )
  await boss.client.auth.membership.withdraw.mutate({ application: 'media', userId: anna.userId })
})

test('T02 T04 roles there are given by administrators of the installation, and by those of the application, and by nobody else', async () => {
  const ben = await person(server, 'Ben')
  const application = await builtIn('audits')
  const give = (who: Somebody) => who.alone().auth.membership.grant.mutate({ application: 'audits', userId: ben.userId, role: 'ADMIN' })
  expect(await refusal(give(ben))).toEqual({ code: 'FORBIDDEN', message: 'Only administrators may do this.' })
  expect(await refusal(anna.client.auth.membership.list.query({ applicationId: application.id }))).toEqual({
    code: 'NOT_FOUND',
    message: 'There is no such application.',
  })
  expect(await roleIn('audits', ben.userId)).toBeNull()

  await grant({ application: 'audits', userId: anna.userId, role: 'ADMIN' })
  const joined = await joinApplication(server, { inviter: anna, invited: ben, application, role: 'RESEARCHER' })
  expect(await roleIn('audits', ben.userId)).toBe('RESEARCHER')
  const ids = { applicationId: application.id, membershipId: joined.id }
  expect(await refusal(ben.client.auth.membership.changeRole.mutate({ ...ids, role: 'ADMIN' }))).toEqual({
    code: 'FORBIDDEN',
    message: 'Only owners and admins manage people.',
  })
  expect(await refusal(anna.client.auth.membership.changeRole.mutate({ ...ids, role: 'OWNER' }))).toMatchObject({
    code: 'BAD_REQUEST',
    message: 'The application has no such role.',
  })
  expect(await roleIn('audits', ben.userId)).toBe('RESEARCHER')
  await anna.client.auth.membership.changeRole.mutate({ ...ids, role: 'MANAGER' })
  expect(await roleIn('audits', ben.userId)).toBe('MANAGER')
  expect([await roleIn('media', ben.userId), await roleIn('payments', ben.userId)]).toEqual([null, null])
  expect((await ownMembership(anna, application)).role).toBe('ADMIN')
})

test('T05 a role that is taken away is gone at once here, and within 250 ms where it was remembered', async () => {
  const cleo = await person(server, 'Cleo')
  const { userId } = cleo
  const remembered = async () => {
    await grant({ application: 'payments', userId, role: 'VENDOR' })
    await eventually(async () => {
      // Behind our back: what is remembered is told all the same.
      await roleIn('payments', userId)
      await ask(`UPDATE auth.memberships SET active = false WHERE user_id = $1 AND deleted_at IS NULL`, [userId])
      const told = await roleIn('payments', userId)
      await ask(`UPDATE auth.memberships SET active = true WHERE user_id = $1 AND deleted_at IS NULL`, [userId])
      return told === 'VENDOR'
    })
  }
  await remembered()
  await grant({ application: 'payments', userId, role: 'CUSTOMER' })
  expect(await roleIn('payments', userId)).toBe('CUSTOMER')
  await boss.client.auth.membership.withdraw.mutate({ application: 'payments', userId })
  expect(await roleIn('payments', userId)).toBeNull()
  expect(await refusal(boss.client.auth.membership.withdraw.mutate({ application: 'payments', userId }))).toMatchObject({
    code: 'NOT_FOUND',
  })

  for (const change of ['disabled_at = now()', 'disabled_at = NULL, deleted_at = now(), deletion_id = gen_random_uuid()']) {
    await remembered()
    await ask(`UPDATE auth.users SET ${change} WHERE id = $1`, [userId])
    await sleep(250)
    expect([change, await roleIn('payments', userId)]).toEqual([change, null])
    if (change.startsWith('disabled_at = now')) await ask('UPDATE auth.users SET disabled_at = NULL WHERE id = $1', [userId])
  }
})

test('inside a transaction a role is read there, and not remembered from before', async () => {
  const { userId } = anna
  await grant({ application: 'payments', userId, role: 'VENDOR' })
  expect(await roleIn('payments', userId)).toBe('VENDOR')
  const role = await transaction('auth', tester, async (tx) => {
    await tx.membership.updateMany({ where: { userId, role: 'VENDOR' }, data: { role: 'CUSTOMER' } })
    return roleIn('payments', userId)
  })
  expect(role).toBe('CUSTOMER')
})

test('of 20 grants at once one membership comes of it', async () => {
  const { userId } = await person(server, 'Emil')
  const given = await Promise.all(
    Array.from({ length: 20 }, (_, i) => grant({ application: 'media', userId, role: i % 2 ? 'ADMIN' : 'USER' })),
  )
  expect(new Set(given.map(({ id }) => id)).size).toBe(1)
})
