/** What happened in a team: read back, and live. */
import { tracked, type TrackedEnvelope } from '@trpc/server'
import { activityOf, watchFeed } from '#db'
import { AppError } from '#lib/errors.ts'
import { mayReadActivity, maySeeInvitations } from './policy.ts'
import type { TeamActor } from './scope.ts'
import { type ActivityList, type PageInTeam, TeamEvent, type WatchTeam } from './schema.ts'

/**
 * Lists what happened in the team, newest first, refused attempts among it.
 *
 * @throws FORBIDDEN unless the actor manages people.
 */
export async function listActivity(actor: TeamActor, page: PageInTeam): Promise<ActivityList> {
  if (!mayReadActivity(actor.role)) throw new AppError('FORBIDDEN', 'Only owners and admins read the activity.')
  return activityOf('teams', { team: actor.teamId }, page)
}

/** They tell of people who have not joined. */
const ofInvited = new Set<string>(['teams.invitation.created', 'teams.invitation.resent', 'teams.invitation.revoked'])

const watched = new Set<string>(TeamEvent.options.map((option) => option.shape.name.value))

/**
 * Gives the team's events as they happen, after the position `lastEventId` where one is given. What was refused is not among them, and
 * who waits to join is for those who may see invitations.
 * Ends when the signal fires: the door fires it when the session or the membership has ended.
 */
export async function* watchTeam(
  actor: TeamActor,
  { lastEventId }: WatchTeam,
  signal: AbortSignal | undefined,
): AsyncGenerator<TrackedEnvelope<TeamEvent>, void> {
  const after = lastEventId === undefined ? {} : { after: BigInt(lastEventId) }
  for await (const event of watchFeed('teams', { team: actor.teamId, signal: signal ?? AbortSignal.any([]), ...after })) {
    if (!watched.has(event.name) || (ofInvited.has(event.name) && !maySeeInvitations(actor.role))) continue
    const actorId = event.actorKind === 'USER' ? event.actorId : null
    yield tracked(String(event.position), TeamEvent.parse({ ...event, actorId, userId: event.user }))
  }
}
