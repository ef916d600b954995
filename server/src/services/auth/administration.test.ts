import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser } from '../../../test/browser.ts'
import { advance } from '../../../test/clock.ts'
import { query } from '../../../test/database.ts'
import { eventually } from '../../../test/outbox.ts'
import type { TestPerson } from '../../../test/people.ts'
import { atOnce } from '../../../test/race.ts'
import { refusal } from '../../../test/refusal.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'

let server: TestServer
let boss: TestPerson
let made = 0

beforeAll(async () => {
  server = await startTestServer()
  boss = await administrator('boss@example.com')
})
afterAll(() => server.stop())

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const someone = (name = `person-${++made}`) => server.signUpAs(`${name.toLowerCase()}@example.com`, { name })
const signIn = ({ email, password }: TestPerson) => openBrowser(server.url).mutate('auth.signIn', { email, password, delivery: 'TOKEN' })
const people = ({ token }: TestPerson) => server.client(token).auth.person
const traces = async (event: string, userId: string) =>
  (await ask('SELECT data FROM core.activity WHERE event = $1 AND user_id = $2', [event, userId])).length

/** A role that is given behind the server's back is known at the next sign-in. */
async function administrator(email: string): Promise<TestPerson> {
  const person = await server.signUpAs(email)
  await ask(`UPDATE auth.users SET role = 'ADMIN' WHERE id = $1`, [person.me.id])
  const { token } = (await signIn(person)).data as { token: string }
  return { ...person, token, client: server.client(token) }
}

test('people are found by a part of their address or name, by role and by state, page by page', async () => {
  const needle = await someone('Quentin-Quirk')
  await server.client().auth.signUp.mutate({ email: 'quirky@example.com', name: 'Nobody yet', password: 'nine lazy otters hum' })
  const found = async (input: Parameters<ReturnType<typeof people>['list']['query']>[0]) =>
    (await people(boss).list.query(input)).items.map(({ email }) => email)
  expect((await found({ search: 'qUIRk' })).toSorted()).toEqual(['quentin-quirk@example.com', 'quirky@example.com'])
  expect(await found({ search: 'quirk', state: 'UNVERIFIED' })).toEqual(['quirky@example.com'])
  expect(await found({ role: 'ADMIN' })).toEqual([boss.email])
  expect([await found({ search: 'qu_rk' }), await found({ search: '%%%' })]).toEqual([[], []])
  const first = await people(boss).list.query({ limit: 2 })
  const second = await people(boss).list.query({ limit: 2, ...(first.nextCursor !== null && { cursor: first.nextCursor }) })
  expect(new Set([...first.items, ...second.items].map(({ id }) => id)).size).toBe(first.items.length + second.items.length)
  await expect(people(boss).get.query({ userId: needle.me.id })).resolves.toMatchObject({
    state: 'ACTIVE',
    hasPassword: true,
    livingSessions: 1,
  })
  await expect(refusal(people(boss).list.query({ search: 'qu' }))).resolves.toMatchObject({ code: 'BAD_REQUEST' })
})

test('nobody but an administrator who proved themselves lately gets in', async () => {
  const ada = await someone()
  await expect(refusal(people(ada).list.query({}))).resolves.toMatchObject({ code: 'FORBIDDEN' })
  await expect(refusal(people(ada).disable.mutate({ userId: boss.me.id }))).resolves.toMatchObject({ code: 'FORBIDDEN' })
  expect((await ask('SELECT FROM auth.users WHERE id = $1 AND disabled_at IS NULL', [boss.me.id])).length).toBe(1)
})

