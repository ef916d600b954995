/** Who is let into a team. The only maker of a TeamActor: without one, no function of this service can be called on a team. */
import { prepared, refuse, type Refusal, type Row, type Tx } from '#db'
import type { UserActor } from '#lib/actor.ts'
import { AppError } from '#lib/errors.ts'
import type { TeamId } from '#lib/ids.ts'
import type { Role } from './schema.ts'

declare const entered: unique symbol

/** The proof that a person belongs to a team, with the role they had when they came in. Decisions read the role again under a lock. */
export interface TeamActor extends UserActor {
  readonly teamId: TeamId
  readonly role: Role
  readonly [entered]: true
}

/** In SQL, since every call in a team asks it (docs/bench.md). */
const findRole = 'SELECT role FROM teams.members WHERE team_id = $1 AND user_id = $2 AND deleted_at IS NULL'

/**
 * Gives the right to act in the team.
 *
 * @throws NOT_FOUND to strangers and for teams that do not exist: the two cannot be told apart.
 */
export async function enterTeam(actor: UserActor, teamId: TeamId): Promise<TeamActor> {
  const [member] = await prepared<{ role: Role }>(findRole, [teamId, actor.userId])
  if (!member) throw noSuchTeam()
  return { ...actor, teamId, role: member.role } as TeamActor
}

/** A team that is locked, and the actor's membership as it stands now. */
export interface LockedTeam {
  readonly team: Row<'team'>
  readonly me: Row<'teamMember'>
}

/**
 * Locks the team until the transaction ends and reads the actor's role as it stands now. Every change of people or of the team
 * itself starts here, so that two of them at once see each other: without it, two owners who demote each other both succeed.
 *
 * @throws NOT_FOUND when the team, or the actor's membership, has ended meanwhile.
 */
export async function lockTeam(tx: Tx<'teams'>, actor: TeamActor): Promise<LockedTeam> {
  const team = await tx.lock('team', { id: actor.teamId })
  const me = team && (await tx.teamMember.findFirst({ where: { teamId: actor.teamId, userId: actor.userId } }))
  if (!me) throw noSuchTeam()
  return { team, me }
}

/** Refuses a change of the team, and leaves the trace. */
export function refuseUpdate(tx: Tx<'teams'>, actor: TeamActor, sentence: string): Refusal {
  tx.record('teams.team.update_refused', { team: actor.teamId, user: actor.userId }, {})
  return refuse('FORBIDDEN', sentence)
}

/** What strangers are told. */
export function noSuchTeam(): AppError {
  return new AppError('NOT_FOUND', 'There is no such team.')
}
