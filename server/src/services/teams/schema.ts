/** What goes into the procedures of `teams` and what comes out. Each schema and its type share a name. */
import { z } from 'zod'
import { ActivityEntry, Page, pageOf } from '#db'
import { TeamRole } from '#db/enums.ts'
import { EmailAddress } from '#lib/email-address.ts'
import { InvitationId, TeamId, UserId } from '#lib/ids.ts'
import { oneLine } from '#lib/text.ts'

export const Role = z.enum(TeamRole)
export type Role = z.infer<typeof Role>

const TeamName = oneLine(80)

/** Part of URLs: lower case letters, digits and single hyphens. */
const Slug = z
  .string()
  .min(2)
  .max(40)
  .regex(/^[a-z0-9]+(?:-[a-z0-9]+)*$/, 'takes lower case letters, digits and single hyphens')

export const CreateTeam = z.strictObject({ name: TeamName, slug: Slug })
export type CreateTeam = z.infer<typeof CreateTeam>

export const Team = z.object({
  id: TeamId,
  name: z.string(),
  slug: z.string(),
  /** The caller's own role in it. */
  role: Role,
  createdAt: z.date(),
})
export type Team = z.infer<typeof Team>

/** `deleted: true` lists the teams that the caller owned and may restore. */
export const ListTeams = Page.extend({ deleted: z.boolean().default(false) })
export type ListTeams = z.infer<typeof ListTeams>

export const TeamList = pageOf(Team)
export type TeamList = z.infer<typeof TeamList>

export const InTeam = z.strictObject({ teamId: TeamId })

export const PageInTeam = Page.extend({ teamId: TeamId })
export type PageInTeam = z.infer<typeof PageInTeam>

export const ChangeRole = z.strictObject({ teamId: TeamId, userId: UserId, role: Role })
export type ChangeRole = z.infer<typeof ChangeRole>

export const Member = z.object({
  userId: UserId,
  name: z.string(),
  email: z.string(),
  role: Role,
  joinedAt: z.date(),
})
export type Member = z.infer<typeof Member>

export const MemberList = pageOf(Member)
export type MemberList = z.infer<typeof MemberList>

export const CreateInvitation = z.strictObject({ teamId: TeamId, email: EmailAddress, role: Role })
export type CreateInvitation = z.infer<typeof CreateInvitation>

export const Invitation = z.object({
  id: InvitationId,
  email: z.string(),
  role: Role,
  invitedById: UserId,
  expiresAt: z.date(),
  createdAt: z.date(),
})
export type Invitation = z.infer<typeof Invitation>

export const InvitationList = pageOf(Invitation)
export type InvitationList = z.infer<typeof InvitationList>

export const AcceptInvitation = z.strictObject({ token: z.string().max(200) })
export type AcceptInvitation = z.infer<typeof AcceptInvitation>

export const ActivityList = pageOf(ActivityEntry)
export type ActivityList = z.infer<typeof ActivityList>

/** `lastEventId` is the position after which to go on; tRPC's client sends it by itself when it reconnects. */
export const WatchTeam = z.strictObject({
  teamId: TeamId,
  lastEventId: z
    .string()
    .regex(/^\d{1,18}$/)
    .exactOptional(),
})
export type WatchTeam = z.infer<typeof WatchTeam>

const RoleChange = z.object({ from: Role, to: Role })
const Deletion = z.object({ deletionId: z.uuid() })
const Invited = z.object({ invitationId: InvitationId, role: Role })

/**
 * What watchers of a team are told: switch over `name`, `data` follows. A deletion ends what is watched; it is told to those who resume after
 * the team was restored.
 */
export const TeamEvent = z.discriminatedUnion('name', [
  happened('teams.team.created', z.object({})),
  happened('teams.team.deleted', Deletion),
  happened('teams.team.restored', Deletion),
  happened('teams.invitation.created', Invited),
  happened('teams.invitation.accepted', Invited),
  happened('teams.member.role_changed', RoleChange),
])
export type TeamEvent = z.infer<typeof TeamEvent>

function happened<N extends string, D extends z.ZodType>(name: N, data: D) {
  return z.object({ name: z.literal(name), data, actorId: UserId.nullable(), userId: UserId.nullable(), at: z.date() })
}
