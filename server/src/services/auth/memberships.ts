/** Memberships: the people of an application, their roles, and what it keeps about them. */
import { db, keyset, nextVersion, type Refusal, refuse, refuseStale, type Row, transaction, type Tx } from '#db'
import { z } from 'zod'
import { AppError } from '#lib/errors.ts'
import { ApplicationId, MembershipId, UserId } from '#lib/ids.ts'
import { isLastOwner } from './application-owners.ts'
import { mayHandle, mayManagePeople } from './application-policy.ts'
import { leastRoleOf, rolesOf, type MembershipRole } from './application-roles.ts'
import { lockApplication, refuseForeign, refuseRole, refuseUnprovenOver, type ApplicationActor } from './application-scope.ts'
import { revocation } from './revocations.ts'
import type {
  ChangeMembershipRole,
  ListMemberships,
  Membership,
  MembershipList,
  MembershipRemoved,
  RemoveMembership,
  UpdateMembership,
} from './schema-membership.ts'

/** A membership and whose it is. */
export type PersonIn = Row<'membership'> & { readonly user: Pick<Row<'user'>, 'name' | 'email'> }

const person = { user: { select: { name: true, email: true } } } as const

/**
 * Lists the people of the application. In no order that means anything.
 *
 * @throws FORBIDDEN unless the actor manages people.
 */
export async function listMemberships(
  actor: ApplicationActor,
  { applicationId, role, active, ...page }: ListMemberships,
): Promise<MembershipList> {
  if (!mayManagePeople(actor.role)) throw new AppError('FORBIDDEN', 'Only owners and admins see the people of an application.')
  const { where, take, cut } = keyset(page, 'id', { key: z.cuid2() })
  const asked = { ...(role !== undefined && { role }), ...(active !== undefined && { active }) }
  const rows = await db('auth').membership.findMany({
    where: { applicationId, ...asked, ...where },
    include: person,
    orderBy: { id: 'asc' },
    take,
  })
  const { items, nextCursor } = cut(rows)
  return { items: items.map(presentMembership), nextCursor }
}

/**
 * Gives somebody another role in the application. The last owner keeps theirs.
 *
 * @throws FORBIDDEN unless the actor may both take the old role and give the new one; NOT_FOUND when there is no such membership here;
 *   BAD_REQUEST when the application has no such role; CONFLICT LAST_OWNER when nobody would own it.
 */
export async function changeMembershipRole(actor: ApplicationActor, input: ChangeMembershipRole): Promise<Membership> {
  const { applicationId, membershipId, role } = input
  return transaction('auth', actor, async (tx) => {
    const found = await lockMembership(tx, actor, 'changeRole', membershipId)
    if (!('target' in found)) return found
    const { target, application, me } = found
    requireRole(application, role)
    if (!mayHandle(me.role, role)) return refuseRole(tx, actor, 'changeRole', 'Nobody gives a role that is more than their own.')
    if (target.role === role) return presentMembership(target)
    if (await wouldBeNobodys(tx, target)) return refuseLastOwner(tx, actor, 'changeRole')
    const changed = await tx.membership.update({ where: { id: target.id }, data: { role }, include: person })
    await tx.notify('plinth_revoked', revocation(target.userId))
    tx.record('auth.membership.role_changed', { user: target.userId }, { applicationId, membershipId, from: target.role, to: role })
    return presentMembership(changed)
  })
}

/**
 * Changes what the application keeps about somebody, or whether they may use it. The last owner stays active.
 *
 * @throws FORBIDDEN unless the actor manages people of this role; STEP_UP_REQUIRED, or FORBIDDEN to a key, to suspend or bring back who manages;
 *   NOT_FOUND when there is no such membership here; CONFLICT STALE_VERSION when it changed meanwhile; CONFLICT LAST_OWNER when nobody would own the application.
 */
export async function updateMembership(actor: ApplicationActor, input: UpdateMembership): Promise<Membership> {
  const { applicationId, membershipId, version, ...changes } = input
  return transaction('auth', actor, async (tx) => {
    const found = await lockMembership(tx, actor, 'update', membershipId)
    if (!('target' in found)) return found
    const { target } = found
    if (target.version !== version) return refuseStale()
    const isTaken = changes.active !== undefined && changes.active !== target.active
    const unproven = isTaken ? await refuseUnprovenOver(tx, actor, 'update', target.role) : null
    if (unproven) return unproven
    const isSuspended = changes.active === false && target.active
    if (isSuspended && (await wouldBeNobodys(tx, target))) return refuseLastOwner(tx, actor, 'update')
    const data = { ...changes, version: nextVersion }
    const changed = await tx.membership.update({ where: { id: target.id }, data, include: person })
    if (changed.active !== target.active) await tx.notify('plinth_revoked', revocation(target.userId))
    tx.record('auth.membership.updated', { user: target.userId }, { applicationId, membershipId, fields: Object.keys(changes) })
    return presentMembership(changed)
  })
}

