/** Applications: registered, listed, changed, deleted, restored. */
import { db, keyset, nextVersion, type Refusal, refuse, refuseStale, type Row, transaction, type Tx, withDeleted } from '#db'
import { z } from 'zod'
import type { UserActor } from '#lib/actor.ts'
import { AppError } from '#lib/errors.ts'
import { ApplicationId, MembershipId } from '#lib/ids.ts'
import { checkAddresses } from './application-addresses.ts'
import { mayManageApplication, mayManagePeople } from './application-policy.ts'
import { BuiltIn, type MembershipRole } from './application-roles.ts'
import { lockApplication, noSuchApplication, refuseRole, type ApplicationActor } from './application-scope.ts'
import { lockCaller, refuseCaller } from './caller.ts'
import { refuseUnknown } from './refusals.ts'
import { revocation } from './revocations.ts'
import type { Application, ApplicationList, CreateApplication, ListApplications, UpdateApplication } from './schema-application.ts'

/** Owned by one person at a time: enough for a developer, too few to fill a table with. */
const mostOwned = 50

/**
 * Registers an application whose first owner is the actor.
 *
 * @throws BAD_REQUEST naming the address that it may not have; CONFLICT TOO_MANY when the actor owns fifty.
 */
export async function createApplication(actor: UserActor, input: CreateApplication): Promise<Application> {
  checkAddresses(input.type, input)
  return transaction('auth', actor, async (tx) => {
    if (!(await lockCaller(tx, actor))) return refuseCaller()
    const owned = await tx.membership.count({ where: { userId: actor.userId, role: 'OWNER' } })
    if (owned >= mostOwned) return refuse('CONFLICT', `A person owns at most ${mostOwned} applications.`, { reason: 'TOO_MANY' })
    const application = await tx.application.create({ data: input })
    const { userId } = actor
    const membership = await tx.membership.create({ data: { userId, applicationId: application.id, role: 'OWNER' } })
    const applicationId = ApplicationId.parse(application.id)
    tx.record('auth.application.created', { user: userId }, { applicationId, type: input.type })
    const joined = { applicationId, membershipId: MembershipId.parse(membership.id), role: 'OWNER', how: 'CREATED' } as const
    tx.record('auth.membership.created', { user: userId }, joined)
    return present(application, 'OWNER')
  })
}

/** Lists the applications that the actor manages, or with `deleted` those that they owned and may restore. In no order that means anything. */
export async function listApplications(actor: UserActor, { deleted, ...page }: ListApplications): Promise<ApplicationList> {
  const { where, take, cut } = keyset(page, 'id', { key: z.cuid2() })
  const mine = deleted
    ? { role: 'OWNER' as const, deletedAt: { not: null }, application: { deletedAt: { not: null } } }
    : { role: { in: ['OWNER' as const, 'ADMIN' as const] }, deletedAt: null, application: { deletedAt: null } }
  const rows = await withDeleted('auth').membership.findMany({
    where: { userId: actor.userId, active: true, ...mine, ...where },
    include: { application: true },
    orderBy: { id: 'asc' },
    take,
  })
  const { items, nextCursor } = cut(rows)
  // Whoever left before the application was deleted was not taken by its deletion.
  const theirs = items.filter((membership) => membership.deletionId === membership.application.deletionId)
  return { items: theirs.map(({ application, role }) => present(application, role)), nextCursor }
}

/**
 * Gives the application as those who manage it see it.
 *
 * @throws FORBIDDEN unless the actor manages it.
 */
export async function getApplication(actor: ApplicationActor): Promise<Application> {
  if (!mayManagePeople(actor.role)) throw new AppError('FORBIDDEN', 'Only owners and admins see an application so.')
  const application = await db('auth').application.findFirst({ where: { id: actor.applicationId } })
  if (!application) throw noSuchApplication()
  return present(application, actor.role)
}

/**
 * Changes what is given and leaves the rest. One that is made inactive is nobody's to use until it is active again.
 *
 * @throws FORBIDDEN unless the actor owns it; CONFLICT STALE_VERSION when it changed meanwhile; BAD_REQUEST naming the faulty address.
 */
