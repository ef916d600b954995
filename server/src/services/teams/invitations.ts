/** Invitations: an offer to join, bound to one address and accepted by its owner alone. */
import { db, keyset, refuse, type Row, transaction } from '#db'
import type { UserActor } from '#lib/actor.ts'
import { InvitationId, TeamId, UserId } from '#lib/ids.ts'
import { AppError } from '#lib/errors.ts'
import { consumeToken, issueToken, peekToken, userByEmail, usersByIds } from '../auth/index.ts'
import { mayInvite, maySeeInvitations } from './policy.ts'
import { lockTeam, type TeamActor } from './scope.ts'
import type { AcceptInvitation, CreateInvitation, Invitation, InvitationList, PageInTeam, Team } from './schema.ts'

/** identity research 4.2: an invitation lives seven days. */
const lifetimeMs = 7 * 24 * 60 * 60 * 1000

/**
 * Invites an address; the mail goes out by job. Inviting an address again replaces the invitation that waits, and its old link dies.
 *
 * @throws FORBIDDEN unless the actor may invite to this role; CONFLICT ALREADY_MEMBER when a member has the address.
 */
export async function createInvitation(actor: TeamActor, { email, role }: CreateInvitation): Promise<Invitation> {
  return transaction('teams', actor, async (tx) => {
    const me = await lockTeam(tx, actor)
    if (!mayInvite(me.role, role)) return refuse('FORBIDDEN', 'You may not invite to this role.')
    const known = await userByEmail(email)
    if (known && (await tx.teamMember.findFirst({ where: { teamId: actor.teamId, userId: known.id } }))) {
      return refuse('CONFLICT', 'This person is in the team already.', { reason: 'ALREADY_MEMBER', field: 'email' })
    }
    await tx.teamInvitation.deleteMany({ where: { teamId: actor.teamId, email, acceptedAt: null } })
    const expiresAt = new Date(tx.now.getTime() + lifetimeMs)
    const invitation = await tx.teamInvitation.create({
      data: { teamId: actor.teamId, email, role, invitedById: actor.userId, expiresAt },
    })
    const tokenId = await issueToken({ purpose: 'TEAM_INVITATION', subject: invitation.id, email, ttlMs: lifetimeMs })
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
  const waiting = { teamId: actor.teamId, acceptedAt: null, expiresAt: { gt: new Date() } }
  const rows = await db('teams').teamInvitation.findMany({ where: { ...waiting, ...where }, orderBy: { id: 'asc' }, take })
  const { items, nextCursor } = cut(rows)
  return { items: items.map(present), nextCursor }
}

/**
 * Makes the actor a member by the link from the mail, in the role of the invitation, and gives the team.
 *
 * @throws INVALID_TOKEN when the link is unknown, used or too old; FORBIDDEN when it was sent to another address;
 *   CONFLICT ALREADY_MEMBER when the actor is in the team.
 */
export async function acceptInvitation(actor: UserActor, { token }: AcceptInvitation): Promise<Team> {
  return transaction('teams', actor, async (tx) => {
    const peeked = await peekToken('TEAM_INVITATION', token)
    const invitation = peeked && (await tx.teamInvitation.findFirst({ where: { id: peeked.subject, acceptedAt: null }, include: { team: true } }))
    const me = { user: actor.userId }
    if (!invitation) {
      tx.record('teams.invitation.refused', me, { invitationId: null, reason: 'TOKEN' })
      return refuse('INVALID_TOKEN', 'This invitation is unknown, was used, or has ended.')
    }
    const invitationId = InvitationId.parse(invitation.id)
    const about = { team: invitation.teamId, ...me }
    const person = (await usersByIds([actor.userId])).get(actor.userId)
    if (person?.email !== invitation.email) {
      tx.record('teams.invitation.refused', about, { invitationId, reason: 'ADDRESS' })
      return refuse('FORBIDDEN', 'This invitation was sent to another address.')
    }
    await tx.lock('team', { id: invitation.teamId })
    if (await tx.teamMember.findFirst({ where: { teamId: invitation.teamId, userId: actor.userId } })) {
      tx.record('teams.invitation.refused', about, { invitationId, reason: 'ALREADY_MEMBER' })
      return refuse('CONFLICT', 'You are in this team already.', { reason: 'ALREADY_MEMBER' })
    }
    await consumeToken('TEAM_INVITATION', token)
    await tx.teamInvitation.update({ where: { id: invitation.id }, data: { acceptedAt: tx.now, acceptedById: actor.userId } })
    await tx.teamMember.create({ data: { teamId: invitation.teamId, userId: actor.userId, role: invitation.role } })
    tx.record('teams.invitation.accepted', about, { invitationId, role: invitation.role })
    const { id, name, slug, createdAt } = invitation.team
    return { id: TeamId.parse(id), name, slug, createdAt, role: invitation.role }
  })
}

function present({ id, email, role, invitedById, expiresAt, createdAt }: Row<'teamInvitation'>): Invitation {
  return { id: InvitationId.parse(id), email, role, invitedById: UserId.parse(invitedById), expiresAt, createdAt }
}