/**
 * Removes somebody from the application; oneself too, whatever one's role. The last owner stays.
 *
 * @throws FORBIDDEN unless it is the actor's own or they manage people of this role; STEP_UP_REQUIRED, or FORBIDDEN to a key, for another who
 *   manages; NOT_FOUND when there is no such membership here;
 *   CONFLICT LAST_OWNER when nobody would own the application.
 */
export async function removeMembership(actor: ApplicationActor, { membershipId }: RemoveMembership): Promise<MembershipRemoved> {
  return transaction('auth', actor, async (tx) => {
    const found = await lockMembership(tx, actor, 'remove', membershipId)
    if (!('target' in found)) return found
    const { target } = found
    const leaves = target.userId === actor.userId
    const unproven = leaves ? null : await refuseUnprovenOver(tx, actor, 'remove', target.role)
    if (unproven) return unproven
    if (await wouldBeNobodys(tx, target)) return refuseLastOwner(tx, actor, 'remove')
    await endMembership(tx, target, leaves ? 'LEFT' : 'REMOVED')
    return { id: membershipId }
  })
}

/** Ends a membership, and with it what was made for it. The caller holds the application's lock, and knows that somebody still owns it. */
export async function endMembership(tx: Tx<'auth'>, row: Row<'membership'>, reason: 'REMOVED' | 'LEFT' | 'WITHDRAWN'): Promise<void> {
  await tx.membership.delete({ where: { id: row.id } })
  await tx.notify('plinth_revoked', revocation(row.userId))
  tx.record('auth.membership.ended', { user: row.userId }, { ...idsOf(row), reason })
}

/**
 * Gives the membership of a person who comes to an application, made now where there was none: in the least role that it has. Null where they
 * may not come in: the application is gone or not active, or the membership was made inactive. Of any number at once one makes it.
 */
export async function ensureMembership(tx: Tx<'auth'>, userId: UserId, applicationId: ApplicationId): Promise<Row<'membership'> | null> {
  const application = await tx.application.findFirst({ where: { id: applicationId, active: true } })
  if (!application) return null
  const role = leastRoleOf(application.builtIn)
  const [made] = await tx.membership.createManyAndReturn({ data: [{ userId, applicationId, role }], skipDuplicates: true })
  if (made) tx.record('auth.membership.created', { user: userId }, { ...idsOf(made), role, how: 'JUST_IN_TIME' })
  return made ?? tx.membership.findFirst({ where: { userId, applicationId, active: true } })
}

/** @throws BAD_REQUEST at `role` when the application has no such role. */
export function requireRole({ builtIn }: Row<'application'>, role: MembershipRole): void {
  const roles = rolesOf(builtIn)
  if (roles.includes(role)) return
  const fault = `is none of this application, which has ${roles.join(', ')}`
  throw new AppError('BAD_REQUEST', 'The application has no such role.', { fields: { role: [fault] } })
}

/** The ids of a membership, as events carry them. */
export function idsOf(row: Row<'membership'>): { applicationId: ApplicationId; membershipId: MembershipId } {
  return { applicationId: ApplicationId.parse(row.applicationId), membershipId: MembershipId.parse(row.id) }
}

/** A membership as those see it who manage people. */
export function presentMembership({ id, userId, user, role, metadata, active, version, createdAt }: PersonIn): Membership {
  const ids = { id: MembershipId.parse(id), userId: UserId.parse(userId) }
  const { name, email } = user
  return { ...ids, name, email, role, metadata: metadata as Membership['metadata'], active, version, joinedAt: createdAt }
}

/** Its application and the actor's own membership are locked with it. Whoever may not handle it is refused, unless they leave. */
async function lockMembership(tx: Tx<'auth'>, actor: ApplicationActor, asked: string, membershipId: MembershipId) {
  const locked = await lockApplication(tx, actor)
  const isOwn = asked === 'remove' && membershipId === locked.me.id
  if (!isOwn && !mayManagePeople(locked.me.role)) return refuseRole(tx, actor, asked, 'Only owners and admins manage people.')
  const { applicationId } = actor
  const target = await tx.membership.findFirst({ where: { id: membershipId, applicationId }, include: person })
  if (!target) return refuseForeign(tx, actor, asked, 'There is no such membership.')
  if (!isOwn && !mayHandle(locked.me.role, target.role))
    return refuseRole(tx, actor, asked, 'This person is more in the application than you are.')
  return { ...locked, target }
}

async function wouldBeNobodys(tx: Tx<'auth'>, { role, applicationId, userId }: Row<'membership'>): Promise<boolean> {
  return role === 'OWNER' && isLastOwner(tx, applicationId, userId)
}

function refuseLastOwner(tx: Tx<'auth'>, { applicationId, userId }: ApplicationActor, asked: string): Refusal {
  tx.record('auth.application.refused', { user: userId }, { applicationId, asked, reason: 'LAST_OWNER' })
  return refuse('CONFLICT', 'The last owner stays: make somebody else an owner first, or delete the application.', { reason: 'LAST_OWNER' })
}
