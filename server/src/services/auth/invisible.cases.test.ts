import { afterAll, beforeAll, expect, test } from 'vitest'
import { joinApplication, makeAdministrator, newApplication } from '../../../test/applications.ts'
import { settled } from '../../../test/belongings.ts'
import { openBrowser, toldBy, type Answer, type Browser } from '../../../test/browser.ts'
import { query } from '../../../test/database.ts'
import { startInstallation, type Installation } from '../../../test/providers/installation.ts'
import { person, type Somebody } from '../../../test/teams.ts'

let installation: Installation
let boss: Somebody
let anna: Somebody
let ben: Somebody

beforeAll(async () => {
  installation = await startInstallation()
  const { server } = installation
  ;[boss, anna, ben] = [await person(server, 'Boss'), await person(server, 'Anna'), await person(server, 'Ben')]
  await makeAdministrator(server, boss)
})
afterAll(() => installation?.stop())

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) =>
  query<R>(installation.server.database.ownerUrl, sql, values)
const as = ({ token }: Pick<Somebody, 'token'>): Browser => openBrowser(installation.server.url, { authorization: `Bearer ${token}` })
const itemsOf = async (who: Browser, list: string, input: object = {}) =>
  ((await who.query(list, { limit: 100, ...input })).data as { items: { id: string }[] }).items
const idsOf = async (who: Browser, list: string, input: object = {}) => (await itemsOf(who, list, input)).map(({ id }) => id)
const told = (status: number, code: string, message: string, details?: object) => ({
  status,
  message,
  data: { code, ...(details && { details }), httpStatus: status },
})

/** A browser of somebody's, in which visits can be begun. */
async function browserOf({ email }: Somebody): Promise<Browser> {
  const browser = openBrowser(installation.server.url)
  await browser.mutate('auth.signIn', { email, password: 'correct horse battery staple', delivery: 'COOKIE' })
  return browser
}

async function link(browser: Browser, sub: string): Promise<Answer> {
  installation.company.person = { sub }
  return browser.mutate('auth.provider.finish', (await installation.come(browser, { by: 'auth.provider.link' })).given)
}

test('T08 a linked account that was taken away is seen nowhere, signs nobody in, and can be linked anew, by somebody else too', async () => {
  const [browser, other] = [await browserOf(anna), await browserOf(ben)]
  const linked = async (who: Browser) => ((await link(who, 'shared')).data as { account: { id: string } }).account.id
  const first = await linked(browser)
  const unlink = (id: string, who = browser) => who.mutate('auth.provider.unlink', { id })
  expect((await unlink(first)).status).toBe(200)
  expect(await itemsOf(browser, 'auth.provider.listMine')).toEqual([])
  expect(toldBy(await unlink(first))).toEqual(told(404, 'NOT_FOUND', 'There is no such linked account.'))
  const second = await linked(browser)
  expect(second).not.toBe(first)
  expect(await idsOf(browser, 'auth.provider.listMine')).toEqual([second])
  await unlink(second)
  const third = await linked(other)
  expect(await idsOf(other, 'auth.provider.listMine')).toEqual([third])
  expect(toldBy(await link(browser, 'shared'))).toEqual(
    told(409, 'CONFLICT', 'What you are there is linked to another account here.', { reason: 'LINKED_TO_OTHER' }),
  )
  const rows = await ask(
    `SELECT id, deleted_at IS NULL AS alive, sealed_token FROM auth.oauth_accounts WHERE subject = 'shared' ORDER BY id`,
  )
  expect(rows).toEqual([first, second, third].map((id) => ({ id, alive: id === third, sealed_token: null })))
})

test('T08 a session that was deleted is seen nowhere, is not counted, opens nothing and cannot be ended', async () => {
  const { data } = await openBrowser(installation.server.url).mutate('auth.signIn', {
    email: ben.email,
    password: 'correct horse battery staple',
    delivery: 'TOKEN',
  })
  const { token, sessionId } = data as { token: string; sessionId: string }
  const details = async () => (await as(boss).query('auth.person.get', { userId: ben.userId })).data as { livingSessions: number }
  const { livingSessions } = await details()
  await ask('UPDATE auth.sessions SET deleted_at = now(), deletion_id = gen_random_uuid() WHERE id = $1', [sessionId])
  expect(await idsOf(as(ben), 'auth.session.list')).not.toContain(sessionId)
  expect((await details()).livingSessions).toBe(livingSessions - 1)
  expect(toldBy(await as({ token }).query('auth.me'))).toEqual(told(401, 'UNAUTHORIZED', 'Sign in first.'))
  const revoke = await as(ben).mutate('auth.session.revoke', { sessionId })
  expect(toldBy(revoke)).toEqual(told(404, 'NOT_FOUND', 'There is no such session.'))
  expect((await as(ben).mutate('auth.session.revokeOthers')).status).toBe(200)
  expect(await ask('SELECT revoked_at FROM auth.sessions WHERE id = $1', [sessionId])).toEqual([{ revoked_at: null }])
})

