/** Applications and their people for tests, made through the API alone. */
import type { RouterOutputs } from '@plinth/client'
import { query } from './database.ts'
import { eventually } from './outbox.ts'
import type { TestServer } from './server.ts'
import type { Somebody } from './teams.ts'

export type Application = RouterOutputs['auth']['application']['create']
export type Membership = RouterOutputs['auth']['membership']['list']['items'][number]

let made = 0

/** Registers an application that the person owns. */
export async function newApplication(owner: Somebody, type: Application['type'] = 'WEB'): Promise<Application> {
  return owner.client.auth.application.create.mutate({ type, name: `Application ${++made}` })
}

/** Invites a person by mail, and lets them accept. */
export async function joinApplication(
  server: TestServer,
  { inviter, invited, application, role }: { inviter: Somebody; invited: Somebody; application: Application; role: Application['role'] },
): Promise<Membership> {
  const applicationId = application.id
  const before = await mailsFor(server, invited, application)
  await inviter.client.auth.applicationInvitation.create.mutate({ applicationId, email: invited.email, role })
  const token = await eventually(async () => tokenIn(await newestAfter(server, invited, application, before)))
  const { membershipId } = await invited.client.auth.applicationInvitation.accept.mutate({ token })
  return membershipOf(inviter, application, membershipId)
}

/** Those of this application alone: the mail of another invitation may still be on its way. */
const mailsFor = async (server: TestServer, { email }: Somebody, { name }: Application) =>
  (await server.mailsTo(email)).filter(({ text }) => text.includes(`to the application ${name}.`))

/** The invitation that was mailed since; an older one may lead to the same application. */
async function newestAfter(server: TestServer, invited: Somebody, application: Application, before: readonly unknown[]): Promise<string> {
  const mails = await mailsFor(server, invited, application)
  return mails.length > before.length ? (mails[0]?.text ?? '') : ''
}

function tokenIn(text: string): string | undefined {
  return /#token=([\w-]+)/.exec(text)?.[1]
}

/** The membership with this id, as a manager sees it. */
export async function membershipOf(manager: Somebody, { id }: Application, membershipId: Membership['id']): Promise<Membership> {
  const { items } = await manager.client.auth.membership.list.query({ applicationId: id, limit: 100 })
  const found = items.find((membership) => membership.id === membershipId)
  if (!found) throw new Error('There is no such membership')
  return found
}

/** The manager's own membership. */
export async function ownMembership(manager: Somebody, { id }: Application): Promise<Membership> {
  const { items } = await manager.client.auth.membership.list.query({ applicationId: id, limit: 100 })
  const found = items.find(({ userId }) => userId === manager.userId)
  if (!found) throw new Error('The person is not in the application')
  return found
}

/** Makes a person an administrator of the installation, as nobody may through the API. */
export async function makeAdministrator(server: TestServer, { userId }: Somebody): Promise<void> {
  await query(server.database.ownerUrl, `UPDATE auth.users SET role = 'ADMIN' WHERE id = $1`, [userId])
}

/** An application with one of each role. */
export interface Cast {
  readonly application: Application
  readonly owner: Membership
  readonly admin: Membership
  readonly user: Membership
}

/** Makes an application of the owner's, with these people as its ADMIN and its USER. */
export async function newCast(server: TestServer, owner: Somebody, admin: Somebody, user: Somebody): Promise<Cast> {
  const application = await newApplication(owner)
  const asAdmin = await joinApplication(server, { inviter: owner, invited: admin, application, role: 'ADMIN' })
  const asUser = await joinApplication(server, { inviter: admin, invited: user, application, role: 'USER' })
  return { application, owner: await ownMembership(owner, application), admin: asAdmin, user: asUser }
}
