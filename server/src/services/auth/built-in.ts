/** The built-in applications: which role somebody has there, asked by their services, and how administrators give one. */
import { db, nextVersion, type Row, transaction, type Tx } from '#db'
import { currentTransaction } from '#db/unit.ts'
import type { UserActor } from '#lib/actor.ts'
import { MembershipId, type UserId } from '#lib/ids.ts'
import { refusePerson } from './administration.ts'
import { refuseOutsider } from './administrators.ts'
import type { BuiltIn, MembershipRole, RoleIn } from './application-roles.ts'
import { endMembership, idsOf, presentMembership } from './memberships.ts'
import { revocation } from './revocations.ts'
import type { GrantRole, Membership, MembershipRemoved, WithdrawRole } from './schema-membership.ts'
import { createSessionCache } from './session-cache.ts'

const cache = createSessionCache<MembershipRole>()
const forMs = 60_000

/**
 * Gives the role that a person has in a built-in application; null where they have none, where their membership is not active, or where their
 * account is disabled or gone. From memory while this process surely hears of revocations, as sessions are; inside a transaction it is read
 * there. To decide on a role that must not change meanwhile, ask in the transaction that decides.
 */
export async function roleIn<A extends BuiltIn>(application: A, userId: UserId): Promise<RoleIn<A> | null> {
  // The database lets nobody have a role that the application has not.
  return (await anyRoleIn(application, userId)) as RoleIn<A> | null
}

async function anyRoleIn(application: BuiltIn, userId: UserId): Promise<MembershipRole | null> {
  if (currentTransaction()) return readRole(application, userId)
  const key = `${application}:${userId}`
  const known = cache.get(key)
  if (known) return known
  return cache.load(key, async () => {
    const value = await readRole(application, userId)
    return value && { userId, value, forMs }
  })
}

async function readRole(application: BuiltIn, userId: UserId): Promise<MembershipRole | null> {
  const membership = await db('auth').membership.findFirst({
    where: { userId, active: true, application: { builtIn: application, active: true }, user: { disabledAt: null } },
    select: { role: true },
  })
  return membership?.role ?? null
}

/**
 * Gives a person a role in a built-in application, whether they have another there or none. For administrators of the installation; the
 * application's own administrators invite, and change roles.
 *
 * @throws NOT_FOUND when there is no such person.
 */
export async function grantRole(actor: UserActor, { application, userId, role }: GrantRole): Promise<Membership> {
  return transaction('auth', actor, async (tx) => {
    const refusal = await refuseOutsider(tx, actor, { userId, asked: 'grant' })
    if (refusal) return refusal
    const { applicationId, user, before } = await lockPerson(tx, application, userId)
    if (!user) return refusePerson(tx, 'grant')
    const row = before
      ? await tx.membership.update({ where: { id: before.id }, data: { role, active: true, version: nextVersion } })
      : await tx.membership.create({ data: { userId, applicationId, role } })
    await tx.notify('plinth_revoked', revocation(userId))
    if (!before) tx.record('auth.membership.created', { user: userId }, { ...idsOf(row), role, how: 'GRANTED' })
    else if (before.role !== role) {
      tx.record('auth.membership.role_changed', { user: userId }, { ...idsOf(row), from: before.role, to: role })
    }
    if (before?.active === false) tx.record('auth.membership.updated', { user: userId }, { ...idsOf(row), fields: ['active'] })
    return presentMembership({ ...row, user })
  })
}

/**
 * Takes a person's role in a built-in application away.
 *
 * @throws NOT_FOUND when they have none.
 */
export async function withdrawRole(actor: UserActor, { application, userId }: WithdrawRole): Promise<MembershipRemoved> {
  return transaction('auth', actor, async (tx) => {
    const refusal = await refuseOutsider(tx, actor, { userId, asked: 'withdraw' })
    if (refusal) return refusal
    const { before } = await lockPerson(tx, application, userId)
    if (!before) return refusePerson(tx, 'withdraw', 'This person has no role there.')
    await endMembership(tx, before, 'WITHDRAWN')
    return { id: MembershipId.parse(before.id) }
  })
}

interface Person {
  readonly applicationId: string
  readonly user: Row<'user'> | null
  readonly before: Row<'membership'> | null
}

async function lockPerson(tx: Tx<'auth'>, builtIn: BuiltIn, userId: UserId): Promise<Person> {
  const application = await tx.lock('application', { builtIn })
  if (!application) throw new Error(`The built-in application ${builtIn} is missing: are all migrations applied?`)
  const user = await tx.user.findFirst({ where: { id: userId } })
  const before = await tx.membership.findFirst({ where: { userId, applicationId: application.id } })
  return { applicationId: application.id, user, before }
}
