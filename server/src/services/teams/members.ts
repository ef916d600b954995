/** The people of a team and their roles. */
import { db, keyset, refuse, type Row, transaction, type Tx } from '#db'
import { UserId } from '#lib/ids.ts'
import { type Person, revocation, usersByIds } from '../auth/index.ts'
import { mayChangeRole } from './policy.ts'
import { lockTeam, type TeamActor } from './scope.ts'
import type { ChangeRole, Member, MemberList, PageInTeam } from './schema.ts'

/** Lists the members, in the order in which they joined. Whose account is gone is passed over. */
export async function listMembers(actor: TeamActor, page: PageInTeam): Promise<MemberList> {
  const { where, take, cut } = keyset(page, 'id')
  const members = await db('teams').teamMember.findMany({ where: { teamId: actor.teamId, ...where }, orderBy: { id: 'asc' }, take })
  const { items, nextCursor } = cut(members)
  const people = await usersByIds(items.map((member) => UserId.parse(member.userId)))
  const living = items.flatMap((member) => {
    const person = people.get(UserId.parse(member.userId))
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
    const me = await lockTeam(tx, actor)
    const about = { team: actor.teamId, user: userId }
    if (!mayChangeRole(me.role)) {
      tx.record('teams.member.role_change_refused', about, { to: role, reason: 'NOT_OWNER' })
      return refuse('FORBIDDEN', 'Only an owner may change roles.')
    }
    const member = await tx.teamMember.findFirst({ where: { teamId: actor.teamId, userId } })
    const person = (await usersByIds([userId])).get(userId)
    if (!member || !person) return refuse('NOT_FOUND', 'This person is not in the team.')
    if (member.role === 'OWNER' && role !== 'OWNER' && (await isLastOwner(tx, actor))) {
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

/** An owner whose account is gone owns nothing any more. */
async function isLastOwner(tx: Tx<'teams'>, actor: TeamActor): Promise<boolean> {
  const owners = await tx.teamMember.findMany({ where: { teamId: actor.teamId, role: 'OWNER' }, select: { userId: true } })
  return (await usersByIds(owners.map((owner) => UserId.parse(owner.userId)))).size <= 1
}

function present({ role, createdAt }: Row<'teamMember'>, { id, name, email }: Person): Member {
  return { userId: id, name, email, role, joinedAt: createdAt }
}
