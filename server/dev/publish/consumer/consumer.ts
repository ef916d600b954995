/** What a project outside of the workspace writes. It is compiled against the packed client alone. */
import { createClient, isAppError, TeamId, TeamRole, type RouterInputs, type RouterOutputs, type UserId } from '@plinth/client'
import { infiniteQueryOptions, mutationOptions, queryOptions } from '@plinth/client/tanstack'

const plinth = createClient({ url: 'http://127.0.0.1:1', token: () => 'none' })

export async function promote(teamId: TeamId, userId: UserId): Promise<string> {
  try {
    const member = await plinth.teams.member.changeRole.mutate({ teamId, userId, role: TeamRole.ADMIN })
    return `${member.name} has been ${member.role} since ${member.joinedAt.toISOString()}`
  } catch (error) {
    if (isAppError(error, 'CONFLICT')) return error.data.details.reason
    throw error
  }
}

export type Draft = RouterInputs['teams']['create']
export type Team = RouterOutputs['teams']['list']['items'][number]

export const draft: Draft = { name: 'Blue', slug: 'blue' }
// @ts-expect-error the package knows what a team needs
export const unfinished: Draft = { name: 'Blue' }
// @ts-expect-error a team's id is no person's
export const mixedUp = (team: Team): Promise<string> => promote(team.id, team.id)
// @ts-expect-error no plain string is a team's id at a call
export const unchecked = (teamId: string): Promise<unknown> => plinth.teams.get.query({ teamId })
// @ts-expect-error no such role
export const misspelt = TeamRole.OWNR

export const cached: (context: { signal: AbortSignal }) => Promise<RouterOutputs['auth']['me']> = queryOptions(plinth.auth.me).queryFn
export const paged = infiniteQueryOptions(plinth.teams.list, { limit: 20 })
export const made: (draft: Draft) => Promise<RouterOutputs['teams']['create']> = mutationOptions(plinth.teams.create).mutationFn
// @ts-expect-error a team is asked for by its id
export const unasked = queryOptions(plinth.teams.get)

const watching = plinth.teams.events.subscribe(
  { teamId: TeamId.of('01991f0e-7b1c-7000-8000-000000000000') },
  { onData: ({ id, data }) => console.log(id, data.name, data.at.getTime()), onError: () => undefined },
)
watching.unsubscribe()
