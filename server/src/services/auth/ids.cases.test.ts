import type { AnyTRPCRouter } from '@trpc/server'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeAdministrator, newApplication } from '../../../test/applications.ts'
import type { Authenticator } from '../../../test/authenticator.ts'
import { belongingsOf, deletedOf, settled, type Belongings } from '../../../test/belongings.ts'
import { openBrowser, toldBy, type Answer, type Browser } from '../../../test/browser.ts'
import { query } from '../../../test/database.ts'
import { idFieldsOf, type Brand, type IdField } from '../../../test/ids-in-router.ts'
import { answerOf, passkeyOrigin, passkeyPassword, passkeyPerson } from '../../../test/passkeys.ts'
import { startPlexTv, type PlexTv } from '../../../test/providers/plex.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'
import { newTeam, person } from '../../../test/teams.ts'
import { wholeState } from '../../../test/whole-state.ts'
import { appRouter } from '../../router.ts'

let server: TestServer
let plex: PlexTv
/** What is Anna's; what was somebody's, until it was deleted; and what is of whoever tries. */
let theirs: Partial<Belongings> = {}
let deleted: Partial<Belongings> = {}
let own: Partial<Belongings> = {}
const callers = {} as Record<Caller, Browser>

beforeAll(async () => {
  plex = await startPlexTv()
  const ofPlex = {
    PLEX_CLIENT_ID: 'plinth-of-these-tests',
    PLEX_URL: plex.url,
    PLEX_SIGN_IN_URL: `${plex.url}/auth`,
    PRIVATE_HOSTS: plex.host,
  }
  server = await startTestServer({ env: { PUBLIC_URL: passkeyOrigin, ...ofPlex } })
  const [anna, ben, mallory] = [await person(server, 'Anna'), await person(server, 'Ben'), await person(server, 'Mallory')]
  const [boss, gone] = [await person(server, 'Boss'), await person(server, 'Gone')]
  await makeAdministrator(server, boss)
  deleted = { ...(await deletedOf(anna)), UserId: gone.userId }
  await gone.client.auth.account.deactivate.mutate()
  // Until the erasure of those who have left, administrators see to them: here it is over.
  await ask('UPDATE auth.users SET erase_after = NULL WHERE id = $1', [gone.userId])
  theirs = await belongingsOf(server, plex, anna, ben)
  own = { TeamId: (await newTeam(mallory)).id, ApplicationId: (await newApplication(mallory)).id }
  await settled(server)
  for (const [name, { token }] of Object.entries({ person: mallory, administrator: boss }))
    callers[name as Caller] = openBrowser(server.url, { authorization: `Bearer ${token}` }, fetchWhole)
  callers.stranger = openBrowser(server.url, {}, fetchWhole)
}, 60_000)
afterAll(async () => {
  await server?.stop()
  await plex?.stop()
})

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
type Asked = Parameters<Authenticator['sign']>[0]
type Pending = { readonly pendingToken: string }

/** A stream that is refused says so inside: gives its one error as any other call is answered. */
const fetchWhole: typeof fetch = async (...request) => {
  const response = await fetch(...request)
  if (response.headers.get('content-type') !== 'text/event-stream') return response
  const [, error = ''] = /event: serialized-error\ndata: (\{.*\})/.exec(await response.text()) ?? []
  const { status } = /"httpStatus":(?<status>\d+)/.exec(error)?.groups ?? {}
  return new Response(`{"error":${error}}`, { status: Number(status), headers: response.headers })
}

type Caller = 'stranger' | 'person' | 'administrator'

const fields = idFieldsOf(appRouter as AnyTRPCRouter)
const branded = fields.filter((field): field is IdField & { brand: Brand } => field.brand !== null)
const isUuid = (id: string) => id.includes('-')
const unknownLike = (id: string) => (isUuid(id) ? '01991f0e-7b1c-7000-8000-000000000000' : 'tz4a98xxat96iws9zmbrgj3a')

/** Named like ids, and tried elsewhere or no one's. */
const noIds: Record<string, string> = {
  'admin.error.list requestId': 'what a caller was told; for administrators, to whom every fault is shown',
  'teams.billingContact.set taxId': 'what stands on an invoice',
  'teams.events lastEventId': 'a position in the team that is let into by its teamId',
}

/** Public names of keys, in what authenticators answer: tried below. */
const isCredential = ({ field }: IdField) => /^response\.(?:id|rawId)$/.test(field)

test('T01 every field that is named like an id is one of ours, or known for what else it is', () => {
  const others = fields.filter((field) => field.brand === null && !isCredential(field))
  expect(others.map(({ procedure, field }) => `${procedure} ${field}`).toSorted()).toEqual(Object.keys(noIds).toSorted())
  expect(branded.length).toBeGreaterThan(50)
})