test('S07 a disabled person is out at once, everywhere, and comes in again when restored, by signing in', async () => {
  const ada = await someone()
  await expect(people(boss).disable.mutate({ userId: ada.me.id })).resolves.toMatchObject({ state: 'DISABLED' })
  await expect(refusal(server.client(ada.token).auth.me.query())).resolves.toMatchObject({ code: 'UNAUTHORIZED' })
  expect((await signIn(ada)).status).toBe(401)
  await people(boss).restore.mutate({ userId: ada.me.id })
  await expect(refusal(server.client(ada.token).auth.me.query())).resolves.toMatchObject({ code: 'UNAUTHORIZED' })
  expect((await signIn(ada)).status).toBe(200)
  expect([await traces('auth.person.disabled', ada.me.id), await traces('auth.person.restored', ada.me.id)]).toEqual([1, 1])
})

test('S05 a reset that is required takes the password and every session, and mails the link to choose a new one', async () => {
  const ada = await someone()
  await people(boss).requireReset.mutate({ userId: ada.me.id })
  await expect(refusal(server.client(ada.token).auth.me.query())).resolves.toMatchObject({ code: 'UNAUTHORIZED' })
  expect((await signIn(ada)).status).toBe(401)
  const token = await server.tokenMailedTo(ada.email, /new password/)
  await server.client().auth.password.reset.mutate({ token, password: 'eleven calm badgers dig' })
  expect((await signIn({ ...ada, password: 'eleven calm badgers dig' })).status).toBe(200)
})

test('T03 the last administrator stays, of two who take each other the role or the access ten times each at one moment; nobody does it to themselves', async () => {
  await expect(refusal(people(boss).setRole.mutate({ userId: boss.me.id, role: 'USER' }))).resolves.toMatchObject({ code: 'FORBIDDEN' })
  const other = await administrator('second@example.com')
  const answers = await atOnce(server.url, 20, (browser, i) => {
    if (i % 2)
      return browser.mutate('auth.person.setRole', { userId: other.me.id, role: 'USER' }, { authorization: `Bearer ${boss.token}` })
    return browser.mutate('auth.person.disable', { userId: boss.me.id }, { authorization: `Bearer ${other.token}` })
  })
  const first = answers.findIndex(({ status }) => status === 200)
  const others = answers.filter((_, i) => i % 2 !== first % 2)
  // Signed out with what was done to them, or no administrator any more by the time that it was looked at.
  for (const { status, error } of others)
    expect([
      [401, 'UNAUTHORIZED'],
      [403, 'FORBIDDEN'],
    ]).toContainEqual([status, error?.data.code])
  const left = await ask<{ id: string }>(`SELECT id FROM auth.users WHERE role = 'ADMIN' AND disabled_at IS NULL`)
  expect(left).toEqual([{ id: first % 2 ? boss.me.id : other.me.id }])
  await ask(`UPDATE auth.users SET role = 'ADMIN', disabled_at = NULL WHERE id = $1`, [boss.me.id])
  await ask(`UPDATE auth.users SET role = 'USER' WHERE id = $1`, [other.me.id])
  const { token } = (await signIn(boss)).data as { token: string }
  boss = { ...boss, token, client: server.client(token) }
})