test('T08 what belongs to a deleted application or membership is in no list, no search and no count, whoever asks', async () => {
  const { server } = installation
  const [application, other] = [await newApplication(anna), await newApplication(anna)]
  const { id: applicationId } = application
  const membership = await joinApplication(server, { inviter: anna, invited: ben, application, role: 'ADMIN' })
  const elsewhere = await joinApplication(server, { inviter: anna, invited: ben, application: other, role: 'ADMIN' })
  const keyFor = async (id: string) =>
    ((await as(ben).mutate('auth.apiKey.create', { name: 'x', scopes: ['auth.me'], applicationId: id })).data as { id: string }).id
  const keys = [await keyFor(applicationId), await keyFor(other.id)]
  expect(await idsOf(as(ben), 'auth.apiKey.list')).toEqual(keys)
  await as(anna).mutate('auth.application.delete', { applicationId })
  await as(anna).mutate('auth.membership.remove', { applicationId: other.id, membershipId: elsewhere.id })
  expect(await itemsOf(as(ben), 'auth.application.list')).toEqual([])
  expect(await itemsOf(as(ben), 'auth.application.list', { deleted: true })).toEqual([])
  expect(await idsOf(as(anna), 'auth.membership.list', { applicationId: other.id, role: 'ADMIN' })).toEqual([])
  expect(await itemsOf(as(ben), 'auth.apiKey.list')).toEqual([])
  const gone = told(404, 'NOT_FOUND', 'There is no such application.')
  for (const [who, id] of [
    [anna, applicationId],
    [ben, applicationId],
    [ben, other.id],
  ] as const)
    expect(toldBy(await as(who).query('auth.application.get', { applicationId: id }))).toEqual(gone)
  const again = await joinApplication(server, { inviter: anna, invited: ben, application: other, role: 'USER' })
  const rows = await ask('SELECT id, deleted_at IS NULL AS alive FROM auth.memberships WHERE user_id = $1 ORDER BY created_at', [
    ben.userId,
  ])
  expect(rows).toEqual([membership.id, elsewhere.id, again.id].map((id) => ({ id, alive: id === again.id })))
})

test('T08 deleted applications are not counted among those that a person owns', async () => {
  const owner = await person(installation.server, 'Fifty')
  const create = () => as(owner).mutate('auth.application.create', { type: 'WEB', name: 'One of fifty' })
  for (let made = 0; made < 49; made += 1) await create()
  const { id: applicationId } = (await create()).data as { id: string }
  const tooMany = told(409, 'CONFLICT', 'A person owns at most 50 applications.', { reason: 'TOO_MANY' })
  expect(toldBy(await create())).toEqual(tooMany)
  await as(owner).mutate('auth.application.delete', { applicationId })
  expect((await create()).status).toBe(200)
  expect(toldBy(await create())).toEqual(tooMany)
})

test('T08 a deleted person is in no list, no search, no team and no application', async () => {
  const { server } = installation
  const gone = await person(server, 'Unmistakable')
  const application = await newApplication(anna)
  await joinApplication(server, { inviter: anna, invited: gone, application, role: 'USER' })
  const { id: teamId } = (await as(anna).mutate('teams.create', { name: 'Red', slug: 'red' })).data as { id: string }
  await as(anna).mutate('teams.invitation.create', { teamId, email: gone.email, role: 'MEMBER' })
  await as(gone).mutate('teams.invitation.accept', { token: await server.tokenMailedTo(gone.email, /to the team Red\./) })
  const seen = async () => [
    (await idsOf(as(boss), 'auth.person.list', { search: 'unmistakable' })).length,
    (await itemsOf(as(anna), 'auth.membership.list', { applicationId: application.id })).length,
    (await itemsOf(as(anna), 'teams.member.list', { teamId })).length,
  ]
  expect(await seen()).toEqual([1, 2, 2])
  expect((await as(gone).mutate('auth.account.deactivate')).status).toBe(200)
  await settled(server)
  expect(await seen()).toEqual([0, 1, 1])
  const noPerson = told(404, 'NOT_FOUND', 'There is no such person.')
  for (const what of ['get', 'activity'])
    expect(toldBy(await as(boss).query(`auth.person.${what}`, { userId: gone.userId }))).toEqual(noPerson)
  expect(await ask('SELECT email FROM auth.users WHERE id = $1', [gone.userId])).toEqual([{ email: gone.email }])
})
