import type { AnyTRPCProcedure, AnyTRPCRouter } from '@trpc/server'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeAdministrator } from '../../../test/applications.ts'
import { settled } from '../../../test/belongings.ts'
import { openBrowser, toldBy, type Browser } from '../../../test/browser.ts'
import { advance } from '../../../test/clock.ts'
import { query } from '../../../test/database.ts'
import { atOnce } from '../../../test/race.ts'
import { startSecondProcess, type SecondProcess } from '../../../test/second-process.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'
import { newTeam, person, type Somebody } from '../../../test/teams.ts'
import { wholeState } from '../../../test/whole-state.ts'
import { appRouter } from '../../router.ts'
import { definitionOf } from '../../trpc/seal.ts'

const minute = 60_000
let server: TestServer
let second: SecondProcess
let boss: Somebody
let other: Somebody
let ada: Somebody

beforeAll(async () => {
  server = await startTestServer()
  second = await startSecondProcess(server)
  ;[boss, other, ada] = [await person(server, 'Boss'), await person(server, 'Other'), await person(server, 'Ada')]
  for (const administrator of [boss, other]) await makeAdministrator(server, administrator)
  await settled(server)
})
afterAll(async () => {
  await second?.[Symbol.asyncDispose]()
  await server?.stop()
})

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const as = (token: string, url = server.url) => openBrowser(url, { authorization: `Bearer ${token}` })
const impersonate = ({ token }: Pick<Somebody, 'token'>, { userId }: Somebody) =>
  as(token).mutate('auth.person.impersonate', { userId, reason: 'SUPPORT', ticket: '#42' })
const told = (status: number, code: string, message: string) => ({ status, message, data: { code, httpStatus: status } })
const notForAnother = told(403, 'FORBIDDEN', 'Nobody may do this for another.')
const signInFirst = told(401, 'UNAUTHORIZED', 'Sign in first.')

/** The eyes of Ada. */
async function eyesOf(who: Somebody): Promise<{ readonly token: string; readonly eyes: Browser }> {
  const { token } = (await impersonate(boss, who)).data as { token: string }
  return { token, eyes: as(token) }
}

test('T10 nobody but an administrator looks through another’s eyes, and nobody through an administrator’s: no session comes of it', async () => {
  const { token: eyes } = await eyesOf(ada)
  await settled(server)
  const before = await wholeState(server.database.ownerUrl)
  const onlyAdministrators = told(403, 'FORBIDDEN', 'Only administrators may do this.')
  expect(toldBy(await impersonate(ada, other))).toEqual(onlyAdministrators)
  expect(toldBy(await impersonate(ada, ada))).toEqual(onlyAdministrators)
  expect(toldBy(await impersonate({ token: eyes }, ada))).toEqual(notForAnother)
  const onlyThemselves = told(403, 'FORBIDDEN', 'Nobody acts as an administrator but they themselves.')
  expect(toldBy(await impersonate(boss, other))).toEqual(onlyThemselves)
  expect(toldBy(await impersonate(boss, boss))).toEqual(onlyThemselves)
  expect(await wholeState(server.database.ownerUrl)).toEqual(before)
})

test('T10 in another’s name nothing of the account is changed: every mutation of accounts is refused, whatever it is given, but leaving', async () => {
  const { eyes, token } = await eyesOf(ada)
  await settled(server)
  const before = await wholeState(server.database.ownerUrl)
  const mutations = Object.entries<AnyTRPCProcedure>((appRouter as AnyTRPCRouter)._def.procedures).filter(
    ([path, procedure]) => path.startsWith('auth.') && definitionOf(procedure).type === 'mutation',
  )
  expect(mutations.length).toBeGreaterThan(50)
  for (const [path] of mutations) {
    if (path === 'auth.signOut') continue
    expect([path, toldBy(await eyes.mutate(path, {}))]).toEqual([path, notForAnother])
  }
  for (const [path, input] of withRightInputs(ada)) expect([path, toldBy(await eyes.mutate(path, input))]).toEqual([path, notForAnother])
  expect(await wholeState(server.database.ownerUrl)).toEqual(before)
  expect((await as(ada.token).query('auth.me')).status).toBe(200)
  expect((await as(token).query('auth.me')).status).toBe(200)
})

