/** How a team is run. */
import { db, transaction } from '#db'
import { mayChangeSettings } from './policy.ts'
import { lockTeam, noSuchTeam, refuseUpdate, type TeamActor } from './scope.ts'
import { TeamSettings, type UpdateSettings } from './schema.ts'

/** Gives the settings of the team. */
export async function getSettings(actor: TeamActor): Promise<TeamSettings> {
  const team = await db('teams').team.findUnique({ where: { id: actor.teamId }, select: { settings: true } })
  if (!team) throw noSuchTeam()
  return TeamSettings.parse(team.settings)
}

/**
 * Changes the settings that are given, and gives them all.
 *
 * @throws FORBIDDEN unless the actor owns the team.
 */
export async function updateSettings(actor: TeamActor, { teamId, ...changes }: UpdateSettings): Promise<TeamSettings> {
  return transaction('teams', actor, async (tx) => {
    const { team, me } = await lockTeam(tx, actor)
    if (!mayChangeSettings(me.role)) return refuseUpdate(tx, actor, 'Only an owner may change the settings.')
    const settings = { ...TeamSettings.parse(team.settings), ...changes }
    await tx.team.update({ where: { id: teamId }, data: { settings } })
    tx.record('teams.team.updated', { team: teamId }, { fields: ['settings'] })
    return settings
  })
}