test('T10 an administrator acts as a person for an hour at most, marked, and does nothing that asks for a proof', async () => {
  const [ada, second] = [await someone(), await administrator('third@example.com')]
  await expect(refusal(people(boss).impersonate.mutate({ userId: second.me.id, reason: 'SUPPORT' }))).resolves.toMatchObject({
    code: 'FORBIDDEN',
  })
  await expect(refusal(people(ada).impersonate.mutate({ userId: second.me.id, reason: 'SUPPORT' }))).resolves.toMatchObject({
    code: 'FORBIDDEN',
  })
  const { token } = await people(boss).impersonate.mutate({ userId: ada.me.id, reason: 'SUPPORT', ticket: '#42' })
  const eyes = server.client(token ?? '')
  await expect(eyes.auth.me.query()).resolves.toMatchObject({ email: ada.email, impersonatorId: boss.me.id })
  await expect(server.client(ada.token).auth.me.query()).resolves.toMatchObject({ impersonatorId: null })
  await expect(refusal(eyes.auth.account.deactivate.mutate())).resolves.toMatchObject({ code: 'FORBIDDEN' })
  await expect(refusal(eyes.auth.email.requestChange.mutate({ email: 'mine@example.com' }))).resolves.toMatchObject({ code: 'FORBIDDEN' })
  await expect(
    refusal(eyes.auth.password.change.mutate({ currentPassword: ada.password, password: 'eleven calm badgers dig' })),
  ).resolves.toMatchObject({ code: 'FORBIDDEN' })
  await expect(refusal(eyes.auth.stepUp.password.mutate({ password: ada.password }))).resolves.toMatchObject({ code: 'FORBIDDEN' })

  await expect(refusal(eyes.auth.session.revokeOthers.mutate())).resolves.toMatchObject({ code: 'FORBIDDEN' })
  await expect(refusal(eyes.auth.signIn.mutate({ email: ada.email, password: ada.password, delivery: 'TOKEN' }))).resolves.toMatchObject({
    code: 'FORBIDDEN',
  })

  const team = await eyes.teams.create.mutate({ name: 'Made by support', slug: 'made-by-support' })
  expect(
    await ask('SELECT actor_id, impersonator_id FROM core.activity WHERE event = $1 AND team_id = $2', ['teams.team.created', team.id]),
  ).toEqual([{ actor_id: ada.me.id, impersonator_id: boss.me.id }])
  await eventually(async () =>
    (await server.mailsTo(ada.email)).find(({ subject }) => subject === 'An administrator looked into your account'),
  )
  await advance(server.database.ownerUrl, 60 * 60 * 1000 + 1_000)
  await expect(refusal(eyes.auth.me.query())).resolves.toMatchObject({ code: 'UNAUTHORIZED' })
})

test('T10 what an administrator does in others’ names ends with their own access', async () => {
  const [ada, second] = [await someone(), await administrator('fourth@example.com')]
  const left = await people(second).impersonate.mutate({ userId: ada.me.id, reason: 'INVESTIGATION' })
  await server.client(left.token ?? '').auth.signOut.mutate()
  await expect(refusal(server.client(left.token ?? '').auth.me.query())).resolves.toMatchObject({ code: 'UNAUTHORIZED' })
  const { token } = await people(second).impersonate.mutate({ userId: ada.me.id, reason: 'INVESTIGATION' })
  const { token: fresh } = (await signIn(boss)).data as { token: string }
  boss = { ...boss, token: fresh, client: server.client(fresh) }
  await people(boss).disable.mutate({ userId: second.me.id })
  await expect(refusal(server.client(token ?? '').auth.me.query())).resolves.toMatchObject({ code: 'UNAUTHORIZED' })
  await expect(server.client(ada.token).auth.me.query()).resolves.toMatchObject({ email: ada.email })
})

test('T10 whoever is no administrator any more acts as nobody: not by what was begun before, nor by what begins at that moment', async () => {
  const [ada, second] = [await someone(), await administrator('fifth@example.com')]
  const { token } = await people(second).impersonate.mutate({ userId: ada.me.id, reason: 'SUPPORT' })
  const begun = Array.from({ length: 20 }, () =>
    server.client(second.token).auth.person.impersonate.mutate({ userId: ada.me.id, reason: 'SUPPORT' }),
  )
  const [demoted, ...answers] = await Promise.allSettled([people(boss).setRole.mutate({ userId: second.me.id, role: 'USER' }), ...begun])
  expect(demoted.status).toBe('fulfilled')
  const tokens = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value.token ?? ''] : []))
  for (const each of [token ?? '', ...tokens])
    await expect(refusal(server.client(each).auth.me.query())).resolves.toMatchObject({ code: 'UNAUTHORIZED' })
  expect(await ask('SELECT FROM auth.sessions WHERE impersonator_id = $1 AND revoked_at IS NULL', [second.me.id])).toEqual([])
})
