/** Invitations to an application: an offer bound to one address, accepted by its owner alone. The same answer whether it has an account or not. */
import { db, keyset, refuse, type Refusal, type Row, transaction, type Tx } from '#db'
import type { UserActor } from '#lib/actor.ts'
import { now } from '#lib/clock.ts'
import { AppError } from '#lib/errors.ts'
import { ApplicationId, ApplicationInvitationId, MembershipId, UserId } from '#lib/ids.ts'
import { mayHandle, mayManagePeople } from './application-policy.ts'
import { lockApplication, refuseForeign, refuseRole, refuseUnprovenOver, type ApplicationActor } from './application-scope.ts'
import { lockCaller, refuseCaller } from './caller.ts'
import { idsOf, requireRole } from './memberships.ts'
import { userByEmail } from './people.ts'
import type { PageInApplication } from './schema-application.ts'
import type {
  AcceptApplicationInvitation,
  ApplicationInvitation,
  ApplicationInvitationList,
  InviteToApplication,
  JoinedApplication,
  RevokeApplicationInvitation,
} from './schema-membership.ts'
import { countInvitationMail } from './throttle.ts'
import { insertToken, peekToken, takeToken } from './tokens.ts'

const lifetimeMs = 7 * 24 * 60 * 60 * 1000

/**
 * Invites an address; the mail goes out by job. Inviting an address again replaces the invitation that waits, and its old link dies.
 *
 * @throws FORBIDDEN unless the actor may give this role; STEP_UP_REQUIRED, or FORBIDDEN to a key, for one that manages; BAD_REQUEST when the application has no such role; CONFLICT ALREADY_MEMBER when
 *   somebody in it has the address; TOO_MANY_REQUESTS after five mails an hour to one address, or fifty by one person.
 */
export async function inviteToApplication(actor: ApplicationActor, { email, role }: InviteToApplication): Promise<ApplicationInvitation> {
  return transaction('auth', actor, async (tx) => {
    const { application, me } = await lockApplication(tx, actor)
    if (!mayHandle(me.role, role)) return refuseRole(tx, actor, 'invite', 'You may not invite to this role.')
    requireRole(application, role)
    const unproven = await refuseUnprovenOver(tx, actor, 'invite', role)
    if (unproven) return unproven
    const { applicationId, userId } = actor
    const known = await userByEmail(email)
    if (known && (await tx.membership.findFirst({ where: { applicationId, userId: known.id } }))) {
      return refuse('CONFLICT', 'This person is in the application already.', { reason: 'ALREADY_MEMBER', field: 'email' })
    }
    await countInvitationMail(actor, email)
    await tx.applicationInvitation.deleteMany({ where: { applicationId, email, acceptedAt: null } })
    const expiresAt = new Date(tx.now.getTime() + lifetimeMs)
    const row = await tx.applicationInvitation.create({ data: { applicationId, email, role, invitedById: userId, expiresAt } })
    const tokenId = await insertToken(tx, { purpose: 'APPLICATION_INVITATION', subject: row.id, email, ttlMs: lifetimeMs })
    const invitationId = ApplicationInvitationId.parse(row.id)
    tx.record('auth.application_invitation.created', {}, { applicationId, invitationId, role, tokenId })
    return present(row)
  })
}

/**
 * Lists the invitations that wait, oldest first.
 *
 * @throws FORBIDDEN unless the actor manages people.
 */
export async function listApplicationInvitations(actor: ApplicationActor, page: PageInApplication): Promise<ApplicationInvitationList> {
  if (!mayManagePeople(actor.role)) throw new AppError('FORBIDDEN', 'Only owners and admins see invitations.')
  const { where, take, cut } = keyset(page, 'id')
  const waiting = { applicationId: actor.applicationId, acceptedAt: null, expiresAt: { gt: now() } }
  const rows = await db('auth').applicationInvitation.findMany({ where: { ...waiting, ...where }, orderBy: { id: 'asc' }, take })
  const { items, nextCursor } = cut(rows)
  return { items: items.map(present), nextCursor }
}

/**
 * Takes an invitation back; its link dies.
 *
 * @throws FORBIDDEN unless the actor manages people; NOT_FOUND when none waits here by this id.
 */