/** What the inputs need beside their ids, so that the id is what is answered. */
const beside: Record<string, object> = {
  'auth.apiKey.create': { name: 'x', scopes: ['auth.me'] },
  'auth.application.update': { version: 1, name: 'X' },
  'auth.applicationSecret.create': { name: 'x' },
  'auth.applicationInvitation.create': { email: 'x@example.com', role: 'USER' },
  'auth.membership.changeRole': { role: 'ADMIN' },
  'auth.membership.update': { version: 1, active: false },
  'auth.membership.grant': { application: 'audits', role: 'CLIENT' },
  'auth.membership.withdraw': { application: 'audits' },
  'auth.passkey.rename': { name: 'X' },
  'auth.person.impersonate': { reason: 'SUPPORT' },
  'auth.person.setRole': { role: 'ADMIN' },
  'auth.plex.check': { wait: 0 },
  'teams.billingContact.set': { name: 'X', email: 'x@example.com', address: null, taxId: null },
  'teams.invitation.create': { email: 'x@example.com', role: 'VIEWER' },
  'teams.member.changeRole': { role: 'OWNER' },
  'teams.update': { version: 1, name: 'X' },
}

/** What is said of an id that is nothing to the caller, by what it is an id of; some say it in their own words. */
const sentences: Record<Brand, string> = {
  UserId: 'There is no such person.',
  TeamId: 'There is no such team.',
  InvitationId: 'There is no such invitation.',
  SessionId: 'There is no such session.',
  ApplicationId: 'There is no such application.',
  ApplicationSecretId: 'There is no such secret.',
  MembershipId: 'There is no such membership.',
  ApiKeyId: 'There is no such key.',
  ApplicationInvitationId: 'There is no such invitation.',
  OauthAccountId: 'There is no such linked account.',
  PasskeyId: 'There is no such passkey.',
  VisitId: 'This sign-in is unknown, was used, is too old, or was begun elsewhere. Begin again.',
  DataExportId: 'There is no such export.',
}
const ownWords: Record<string, string> = {
  'auth.membership.withdraw': 'This person has no role there.',
  'teams.member.changeRole': 'This person is not in the team.',
  'teams.member.remove': 'This person is not in the team.',
  'teams.member.transfer': 'This person is no other member of the team.',
}

/** Nothing is anybody's to those whom the door does not let in: they are told so, whatever they ask for. */
function expected(caller: Caller, { procedure, access, field, brand }: IdField & { brand: Brand }): unknown {
  const isFirst = branded.find((each) => each.procedure === procedure)?.field === field
  const words = (brand === 'UserId' ? ownWords[procedure] : undefined) ?? sentences[brand]
  // Who asks about a visit is told as who shows a credential is: a visit is one.
  if (procedure === 'auth.plex.check') return told(401, 'UNAUTHORIZED', words)
  if (caller === 'stranger') return told(401, 'UNAUTHORIZED', 'Sign in first.')
  if (caller === 'person' && access.startsWith('administrators')) return told(403, 'FORBIDDEN', 'Only administrators may do this.')
  if (caller === 'administrator' && !isFirst) throw new Error(`${procedure} names two people`)
  return told(404, 'NOT_FOUND', words)
}

const told = (status: number, code: string, message: string, details?: object) => ({
  status,
  message,
  data: { code, ...(details && { details }), httpStatus: status },
})

/** The scope is named by another's id together with what is in it; what is in a scope is looked for in the caller's own. */
function inputFor({ procedure, field, brand }: IdField & { brand: Brand }, id: string): object {
  const [first, ...rest] = branded.filter((each) => each.procedure === procedure)
  const isScope = first?.field === field
  const others = isScope ? rest.map((each) => [each.field, theirs[each.brand]]) : [[first?.field, own[first?.brand ?? brand]]]
  return { ...beside[procedure], ...Object.fromEntries(others), [field]: id }
}

async function call(browser: Browser, { procedure, type }: IdField, input: object): Promise<Answer> {
  return browser[type === 'mutation' ? 'mutate' : 'query'](procedure, input)
}

