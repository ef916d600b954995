/** Teams themselves: made, listed, renamed, deleted, restored. */
import { conflictOn, db, keyset, nextVersion, refuse, refuseStale, type Row, transaction, withDeleted } from '#db'
import type { UserActor } from '#lib/actor.ts'
import { TeamId } from '#lib/ids.ts'
import { keysOf } from '#lib/keys.ts'
import { revocation } from '../auth/index.ts'
import { mayDelete, mayRename } from './policy.ts'
import { lockTeam, noSuchTeam, refuseUpdate, type TeamActor } from './scope.ts'
import type { CreateTeam, ListTeams, Team, TeamList, UpdateTeam } from './schema.ts'

const slugTaken = { slug: 'Another team has this address already.' }

/**
 * Makes a team whose first owner is the actor.
 *
 * @throws CONFLICT NAME_TAKEN when another living team has the slug.
 */
export async function createTeam(actor: UserActor, { name, slug }: CreateTeam): Promise<Team> {
  return transaction('teams', actor, async (tx) => {
    const team = await conflictOn(slugTaken, () => tx.team.create({ data: { name, slug } }))
    await tx.teamMember.create({ data: { teamId: team.id, userId: actor.userId, role: 'OWNER' } })
    tx.record('teams.team.created', { team: team.id, user: actor.userId }, {})
    return presentTeam(team, 'OWNER')
  })
}

/** Lists the teams that the actor is in, oldest membership first; or, with `deleted`, those that they owned and may restore. */
export async function listTeams(actor: UserActor, { deleted, ...page }: ListTeams): Promise<TeamList> {
  const { where, take, cut } = keyset(page, 'id')
  const mine = deleted
    ? { role: 'OWNER' as const, deletedAt: { not: null }, team: { deletedAt: { not: null } } }
    : { deletedAt: null, team: { deletedAt: null } }
  const members = await withDeleted('teams').teamMember.findMany({
    where: { userId: actor.userId, ...mine, ...where },
    include: { team: true },
    orderBy: { id: 'asc' },
    take,
  })
  const { items, nextCursor } = cut(members)
  const owned = items.filter((member) => member.deletionId === member.team.deletionId)
  return { items: owned.map((member) => presentTeam(member.team, member.role)), nextCursor }
}

/** Gives the team and the actor's role in it. */
export async function getTeam(actor: TeamActor): Promise<Team> {
  const team = await db('teams').team.findUnique({ where: { id: actor.teamId } })
  if (!team) throw noSuchTeam()
  return presentTeam(team, actor.role)
}

/**
 * Gives the team another name, another slug, or both. The slug is free for others from then on.
 *
 * @throws FORBIDDEN unless the actor owns the team or is an admin; CONFLICT STALE_VERSION when it was changed since the version that the change
 *   was made on; CONFLICT NAME_TAKEN when another living team has the slug.
 */
export async function updateTeam(actor: TeamActor, { teamId, version, ...changes }: UpdateTeam): Promise<Team> {
  return transaction('teams', actor, async (tx) => {
    const { team, me } = await lockTeam(tx, actor)
    if (!mayRename(me.role)) return refuseUpdate(tx, actor, 'Only owners and admins may rename a team.')
    if (team.version !== version) return refuseStale()
    const fields = keysOf(changes)
    if (fields.length === 0) return presentTeam(team, me.role)
    const data = { ...changes, version: nextVersion }
    const changed = await conflictOn(slugTaken, () => tx.team.update({ where: { id: teamId }, data }))
    tx.record('teams.team.updated', { team: teamId }, { fields })
    return presentTeam(changed, me.role)
  })
}

/**
 * Deletes the team with its members, invitations and billing contact, until somebody restores it. What is watched of it ends.
 *
 * @throws FORBIDDEN unless the actor owns the team.
 */
export async function deleteTeam(actor: TeamActor): Promise<Team> {
  return transaction('teams', actor, async (tx) => {
    const { me } = await lockTeam(tx, actor)
    if (!mayDelete(me.role)) {
      tx.record('teams.team.deletion_refused', { team: actor.teamId, user: actor.userId }, {})
      return refuse('FORBIDDEN', 'Only an owner may delete a team.')
    }
    const people = await tx.teamMember.findMany({ where: { teamId: actor.teamId }, select: { userId: true } })
    const team = await tx.team.delete({ where: { id: actor.teamId } })
    await tx.notify(
      'plinth_revoked',
      people.map(({ userId }) => revocation(userId)),
    )
    tx.record('teams.team.deleted', { team: team.id }, { deletionId: team.deletionId ?? '' })
    return presentTeam(team, me.role)
  })
}

/**
 * Brings a deleted team back, with the people and all else that its deletion took.
 *
 * @throws NOT_FOUND unless the actor owned it when it was deleted; CONFLICT NAME_TAKEN when its slug was taken meanwhile.
 */
export async function restoreTeam(actor: UserActor, teamId: TeamId): Promise<Team> {
  const owned = await withDeleted('teams').teamMember.findFirst({
    where: { teamId, userId: actor.userId, role: 'OWNER', deletedAt: { not: null }, team: { deletedAt: { not: null } } },
    include: { team: true },
    orderBy: { deletedAt: 'desc' },
  })
  const deletionId = owned?.team.deletionId
  if (!deletionId || deletionId !== owned.deletionId) throw noSuchTeam()

  return transaction('teams', actor, async (tx) => {
    const revived = await conflictOn(slugTaken, () => tx.restore('team', deletionId))
    if (revived === 0) return refuse('NOT_FOUND', 'There is no such team.')
    tx.record('teams.team.restored', { team: teamId }, { deletionId })
    return presentTeam(owned.team, 'OWNER')
  })
}

/** A team as somebody with this role in it sees it. */
export function presentTeam(team: Row<'team'>, role: Team['role']): Team {
  return { id: TeamId.parse(team.id), name: team.name, slug: team.slug, role, version: team.version, createdAt: team.createdAt }
}
