/** Invitations: an offer to join, bound to one address and accepted by its owner alone. */
import { db, keyset, refuse, type Refusal, type Row, transaction, type Tx } from '#db'
import type { UserActor } from '#lib/actor.ts'
import { now } from '#lib/clock.ts'
import { InvitationId, UserId } from '#lib/ids.ts'
import { AppError } from '#lib/errors.ts'
import { consumeToken, countInvitationMail, issueToken, peekToken, requireCaller, userByEmail, usersByIds } from '../auth/index.ts'
import { mayInvite, maySeeInvitations } from './policy.ts'
import { lockTeam, type TeamActor } from './scope.ts'
import {
  type AcceptInvitation,
  type CreateInvitation,
  type Invitation,
  type InvitationList,
  type InvitationRevoked,
  type OneInvitation,
  type PageInTeam,
  type Role,
  type Team,
  TeamSettings,
} from './schema.ts'
import { presentTeam } from './teams.ts'

/** Long enough for a holiday, short enough for a link that lies in a mailbox. */
const lifetimeMs = 7 * 24 * 60 * 60 * 1000

/**
 * Invites an address, to the team's default role where none is named; the mail goes out by job. Inviting an address again replaces the
 * invitation that waits, and its old link dies.
 *
 * @throws FORBIDDEN unless the actor may invite to this role; CONFLICT ALREADY_MEMBER when a member has the address;
 *   TOO_MANY_REQUESTS after five mails an hour to one address, or fifty by one person.
 */
export async function createInvitation(actor: TeamActor, { email, role: named }: CreateInvitation): Promise<Invitation> {
  return transaction('teams', actor, async (tx) => {
    await requireCaller(actor)
    const { team, me } = await lockTeam(tx, actor)
    const settings = TeamSettings.parse(team.settings)
    const role = named ?? settings.defaultRole
    if (!mayInvite(me.role, role, settings)) return refuseRole(tx, actor, role)
    const known = await userByEmail(email)
    if (known && (await tx.teamMember.findFirst({ where: { teamId: actor.teamId, userId: known.id } }))) {
      return refuse('CONFLICT', 'This person is in the team already.', { reason: 'ALREADY_MEMBER', field: 'email' })
    }
    await countInvitationMail(actor, email)
    await tx.teamInvitation.deleteMany({ where: { teamId: actor.teamId, email, acceptedAt: null } })
    const invitation = await tx.teamInvitation.create({
      data: { teamId: actor.teamId, email, role, invitedById: actor.userId, expiresAt: endOf(tx) },
    })
    const tokenId = await issueLink(invitation)
    tx.record('teams.invitation.created', { team: actor.teamId }, { invitationId: InvitationId.parse(invitation.id), tokenId, role })
    return present(invitation)
  })
}

/**
 * Lists the invitations that wait, oldest first.
 *
 * @throws FORBIDDEN unless the actor may invite.
 */
export async function listInvitations(actor: TeamActor, page: PageInTeam): Promise<InvitationList> {
  if (!maySeeInvitations(actor.role)) throw new AppError('FORBIDDEN', 'Only owners and admins see invitations.')
  const { where, take, cut } = keyset(page, 'id')
  const waiting = { teamId: actor.teamId, acceptedAt: null, expiresAt: { gt: now() } }
  const rows = await db('teams').teamInvitation.findMany({ where: { ...waiting, ...where }, orderBy: { id: 'asc' }, take })
  const { items, nextCursor } = cut(rows)
  return { items: items.map(present), nextCursor }
}

/**
 * Mails an invitation again, for seven days from now and under a new link: the old one is dead. One that has ended, too. It is the actor's
 * from then on, so that it holds although whoever invited first is gone.
 *
 * @throws NOT_FOUND when it was accepted, revoked or is another team's; FORBIDDEN unless the actor may invite to its role; TOO_MANY_REQUESTS
 *   as for a new one.
 */
export async function resendInvitation(actor: TeamActor, { invitationId }: OneInvitation): Promise<Invitation> {
  return transaction('teams', actor, async (tx) => {
    await requireCaller(actor)
    const { role, refusal } = await lockWaiting(tx, actor, invitationId)
    if (refusal) return refusal
    const data = { invitedById: actor.userId, expiresAt: endOf(tx) }
    const invitation = await tx.teamInvitation.update({ where: { id: invitationId }, data })
    await countInvitationMail(actor, invitation.email)
    const tokenId = await issueLink(invitation)
    tx.record('teams.invitation.resent', { team: actor.teamId }, { invitationId, tokenId, role })
    return present(invitation)
  })
}

/**
 * Takes an invitation back: its link is dead.
 *
 * @throws NOT_FOUND when it was accepted, revoked or is another team's; FORBIDDEN unless the actor may invite to its role.
 */
export async function revokeInvitation(actor: TeamActor, { invitationId }: OneInvitation): Promise<InvitationRevoked> {
  return transaction('teams', actor, async (tx) => {
    const { role, refusal } = await lockWaiting(tx, actor, invitationId)
    if (refusal) return refusal
    await tx.teamInvitation.delete({ where: { id: invitationId } })
    tx.record('teams.invitation.revoked', { team: actor.teamId }, { invitationId, role })
    return { status: 'REVOKED' }
  })
}