const asSent = ({ status, text, setCookies }: Answer) => ({ status, text: text.replace(/"requestId":"[^"]*"/, ''), setCookies })

/** The id of somebody else's: for administrators, who see everybody, of somebody who is gone. */
function othersId(caller: Caller, { procedure, brand }: { procedure: string; brand: Brand }): string {
  const isGone = procedure.endsWith('.restore') || caller === 'administrator'
  const id = (isGone ? deleted : theirs)[brand] ?? theirs[brand]
  if (id === undefined) throw new Error(`Nobody has anything with a ${brand}: give it to somebody in test/belongings.ts`)
  return id
}

const tries = branded.flatMap((field) => {
  const asked: Caller[] = field.access.startsWith('administrators') ? ['stranger', 'person', 'administrator'] : ['stranger', 'person']
  return asked.map((caller) => ({ ...field, caller }))
})

test.each(tries)('T01 $procedure answers a $caller the same for the $field of somebody else and for one that never was', async (each) => {
  const [browser, id] = [callers[each.caller], othersId(each.caller, each)]
  const before = await wholeState(server.database.ownerUrl)
  const answer = await call(browser, each, inputFor(each, id))
  const none = await call(browser, each, inputFor(each, unknownLike(id)))
  expect(toldBy(answer)).toEqual(expected(each.caller, each))
  expect(asSent(answer)).toEqual(asSent(none))
  expect(await wholeState(server.database.ownerUrl)).toEqual(before)
})

const shownToBeWrong: Record<string, unknown> = {
  'auth.passkey.signIn': told(401, 'UNAUTHORIZED', 'The passkey is unknown here, or the sign-in took too long. Begin again.'),
  'auth.secondFactor.passkey': told(401, 'UNAUTHORIZED', 'The code is wrong, or the sign-in has taken too long.'),
  'auth.stepUp.passkey': told(400, 'BAD_REQUEST', 'This is not right.', { fields: { response: ['is wrong'] } }),
}

test('T01 a passkey’s answer that names the key of somebody else is told what the name of no key is told', async () => {
  const { browser, key, email } = await passkeyPerson(server, 'nina@example.com')
  const [{ credential } = { credential: '' }] = await ask<{ credential: string }>(
    'SELECT credential_id AS credential FROM auth.passkeys WHERE id = $1',
    [theirs.PasskeyId],
  )
  const rows = () => ask('SELECT p.*, (SELECT count(*) FROM auth.sessions) FROM auth.passkeys AS p ORDER BY id')
  const named = (response: object, id: string) => ({ ...response, id, rawId: id })
  const pending = async () =>
    ((await openBrowser(server.url).mutate('auth.signIn', { email, password: passkeyPassword, delivery: 'TOKEN' })).data as Pending)
      .pendingToken
  const tries: Record<string, (id: string) => Promise<Answer>> = {
    'auth.passkey.signIn': async (id) => {
      const stranger = openBrowser(server.url)
      return stranger.mutate('auth.passkey.signIn', { response: named(await answerOf(stranger, key), id) })
    },
    'auth.secondFactor.passkey': async (id) => {
      const pendingToken = await pending()
      const { data } = await browser.mutate('auth.passkey.secondFactorOptions', { pendingToken })
      return openBrowser(server.url).mutate('auth.secondFactor.passkey', { pendingToken, response: named(key.sign(data as Asked), id) })
    },
    'auth.stepUp.passkey': async (id) => {
      const { data } = await browser.mutate('auth.passkey.stepUpOptions')
      return browser.mutate('auth.stepUp.passkey', { response: named(key.sign(data as Asked), id) })
    },
  }
  const before = await rows()
  for (const [procedure, attempt] of Object.entries(tries)) {
    const [answer, none] = [toldBy(await attempt(credential)), toldBy(await attempt('AAAAAAAAAAAAAAAAAAAAAA'))]
    expect([procedure, answer]).toEqual([procedure, shownToBeWrong[procedure]])
    expect(none).toEqual(answer)
    expect(await rows()).toEqual(before)
  }
  const known = new Set([...Object.keys(tries), 'auth.passkey.register'])
  expect(new Set(fields.filter(isCredential).map(({ procedure }) => procedure))).toEqual(known)
})

/** Whose ids are tried above is nobody's invention: otherwise every answer would be the same for nothing. */
test('T01 everything that is refused above is there, and is still there', async () => {
  const tables = await ask<{ name: string }>(
    `SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.columns
     WHERE column_name = 'id' AND table_schema IN ('auth', 'teams')`,
  )
  const rows = tables.map(({ name }) => `SELECT id::text, deleted_at IS NOT NULL AS gone FROM ${name}`).join(' UNION ALL ')
  const all = new Map((await ask<{ id: string; gone: boolean }>(rows)).map(({ id, gone }) => [id, gone]))
  expect(Object.entries(theirs).map(([brand, id]) => [brand, all.get(id)])).toEqual(Object.keys(theirs).map((brand) => [brand, false]))
  expect(Object.entries(deleted).map(([brand, id]) => [brand, all.get(id)])).toEqual(Object.keys(deleted).map((brand) => [brand, true]))
  expect(Object.keys(theirs).toSorted()).toEqual([...new Set(branded.map(({ brand }) => brand))].toSorted())
})
