/** Calls that were let in, and whose session ended before they did anything: what they were to make is not made. */
import { randomBytes } from 'node:crypto'
import type { AnyTRPCProcedure, AnyTRPCRouter } from '@trpc/server'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { joinApplication, makeAdministrator, newApplication } from '../../../test/applications.ts'
import { appWith, enrolApp } from '../../../test/authenticator-app.ts'
import { newAuthenticator } from '../../../test/authenticator.ts'
import { openBrowser, toldBy, type Answer, type Browser } from '../../../test/browser.ts'
import { query } from '../../../test/database.ts'
import { holdAccount } from '../../../test/held.ts'
import { eventually } from '../../../test/outbox.ts'
import { registerKey, stepUpBy } from '../../../test/passkeys.ts'
import { publicUrl, startInstallation, type Installation } from '../../../test/providers/installation.ts'
import type { TestServer } from '../../../test/server.ts'
import { joinTeam, newTeam, person, type Somebody } from '../../../test/teams.ts'
import { wholeState } from '../../../test/whole-state.ts'
import { appRouter } from '../../router.ts'
import { definitionOf } from '../../trpc/seal.ts'

/** Of whoever `person` makes. */
const password = 'correct horse battery staple'
const nobody = { status: 401, message: 'Sign in first.', data: { code: 'UNAUTHORIZED', httpStatus: 401 } }
let place: Installation
let server: TestServer

beforeAll(async () => {
  place = await startInstallation()
  server = place.server
})
afterAll(() => place?.stop())

const somebody = () => person(server, `p${randomBytes(6).toString('hex')}`)
const mailed = (email: string, what: RegExp) =>
  eventually(async () => (await server.mailsTo(email)).map(({ text }) => what.exec(text)?.[1]).find((found) => found !== undefined))

function dataOf<T>({ status, data, text }: Answer): T {
  if (status !== 200) throw new Error(text)
  return data as T
}

/** Signs the person in once more, in a browser of its own. */
async function signIn({ email }: Somebody): Promise<Browser> {
  const browser = openBrowser(server.url)
  dataOf(await browser.mutate('auth.signIn', { email, password, delivery: 'COOKIE' }))
  return browser
}

/** Everything that is kept, but for what says that a session was used, that it ended, or that a visit was made. */
const kept = async () => {
  const state = await wholeState(server.database.ownerUrl)
  return { ...state, 'auth.sessions': undefined, 'auth.provider_attempts': undefined }
}

/** Makes ready what a call needs, and gives the call. */
type Late = (who: Somebody, by: Browser) => Promise<() => Promise<Answer>>

/** A call that needs nothing but its input. */
const plain =
  (path: string, input?: unknown): Late =>
  async (_who, by) =>
  () =>
    by.mutate(path, input)

/** A call on an application of the person's own. */
const onApplication =
  (path: string, input: object = {}): Late =>
  async (who, by) => {
    const { id: applicationId } = await newApplication(who)
    return () => by.mutate(path, { applicationId, ...input })
  }

/** A call on somebody's membership in an application of the person's own. */
const onMembership =
  (path: string, input: object): Late =>
  async (who, by) => {
    const application = await newApplication(who)
    const { id: membershipId } = await joinApplication(server, { inviter: who, invited: await somebody(), application, role: 'USER' })
    return () => by.mutate(path, { applicationId: application.id, membershipId, ...input })
  }

/** A call on somebody else, by an administrator of the installation. */
const onPerson =
  (path: string, input: object = {}): Late =>
  async (_who, by) => {
    const { userId } = await somebody()
    return () => by.mutate(path, { userId, ...input })
  }

