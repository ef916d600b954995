/** Who is let into an application. The only maker of an ApplicationActor: without one, nobody acts on an application or on its people. */
import { db, refuse, type Refusal, type Row, type Tx } from '#db'
import type { UserActor } from '#lib/actor.ts'
import { AppError } from '#lib/errors.ts'
import { ApplicationId } from '#lib/ids.ts'
import { mayManagePeople } from './application-policy.ts'
import type { MembershipRole } from './application-roles.ts'
import { lockCaller, refuseUnproven } from './caller.ts'

declare const entered: unique symbol

/** The proof that a person belongs to an application, with the role they had when they came in. Decisions read the role again under a lock. */
export interface ApplicationActor extends UserActor {
  readonly applicationId: ApplicationId
  readonly role: MembershipRole
  readonly [entered]: true
}

/**
 * Gives the right to act in the application, also while it is not active: its owners make it so again.
 *
 * @throws NOT_FOUND to strangers, to those whose membership is not active, and for applications that do not exist: the three cannot be
 *   told apart.
 */
export async function enterApplication(actor: UserActor, applicationId: ApplicationId): Promise<ApplicationActor> {
  const membership = await db('auth').membership.findFirst({
    where: { applicationId, userId: actor.userId, active: true },
    select: { role: true },
  })
  if (!membership) throw noSuchApplication()
  return { ...actor, applicationId, role: membership.role } as ApplicationActor
}

/** An application under a lock, and the membership of whoever acts in it. */
export interface Locked {
  readonly application: Row<'application'>
  readonly me: Row<'membership'>
}

/**
 * Locks the application until the transaction ends and reads the actor's membership as it stands now. Every change of the application or of
 * its people starts here, so that two of them at once see each other: without it, two owners who remove each other both succeed.
 *
 * @throws NOT_FOUND when the application, or the actor's membership, has ended meanwhile; UNAUTHORIZED when their session or key has.
 */
export async function lockApplication(tx: Tx<'auth'>, actor: ApplicationActor): Promise<Locked> {
  if (!(await lockCaller(tx, actor))) throw new AppError('UNAUTHORIZED', 'Sign in first.')
  const { applicationId, userId } = actor
  const application = await tx.lock('application', { id: applicationId })
  const me = application && (await tx.membership.findFirst({ where: { applicationId, userId, active: true } }))
  if (!me) throw noSuchApplication()
  return { application, me }
}

/**
 * Refuses to give or take this role without a fresh proof, where it manages the application, and leaves the trace: whose it is, is not for an open
 * browser to say, nor for a key. Null where it may be done. The application is locked, and with it the caller.
 */
export async function refuseUnprovenOver(
  tx: Tx<'auth'>,
  actor: ApplicationActor,
  asked: string,
  role: MembershipRole,
): Promise<Refusal | null> {
  const refusal = mayManagePeople(role) ? await refuseUnproven(tx, actor) : null
  const { applicationId, userId } = actor
  if (refusal) tx.record('auth.application.refused', { user: userId }, { applicationId, asked, reason: 'UNPROVEN' })
  return refusal
}

/** What strangers are told. */
export function noSuchApplication(): AppError {
  return new AppError('NOT_FOUND', 'There is no such application.')
}

/** Refuses what names something that is not in this application, and leaves its trace. To be returned from the transaction. */
export function refuseForeign(tx: Tx<'auth'>, { applicationId, userId }: ApplicationActor, asked: string, sentence: string): Refusal {
  tx.record('auth.application.refused', { user: userId }, { applicationId, asked, reason: 'UNKNOWN' })
  return refuse('NOT_FOUND', sentence)
}

/** Refuses what a role does not allow, and leaves its trace. To be returned from the transaction. */
export function refuseRole(tx: Tx<'auth'>, actor: ApplicationActor, asked: string, sentence: string): Refusal {
  const { applicationId, userId } = actor
  tx.record('auth.application.refused', { user: userId }, { applicationId, asked, reason: 'ROLE' })
  return refuse('FORBIDDEN', sentence)
}
