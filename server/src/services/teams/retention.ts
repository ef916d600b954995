/** Removes for good what has served. */
import { pageOf } from '#db/removals.ts'

/** What each statement removes. */
export const removals = {
  /** Accepted ones too, and those that were taken back. */
  teamInvitations: pageOf('teams.invitations', `expires_at < core.clock() - interval '30 days'`),
  /** Those that a team's deletion took stay with it: they come back when it is restored. */
  endedTeamMembers: pageOf(
    'teams.members',
    `deleted_at < core.clock() - interval '30 days'
      AND NOT EXISTS (SELECT FROM teams.teams AS gone WHERE gone.id = team_id AND gone.deletion_id = members.deletion_id)`,
  ),
} as const
