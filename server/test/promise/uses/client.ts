/**
 * Uses of the API, each right today, marked like those of ./server.ts. They are compiled twice: in the workspace, where the client's types are
 * the server's own, and in a project outside of it, against the package with the folded types.
 */
import {
  createClient,
  isAppError,
  TeamRole,
  type ConflictReason,
  type RouterInputs,
  type RouterOutputs,
  type TeamId,
  type UserId,
} from '@plinth/client'

const plinth = createClient({ url: 'http://localhost' })

declare const teamId: TeamId
declare const userId: UserId
declare function use(...values: readonly unknown[]): void
declare function rankOf(role: 'OWNER' | 'ADMIN' | 'MEMBER' | 'VIEWER'): number

type Team = RouterOutputs['teams']['get']
type Member = RouterOutputs['teams']['member']['list']['items'][number] // output type: model

export async function teams(): Promise<void> {
  await plinth.teams.create.mutate({ name: 'Blue', slug: 'blue' }) // input: renamed dropped retyped
  const draft: RouterInputs['teams']['create'] = { name: 'Blue', slug: 'blue' } // input type: renamed dropped retyped
  const team = await plinth.teams.get.query({ teamId })
  use(draft, team.slug.length) // output: renamed dropped retyped
  use(team.name.length) // output: nullable
  const { items } = await plinth.teams.list.query({}) // input: required
  const page: RouterInputs['teams']['list'] = { limit: 3 } // input type: required
  use(page)
  use(items.map((one) => one.slug.length)) // output of a list: renamed dropped retyped
  use(items.map((one) => one.name.length)) // output of a list: nullable
  const title = ({ name }: Team): string => name // output, destructured: nullable
  use(title(team))
  await plinth.teams.restore.mutate({ teamId }) // call: procedure
  const { restore } = plinth.teams // reference: procedure
  use(restore)
}

export type Restore = RouterInputs['teams']['restore'] // input type: procedure
export type Restored = RouterOutputs['teams']['restore'] // output type: procedure
export const restored = (client: typeof plinth): unknown => client.teams.restore.mutate // passed on: procedure

export async function members(): Promise<void> {
  await plinth.teams.member.changeRole.mutate({ teamId, userId, role: 'ADMIN' }) // input: input model
  const change: RouterInputs['teams']['member']['changeRole'] = { teamId, userId, role: 'ADMIN' } // input type: input model
  const partly = { teamId, userId }
  await plinth.teams.member.changeRole.mutate({ ...partly, role: 'ADMIN' }) // input from a spread: input model
  const forward = (one: UserId) => plinth.teams.member.changeRole.mutate({ teamId, role: 'ADMIN', userId: one }) // passed on: input model
  const { items } = await plinth.teams.member.list.query({ teamId }) // call: model
  use(items.map((one: Member) => one.joinedAt.getTime())) // output of a list: output
  const since = ({ joinedAt }: Member): Date => joinedAt // output, destructured: output
  const shown: { joinedAt: Date }[] = items // output mapping: output
  use(change, forward, since, shown)
}

export type JoinedAt = RouterOutputs['teams']['member']['changeRole']['joinedAt'] // output type: output model

export async function roles(): Promise<void> {
  await plinth.teams.invitation.create.mutate({ teamId, email: 'a@b.example', role: 'VIEWER' }) // input: value-gone
  const team = await plinth.teams.get.query({ teamId })
  use(team.role === 'VIEWER') // output: value-gone
  use(TeamRole.VIEWER) // enumeration: value-gone
  use(rankOf(team.role)) // output: value-new
  const labels: Record<Team['role'], string> = { OWNER: 'o', ADMIN: 'a', MEMBER: 'm', VIEWER: 'v' } // record of all: value-gone value-new
  use(labels)
}

export function label(role: TeamRole): string {
  switch (role) {
    case 'OWNER':
    case 'ADMIN':
    case 'MEMBER':
      return 'works'
    case 'VIEWER': // switch: value-gone
      return 'reads'
    default:
      return role satisfies never // exhaustive switch: value-new
  }
}

export function sentence(error: unknown): string {
  if (!isAppError(error, 'CONFLICT')) return 'something else'
  return error.data.details.reason === 'LAST_OWNER' ? 'the last owner' : error.message // error's reason: reason
}

export const lastOwner: ConflictReason = 'LAST_OWNER' // type: reason
export const isLastOwner = (reason: ConflictReason): boolean => reason === 'LAST_OWNER' // comparison: reason