/**
 * Makes the actor a member by the link from the mail, in the role of the invitation, and gives the team. Whoever invited must still be
 * allowed to: what somebody may no longer give, they have not given.
 *
 * @throws INVALID_TOKEN when the link is unknown, used or too old, or its giver may not invite any more; FORBIDDEN when it was sent to
 *   another address; CONFLICT ALREADY_MEMBER when the actor is in the team.
 */
export async function acceptInvitation(actor: UserActor, { token }: AcceptInvitation): Promise<Team> {
  return transaction('teams', actor, async (tx) => {
    await requireCaller(actor)
    const offer = await lockOffer(tx, token)
    const obstacle = offer ? await obstacleTo(tx, actor, offer) : 'TOKEN'
    if (!offer || obstacle) return refuseOffer(tx, actor, offer, obstacle ?? 'TOKEN')
    const { id, teamId, role, team } = offer
    await consumeToken('TEAM_INVITATION', token)
    await tx.teamInvitation.update({ where: { id }, data: { acceptedAt: tx.now, acceptedById: actor.userId } })
    await tx.teamMember.create({ data: { teamId, userId: actor.userId, role } })
    tx.record('teams.invitation.accepted', { team: teamId, user: actor.userId }, { invitationId: InvitationId.parse(id), role })
    return presentTeam(team, role)
  })
}

/** The role of an invitation that waits while its team is locked, so that nobody accepts it meanwhile; or why the actor may not touch it. */
async function lockWaiting(tx: Tx<'teams'>, actor: TeamActor, id: InvitationId): Promise<{ role: Role; refusal?: Refusal }> {
  const { team, me } = await lockTeam(tx, actor)
  const waiting = await tx.teamInvitation.findFirst({ where: { id, teamId: actor.teamId, acceptedAt: null } })
  if (!waiting) throw new AppError('NOT_FOUND', 'There is no such invitation.')
  const { role } = waiting
  return mayInvite(me.role, role, TeamSettings.parse(team.settings)) ? { role } : { role, refusal: refuseRole(tx, actor, role) }
}

function refuseRole(tx: Tx<'teams'>, actor: TeamActor, role: Role): Refusal {
  tx.record('teams.invitation.creation_refused', { team: actor.teamId, user: actor.userId }, { role })
  return refuse('FORBIDDEN', 'You may not invite to this role.')
}

type Offer = Row<'teamInvitation'> & { readonly team: Row<'team'> }

/** The invitation that waits behind a token, read while its team is locked: nobody deletes, replaces or accepts it meanwhile. */
async function lockOffer(tx: Tx<'teams'>, token: string): Promise<Offer | null> {
  const peeked = await peekToken('TEAM_INVITATION', token)
  const seen = peeked && (await tx.teamInvitation.findFirst({ where: { id: peeked.subject, acceptedAt: null } }))
  const locked = seen && (await tx.lock('team', { id: seen.teamId }))
  return locked && tx.teamInvitation.findFirst({ where: { id: seen.id, acceptedAt: null }, include: { team: true } })
}

type Obstacle = 'TOKEN' | 'ADDRESS' | 'INVITER' | 'ALREADY_MEMBER'

async function obstacleTo(tx: Tx<'teams'>, actor: UserActor, { teamId, email, role, invitedById, team }: Offer): Promise<Obstacle | null> {
  const person = (await usersByIds([actor.userId])).get(actor.userId)
  if (person?.email !== email) return 'ADDRESS'
  if (await tx.teamMember.findFirst({ where: { teamId, userId: actor.userId } })) return 'ALREADY_MEMBER'
  const inviter = await tx.teamMember.findFirst({ where: { teamId, userId: invitedById } })
  return inviter && mayInvite(inviter.role, role, TeamSettings.parse(team.settings)) ? null : 'INVITER'
}

/** Refuses, and leaves the trace. What stands between the inviter and the team is no concern of the invited. */
function refuseOffer(tx: Tx<'teams'>, actor: UserActor, offer: Offer | null, reason: Obstacle): Refusal {
  const about = { user: actor.userId, ...(offer && { team: offer.teamId }) }
  tx.record('teams.invitation.refused', about, { invitationId: offer && InvitationId.parse(offer.id), reason })
  if (reason === 'ADDRESS') return refuse('FORBIDDEN', 'This invitation was sent to another address.')
  if (reason === 'ALREADY_MEMBER') return refuse('CONFLICT', 'You are in this team already.', { reason })
  return refuse('INVALID_TOKEN', 'This invitation is unknown, was used, or has ended.')
}

function endOf(tx: Tx<'teams'>): Date {
  return new Date(tx.now.getTime() + lifetimeMs)
}

/** The id of the token behind the mailed link. Older links of the invitation end. */
function issueLink({ id, email }: Row<'teamInvitation'>): Promise<string> {
  return issueToken({ purpose: 'TEAM_INVITATION', subject: id, email, ttlMs: lifetimeMs })
}

function present({ id, email, role, invitedById, expiresAt, createdAt }: Row<'teamInvitation'>): Invitation {
  return { id: InvitationId.parse(id), email, role, invitedById: UserId.parse(invitedById), expiresAt, createdAt }
}
