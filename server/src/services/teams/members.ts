/** The people of a team and their roles. */
import { db, keyset, refuse, type Refusal, type Row, transaction, type Tx } from '#db'
import { type TeamId, UserId } from '#lib/ids.ts'
import { type Person, requireCaller, revocation, usersByIds } from '../auth/index.ts'
import { mayChangeRole, mayRemove } from './policy.ts'
import { lockTeam, type TeamActor } from './scope.ts'
import type { ChangeRole, Member, MemberGone, MemberList, OneMember, PageInTeam } from './schema.ts'

/** Lists the members, in the order in which they joined. Whose account is gone is passed over. */
export async function listMembers(actor: TeamActor, page: PageInTeam): Promise<MemberList> {
  const { where, take, cut } = keyset(page, 'id')
  const members = await db('teams').teamMember.findMany({ where: { teamId: actor.teamId, ...where }, orderBy: { id: 'asc' }, take })
  const { items, nextCursor } = cut(members)
  // What stands in our own column came through UserId when it was written.
  const ids = items.map((member) => member.userId as UserId)
  const people = await usersByIds(ids)
  const living = items.flatMap((member, at) => {
    const person = people.get(ids[at] as UserId)
    return person ? [present(member, person)] : []
  })
  return { items: living, nextCursor }
}

/**
 * Gives a member another role. The last owner keeps theirs.
 *
 * @throws FORBIDDEN unless the actor owns the team; NOT_FOUND when the person is no member; CONFLICT LAST_OWNER when nobody would own it.
 */
export async function changeRole(actor: TeamActor, { userId, role }: ChangeRole): Promise<Member> {
  return transaction('teams', actor, async (tx) => {
    await requireCaller(actor)
    const { me } = await lockTeam(tx, actor)
    const about = { team: actor.teamId, user: userId }
    if (!mayChangeRole(me.role)) {
      tx.record('teams.member.role_change_refused', about, { to: role, reason: 'NOT_OWNER' })
      return refuse('FORBIDDEN', 'Only an owner may change roles.')
    }
    const member = await tx.teamMember.findFirst({ where: { teamId: actor.teamId, userId } })
    const person = (await usersByIds([userId])).get(userId)
    if (!member || !person) return refuse('NOT_FOUND', 'This person is not in the team.')
    if (member.role === 'OWNER' && role !== 'OWNER' && (await isLastOwner(tx, actor, userId))) {
      tx.record('teams.member.role_change_refused', about, { to: role, reason: 'LAST_OWNER' })
      return refuse('CONFLICT', 'The last owner keeps the role: make somebody else an owner first.', { reason: 'LAST_OWNER' })
    }
    const changed = member.role === role ? member : await tx.teamMember.update({ where: { id: member.id }, data: { role } })
    if (changed !== member) {
      await tx.notify('plinth_revoked', revocation(userId))
      tx.record('teams.member.role_changed', about, { from: member.role, to: role })
    }
    return present(changed, person)
  })
}

/**
 * Makes another member an owner in the actor's place; the actor becomes an admin. One step, so that the team is never without an owner.
 *
 * @throws FORBIDDEN unless the actor owns the team; NOT_FOUND when the person is no other member.
 */
export async function transferTeam(actor: TeamActor, { userId }: OneMember): Promise<Member> {
  return transaction('teams', actor, async (tx) => {
    await requireCaller(actor)
    const { me } = await lockTeam(tx, actor)
    const about = { team: actor.teamId, user: userId }
    if (!mayChangeRole(me.role)) {
      tx.record('teams.member.transfer_refused', about, {})
      return refuse('FORBIDDEN', 'Only an owner may hand a team over.')
    }
    const heir = userId === actor.userId ? null : await tx.teamMember.findFirst({ where: { teamId: actor.teamId, userId } })
    const person = (await usersByIds([userId])).get(userId)
    if (!heir || !person) return refuse('NOT_FOUND', 'This person is no other member of the team.')
    await tx.teamMember.update({ where: { id: me.id }, data: { role: 'ADMIN' } })
    const owner = await tx.teamMember.update({ where: { id: heir.id }, data: { role: 'OWNER' } })
    await tx.notify('plinth_revoked', [actor.userId, userId].map(revocation))
    tx.record('teams.member.transferred', about, { from: heir.role })
    return present(owner, person)
  })
}

/**
 * Ends the actor's own membership. What they watch of the team ends with it.
 *
 * @throws CONFLICT LAST_OWNER: transfer the team first, or delete it.
 */
export async function leaveTeam(actor: TeamActor): Promise<MemberGone> {
  return endMembership(actor, actor.userId)
}

/**
 * Ends a person's membership; that of the actor, too. What they watch of the team ends with it.
 *
 * @throws NOT_FOUND when the person is no member; FORBIDDEN unless the actor may remove them; CONFLICT LAST_OWNER when nobody would own it.
 */
export async function removeMember(actor: TeamActor, { userId }: OneMember): Promise<MemberGone> {
  return endMembership(actor, userId)
}

async function endMembership(actor: TeamActor, userId: UserId): Promise<MemberGone> {
  return transaction('teams', actor, async (tx) => {
    const { me } = await lockTeam(tx, actor)
    const about = { team: actor.teamId, user: userId }
    const member = await tx.teamMember.findFirst({ where: { teamId: actor.teamId, userId } })
    if (!member) return refuse('NOT_FOUND', 'This person is not in the team.')
    const leaves = userId === actor.userId
    if (!leaves && !mayRemove(me.role, member.role)) return refuseEnd(tx, about, 'NOT_ALLOWED')
    if (member.role === 'OWNER' && (await isLastOwner(tx, actor, userId))) return refuseEnd(tx, about, 'LAST_OWNER')
    await tx.teamMember.delete({ where: { id: member.id } })
    await tx.notify('plinth_revoked', revocation(userId))
    tx.record(leaves ? 'teams.member.left' : 'teams.member.removed', about, { role: member.role })
    return { status: 'GONE' }
  })
}

function refuseEnd(tx: Tx<'teams'>, about: { team: TeamId; user: UserId }, reason: 'NOT_ALLOWED' | 'LAST_OWNER'): Refusal {
  tx.record('teams.member.removal_refused', about, { reason })
  if (reason === 'NOT_ALLOWED') return refuse('FORBIDDEN', 'You may not remove this person.')
  return refuse('CONFLICT', 'The last owner stays: transfer the team first, or delete it.', { reason })
}

/** Whether nobody else owns the team. An owner whose account is gone owns nothing any more. */
async function isLastOwner(tx: Tx<'teams'>, actor: TeamActor, userId: UserId): Promise<boolean> {
  const owners = await tx.teamMember.findMany({ where: { teamId: actor.teamId, role: 'OWNER' }, select: { userId: true } })
  const living = await usersByIds(owners.map((owner) => UserId.parse(owner.userId)))
  return living.size === 1 && living.has(userId)
}

function present({ role, createdAt }: Row<'teamMember'>, { id, name, email }: Person): Member {
  return { userId: id, name, email, role, joinedAt: createdAt }
}