export async function updateApplication(actor: ApplicationActor, input: UpdateApplication): Promise<Application> {
  const { applicationId, version, ...changes } = input
  return transaction('auth', actor, async (tx) => {
    const { application, me } = await lockApplication(tx, actor)
    if (!mayManageApplication(me.role)) return refuseRole(tx, actor, 'update', 'Only an owner may change an application.')
    if (application.version !== version) return refuseStale()
    checkAddresses(application.type, { ...application, ...changes })
    const updated = await tx.application.update({ where: { id: applicationId }, data: { ...changes, version: nextVersion } })
    if (updated.active !== application.active) await tellMembers(tx, applicationId)
    tx.record('auth.application.updated', { user: actor.userId }, { applicationId, fields: Object.keys(changes) })
    return present(updated, me.role)
  })
}

/**
 * Deletes the application with its people, secrets and invitations, until an owner restores it.
 *
 * @throws FORBIDDEN unless the actor owns it, and for a built-in one.
 */
export async function deleteApplication(actor: ApplicationActor): Promise<Application> {
  return transaction('auth', actor, async (tx) => {
    const { application, me } = await lockApplication(tx, actor)
    if (application.builtIn !== null) return refuseBuiltIn(tx, actor)
    if (!mayManageApplication(me.role)) return refuseRole(tx, actor, 'delete', 'Only an owner may delete an application.')
    await tellMembers(tx, application.id)
    const { deletionId } = await tx.application.delete({ where: { id: application.id } })
    const { applicationId, userId } = actor
    tx.record('auth.application.deleted', { user: userId }, { applicationId, deletionId: deletionId ?? '' })
    return present(application, me.role)
  })
}

/**
 * Brings a deleted application back, with the people, secrets and invitations that its deletion took. API keys that were made for it stay
 * dead.
 *
 * @throws NOT_FOUND unless the actor owned it when it was deleted.
 */
export async function restoreApplication(actor: UserActor, applicationId: ApplicationId): Promise<Application> {
  const owned = await withDeleted('auth').membership.findFirst({
    where: { applicationId, userId: actor.userId, role: 'OWNER', active: true, deletedAt: { not: null } },
    include: { application: true },
    orderBy: { deletedAt: 'desc' },
  })
  const deletionId = owned?.application.deletionId
  return transaction('auth', actor, async (tx) => {
    if (!(await lockCaller(tx, actor))) return refuseCaller()
    const isTheirs = owned && deletionId && deletionId === owned.deletionId
    if (!isTheirs || (await tx.restore('application', deletionId)) === 0)
      return refuseUnknown(tx, actor, 'application.restore', 'There is no such application.')
    tx.record('auth.application.restored', { user: actor.userId }, { applicationId, deletionId })
    return present(owned.application, 'OWNER')
  })
}

/** Everybody in it: what is remembered of their roles and keys here no longer holds. */
async function tellMembers(tx: Tx<'auth'>, applicationId: string): Promise<void> {
  const people = await tx.membership.findMany({ where: { applicationId }, select: { userId: true } })
  await tx.notify(
    'plinth_revoked',
    people.map(({ userId }) => revocation(userId)),
  )
}

function refuseBuiltIn(tx: Tx<'auth'>, { applicationId, userId }: ApplicationActor): Refusal {
  tx.record('auth.application.refused', { user: userId }, { applicationId, asked: 'delete', reason: 'BUILT_IN' })
  return refuse('FORBIDDEN', 'This application is a part of the installation: it is not deleted.')
}

function present(row: Row<'application'>, role: MembershipRole): Application {
  const { type, name, homePage, clientId, redirectUris, allowedOrigins, active, version, createdAt } = row
  const builtIn = row.builtIn === null ? null : BuiltIn.parse(row.builtIn)
  const id = ApplicationId.parse(row.id)
  return { id, type, name, homePage, clientId, builtIn, redirectUris, allowedOrigins, active, version, role, createdAt }
}