export async function revokeApplicationInvitation(
  actor: ApplicationActor,
  { invitationId }: RevokeApplicationInvitation,
): Promise<{ id: ApplicationInvitationId }> {
  return transaction('auth', actor, async (tx) => {
    const { me } = await lockApplication(tx, actor)
    if (!mayManagePeople(me.role)) return refuseRole(tx, actor, 'invitation.revoke', 'Only owners and admins take invitations back.')
    const { applicationId } = actor
    const { count } = await tx.applicationInvitation.deleteMany({ where: { id: invitationId, applicationId, acceptedAt: null } })
    if (count === 0) return refuseForeign(tx, actor, 'invitation.revoke', 'There is no such invitation.')
    tx.record('auth.application_invitation.revoked', {}, { applicationId, invitationId })
    return { id: invitationId }
  })
}

/**
 * Makes the actor a member of the application by the link from the mail. Whoever invited must still be allowed to: what somebody may no
 * longer give, they have not given.
 *
 * @throws INVALID_TOKEN when the link is unknown, used or too old, its giver may not invite any more, or the application is not active;
 *   FORBIDDEN when it was sent to another address; CONFLICT ALREADY_MEMBER when the actor is in the application.
 */
export async function acceptApplicationInvitation(actor: UserActor, { token }: AcceptApplicationInvitation): Promise<JoinedApplication> {
  return transaction('auth', actor, async (tx) => {
    if (!(await lockCaller(tx, actor))) return refuseCaller()
    const offer = await lockOffer(tx, token)
    const obstacle = offer ? await obstacleTo(tx, actor, offer) : 'TOKEN'
    const taken = obstacle === null ? await takeToken(tx, 'APPLICATION_INVITATION', token) : null
    if (!offer || !taken) return refuseOffer(tx, actor, offer, obstacle ?? 'TOKEN')
    const { id, application, role } = offer
    await tx.applicationInvitation.update({ where: { id }, data: { acceptedAt: tx.now, acceptedById: actor.userId } })
    const row = await tx.membership.create({ data: { applicationId: application.id, userId: actor.userId, role } })
    tx.record('auth.membership.created', { user: actor.userId }, { ...idsOf(row), role, how: 'INVITED' })
    const ids = { applicationId: ApplicationId.parse(application.id), membershipId: MembershipId.parse(row.id) }
    return { ...ids, name: application.name, homePage: application.homePage, role }
  })
}

type Offer = Row<'applicationInvitation'> & { readonly application: Row<'application'> }

/** The invitation that waits behind a token, read while its application is locked: nobody deletes, replaces or accepts it meanwhile. */
async function lockOffer(tx: Tx<'auth'>, token: string): Promise<Offer | null> {
  const peeked = await peekToken('APPLICATION_INVITATION', token)
  const seen = peeked && (await tx.applicationInvitation.findFirst({ where: { id: peeked.subject, acceptedAt: null } }))
  const application = seen && (await tx.lock('application', { id: seen.applicationId }))
  if (!seen || !application?.active) return null
  const offer = await tx.applicationInvitation.findFirst({ where: { id: seen.id, acceptedAt: null } })
  return offer && { ...offer, application }
}

type Obstacle = 'TOKEN' | 'ADDRESS' | 'INVITER' | 'ALREADY_MEMBER'

async function obstacleTo(tx: Tx<'auth'>, { userId }: UserActor, offer: Offer): Promise<Obstacle | null> {
  const { applicationId, email, role, invitedById } = offer
  const person = await tx.user.findFirst({ where: { id: userId }, select: { email: true } })
  if (person?.email !== email) return 'ADDRESS'
  if (await tx.membership.findFirst({ where: { applicationId, userId } })) return 'ALREADY_MEMBER'
  const inviter = await tx.membership.findFirst({ where: { applicationId, userId: invitedById, active: true, user: { disabledAt: null } } })
  return inviter && mayHandle(inviter.role, role) ? null : 'INVITER'
}

/** Refuses, and leaves the trace. What stands between the inviter and the application is no concern of the invited. */
function refuseOffer(tx: Tx<'auth'>, { userId }: UserActor, offer: Offer | null, reason: Obstacle): Refusal {
  const invitationId = offer && ApplicationInvitationId.parse(offer.id)
  tx.record('auth.application_invitation.refused', { user: userId }, { invitationId, reason })
  if (reason === 'ADDRESS') return refuse('FORBIDDEN', 'This invitation was sent to another address.')
  if (reason === 'ALREADY_MEMBER') return refuse('CONFLICT', 'You are in this application already.', { reason })
  return refuse('INVALID_TOKEN', 'This invitation is unknown, was used, or has ended.')
}

function present({ id, email, role, invitedById, expiresAt, createdAt }: Row<'applicationInvitation'>): ApplicationInvitation {
  return { id: ApplicationInvitationId.parse(id), email, role, invitedById: UserId.parse(invitedById), expiresAt, createdAt }
}