const applicationInvitation: Late = async (who, by) => {
  const inviter = await somebody()
  const { id: applicationId } = await newApplication(inviter)
  await inviter.client.auth.applicationInvitation.create.mutate({ applicationId, email: who.email, role: 'USER' })
  const token = await mailed(who.email, /#token=(pln_ai_[\w-]+)/)
  return () => by.mutate('auth.applicationInvitation.accept', { token })
}

const teamInvitation: Late = async (who, by) => {
  const inviter = await somebody()
  const { id: teamId } = await newTeam(inviter)
  await inviter.client.teams.invitation.create.mutate({ teamId, email: who.email, role: 'MEMBER' })
  const token = await mailed(who.email, /#token=(pln_i_[\w-]+)/)
  return () => by.mutate('teams.invitation.accept', { token })
}

/** Each call that makes, gives or takes something that outlives its session. */
const late: Record<string, Late> = {
  'auth.apiKey.create': plain('auth.apiKey.create', { name: 'x', scopes: ['teams.*'] }),
  'auth.application.create': plain('auth.application.create', { type: 'WEB', name: 'X' }),
  'auth.application.update': onApplication('auth.application.update', { version: 1, redirectUris: ['https://evil.example/cb'] }),
  'auth.application.delete': onApplication('auth.application.delete'),
  'auth.application.restore': async (who, by) => {
    const { id: applicationId } = await newApplication(who)
    dataOf(await by.mutate('auth.application.delete', { applicationId }))
    return () => by.mutate('auth.application.restore', { applicationId })
  },
  'auth.applicationSecret.create': onApplication('auth.applicationSecret.create', { name: 'x' }),
  'auth.applicationInvitation.create': onApplication('auth.applicationInvitation.create', { email: 'evil@example.com', role: 'USER' }),
  'auth.applicationInvitation.accept': applicationInvitation,
  'auth.membership.changeRole': onMembership('auth.membership.changeRole', { role: 'OWNER' }),
  'auth.membership.update': onMembership('auth.membership.update', { version: 1, active: false }),
  'auth.membership.remove': onMembership('auth.membership.remove', {}),
  'auth.passkey.register': async (_who, by) => {
    const key = newAuthenticator({ origin: publicUrl })
    const options = dataOf<Parameters<typeof key.register>[0]>(await by.mutate('auth.passkey.registerOptions'))
    return () => by.mutate('auth.passkey.register', { name: 'x', response: key.register(options) })
  },
  'auth.passkey.remove': async (_who, by) => {
    const key = newAuthenticator({ origin: publicUrl })
    const { id } = dataOf<{ id: string }>(await registerKey(by, key, 'x'))
    dataOf(await stepUpBy(by, key))
    return () => by.mutate('auth.passkey.remove', { id })
  },
  'auth.totp.enrol': plain('auth.totp.enrol'),
  'auth.totp.confirm': async (_who, by) => {
    const { secret } = dataOf<{ secret: string }>(await by.mutate('auth.totp.enrol'))
    return () => by.mutate('auth.totp.confirm', { code: appWith(secret).code() })
  },
  'auth.totp.disable': async (_who, by) => {
    await enrolApp(by)
    return () => by.mutate('auth.totp.disable')
  },
  'auth.recoveryCode.regenerate': plain('auth.recoveryCode.regenerate'),
  'auth.password.change': plain('auth.password.change', {
    currentPassword: password,
    password: 'ten brisk herons wade',
  }),
  'auth.stepUp.password': plain('auth.stepUp.password', { password }),
  'auth.email.requestChange': plain('auth.email.requestChange', { email: 'evil@example.com' }),
  'auth.email.confirmChange': async (who, by) => {
    dataOf(await by.mutate('auth.email.requestChange', { email: `next.${who.email}` }))
    const token = await mailed(`next.${who.email}`, /#token=(pln_ep_[\w-]+)/)
    return () => by.mutate('auth.email.confirmChange', { token })
  },
  'auth.account.dataExport.request': plain('auth.account.dataExport.request'),
  'auth.account.dataExport.download': async (who, by) => {
    const { id: exportId } = dataOf<{ id: string }>(await by.mutate('auth.account.dataExport.request'))
    await eventually(async () => (await who.client.auth.account.dataExport.list.query({})).items[0]?.status === 'READY')
    return () => by.mutate('auth.account.dataExport.download', { exportId })
  },
  'auth.account.deactivate': plain('auth.account.deactivate'),
  'auth.provider.finish': async ({ email }, by) => {
    place.company.person = { sub: email, email, email_verified: true }
    const { given } = await place.come(by, { by: 'auth.provider.link' })
    return () => by.mutate('auth.provider.finish', given)
  },
  'auth.plex.check': async (_who, by) => {
    const { id, url } = dataOf<{ id: string; url: string }>(await by.mutate('auth.plex.link', { delivery: 'COOKIE' }))
    place.plex.confirm(url, { id: 99_001, username: 'thief', title: 'Thief', email: null })
    return () => by.mutate('auth.plex.check', { id, wait: 0 })
  },
  'auth.provider.unlink': async ({ email, client }, by) => {
    place.company.person = { sub: email, email, email_verified: true }
    dataOf(await by.mutate('auth.provider.finish', (await place.come(by, { by: 'auth.provider.link' })).given))
    const id = (await client.auth.provider.listMine.query({})).items[0]?.id
    return () => by.mutate('auth.provider.unlink', { id })
  },
  'auth.person.setRole': onPerson('auth.person.setRole', { role: 'ADMIN' }),
  'auth.person.disable': onPerson('auth.person.disable'),
  'auth.person.restore': onPerson('auth.person.restore'),
  'auth.person.requireReset': onPerson('auth.person.requireReset'),
  'auth.person.endSessions': onPerson('auth.person.endSessions'),
  'auth.person.removeFactors': onPerson('auth.person.removeFactors'),
  'auth.person.impersonate': onPerson('auth.person.impersonate', { reason: 'SUPPORT' }),
  'auth.membership.grant': onPerson('auth.membership.grant', { application: 'audits', role: 'ADMIN' }),
  'auth.membership.withdraw': onPerson('auth.membership.withdraw', { application: 'audits' }),
  'teams.invitation.create': async (who, by) => {
    const { id: teamId } = await newTeam(who)
    return () => by.mutate('teams.invitation.create', { teamId, email: 'evil@example.com', role: 'OWNER' })
  },
  'teams.invitation.resend': async (who, by) => {
    const { id: teamId } = await newTeam(who)
    const { id: invitationId } = await who.client.teams.invitation.create.mutate({ teamId, email: 'evil@example.com', role: 'OWNER' })
    return () => by.mutate('teams.invitation.resend', { teamId, invitationId })
  },
  'teams.invitation.accept': teamInvitation,
  'teams.member.transfer': async (who, by) => {
    const [team, other] = [await newTeam(who), await somebody()]
    await joinTeam(server, who, other, team, 'MEMBER')
    return () => by.mutate('teams.member.transfer', { teamId: team.id, userId: other.userId })
  },
  'teams.member.changeRole': async (who, by) => {
    const [team, other] = [await newTeam(who), await somebody()]
    await joinTeam(server, who, other, team, 'MEMBER')
    return () => by.mutate('teams.member.changeRole', { teamId: team.id, userId: other.userId, role: 'OWNER' })
  },
}

test.each(Object.entries(late))('S04 %s, let in before its session was ended, has no effect after it', async (path, make) => {
  const who = await somebody()
  if (/^auth\.(?:person|membership\.(?:grant|withdraw))/.test(path)) await makeAdministrator(server, who)
  const [owner, by] = [await signIn(who), await signIn(who)]
  const call = await make(who, by)
  await using held = await holdAccount(server.database.ownerUrl, who.userId)
  const before = await kept()
  const ending = owner.mutate('auth.session.revokeOthers')
  await held.waiting(1)
  const answer = call()
  await held.waiting(2)
  await held.release()
  dataOf(await ending)
  expect(toldBy(await answer)).toEqual(nobody)
  expect(await kept()).toEqual(before)
})

/** What is the session's own and ends with it, and a name. */
const ofTheSession = ['auth.passkey.registerOptions', 'auth.passkey.rename', 'auth.plex.link', 'auth.provider.link']

test('the table leaves out nothing that asks for a fresh proof', () => {
  const procedures = Object.entries<AnyTRPCProcedure>((appRouter as AnyTRPCRouter)._def.procedures)
  const proven = procedures.filter(([, procedure]) => {
    const { meta, type } = definitionOf(procedure)
    return type === 'mutation' && meta?.access?.includes('proven within ten minutes')
  })
  const left = proven.map(([path]) => path).filter((path) => !(path in late) && !ofTheSession.includes(path))
  expect(left).toEqual([])
})

test('S04 a link to Plex that is waited for is not made once the session that waits was ended', async () => {
  const who = await somebody()
  const [owner, by] = [await signIn(who), await signIn(who)]
  const { id, url } = dataOf<{ id: string; url: string }>(await by.mutate('auth.plex.link', { delivery: 'COOKIE' }))
  const waiting = by.mutate('auth.plex.check', { id, wait: 8 })
  const asked = () => query(server.database.ownerUrl, 'SELECT FROM auth.provider_attempts WHERE id = $1 AND asked_at IS NOT NULL', [id])
  await eventually(async () => (await asked()).length === 1)
  dataOf(await owner.mutate('auth.session.revokeOthers'))
  place.plex.confirm(url, { id: 99_002, username: 'thief', title: 'Thief', email: null })
  expect(toldBy(await waiting)).toEqual(nobody)
  expect(await query(server.database.ownerUrl, 'SELECT FROM auth.oauth_accounts WHERE user_id = $1', [who.userId])).toEqual([])
})