/** What would change a password, a factor, an address, a key, if they were let. */
function withRightInputs({ userId }: Somebody): [path: string, input: unknown][] {
  const password = 'correct horse battery staple'
  return [
    ['auth.password.change', { currentPassword: password, password: 'eleven calm badgers dig' }],
    ['auth.stepUp.password', { password }],
    ['auth.totp.enrol', undefined],
    ['auth.recoveryCode.regenerate', undefined],
    ['auth.passkey.registerOptions', undefined],
    ['auth.email.requestChange', { email: 'mine@example.com' }],
    ['auth.apiKey.create', { name: 'x', scopes: ['auth.me'] }],
    ['auth.session.revokeOthers', undefined],
    ['auth.account.dataExport.request', undefined],
    ['auth.account.deactivate', undefined],
    ['auth.person.setRole', { userId, role: 'ADMIN' }],
  ]
}

test('T10 whatever is done in another’s name is recorded with both names, and shown as such', async () => {
  const team = await newTeam(other)
  const { eyes } = await eyesOf(ada)
  const [before] = await ask<{ id: string }>('SELECT max(id::text) AS id FROM core.activity')
  expect((await eyes.query('auth.me')).data).toMatchObject({ id: ada.userId, impersonatorId: boss.userId })
  const { id } = (await eyes.mutate('teams.create', { name: 'Made by support', slug: 'made-by-support' })).data as { id: string }
  await eyes.mutate('teams.update', { teamId: id, version: 1, name: 'Renamed by support' })
  await eyes.mutate('teams.invitation.accept', { token: 'pln_i_unknown' })
  expect((await eyes.mutate('profile.update', { version: 1, displayName: 'By support' })).status).toBe(200)
  expect((await eyes.query('teams.get', { teamId: team.id })).status).toBe(404)
  expect((await eyes.mutate('auth.signOut')).status).toBe(200)
  const rows = await ask('SELECT event, actor_id, impersonator_id FROM core.activity WHERE id::text > $1 ORDER BY id', [before?.id])
  const both = { actor_id: ada.userId, impersonator_id: boss.userId }
  expect(rows).toEqual([
    { event: 'teams.team.created', ...both },
    { event: 'teams.team.updated', ...both },
    { event: 'teams.invitation.refused', ...both },
    { event: 'profile.profile.updated', ...both },
    { event: 'auth.call.refused', ...both },
    { event: 'auth.session.ended', ...both },
  ])
  const seen = (await as(ada.token).query('auth.account.activity', { limit: 3 })).data as { items: object[] }
  expect(seen.items[0]).toMatchObject({ event: 'auth.session.ended', impersonatorId: boss.userId })
})

test('T10 it ends after an hour, however much it is used, here and elsewhere; the person’s own session goes on', async () => {
  const { token } = await eyesOf(ada)
  for (let used = 1; used <= 5; used += 1) {
    await advance(server.database.ownerUrl, 10 * minute)
    expect((await as(token).query('auth.me')).status).toBe(200)
  }
  await advance(server.database.ownerUrl, 10 * minute)
  for (const url of [server.url, second.url]) expect(toldBy(await as(token, url).query('auth.me'))).toEqual(signInFirst)
  expect((await as(ada.token).query('auth.me')).data).toMatchObject({ id: ada.userId, impersonatorId: null })
})

test('T10 of twenty that begin while the administrator is made a user none goes on', async () => {
  const third = await person(server, 'Third')
  await makeAdministrator(server, third)
  const { token: fresh } = await server.signUpAs('fourth@example.com').then(({ email, password }) => signedIn(email, password))
  await ask(`UPDATE auth.users SET role = 'ADMIN' WHERE email = 'fourth@example.com'`)
  const answers = await atOnce(server.url, 21, (browser, i) => {
    const authorization = `Bearer ${i === 10 ? fresh : third.token}`
    if (i === 10) return browser.mutate('auth.person.setRole', { userId: third.userId, role: 'USER' }, { authorization })
    return browser.mutate('auth.person.impersonate', { userId: ada.userId, reason: 'SUPPORT' }, { authorization })
  })
  expect(answers[10]?.status).toBe(200)
  for (const { data } of answers) {
    const { token } = (data ?? {}) as { token?: string }
    if (token !== undefined) expect(toldBy(await as(token).query('auth.me'))).toEqual(signInFirst)
  }
  expect(await ask('SELECT FROM auth.sessions WHERE impersonator_id = $1 AND revoked_at IS NULL', [third.userId])).toEqual([])
})

async function signedIn(email: string, password: string): Promise<{ readonly token: string }> {
  return (await openBrowser(server.url).mutate('auth.signIn', { email, password, delivery: 'TOKEN' })).data as { token: string }
}
