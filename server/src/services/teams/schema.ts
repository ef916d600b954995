/** What goes into the procedures of `teams` and what comes out. Each schema and its type share a name. */
import { z } from 'zod'
import { ActivityEntry, Page, pageOf, Version } from '#db'
import { TeamRole } from '#db/enums.ts'
import { EmailAddress } from '#lib/email-address.ts'
import { InvitationId, TeamId, UserId } from '#lib/ids.ts'
import { oneLine, paragraphs } from '#lib/text.ts'

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
  version: z.int(),
  createdAt: z.date(),
})
export type Team = z.infer<typeof Team>

/** What of a team can be changed, as events name it. */
export const TeamField = z.enum(['name', 'slug', 'settings', 'billingContact'])

/** Only what is given changes. `version` is that of the team which the change was made on. */
export const UpdateTeam = z.strictObject({
  teamId: TeamId,
  version: Version,
  name: TeamName.exactOptional(),
  slug: Slug.exactOptional(),
})
export type UpdateTeam = z.infer<typeof UpdateTeam>

/** No more than this is offered unasked. */
const DefaultRole = z.enum(['MEMBER', 'VIEWER'])

/** How a team is run. What was never set, or is not known any more, has its default. */
export const TeamSettings = z.object({
  /** The role that an invitation offers where none is named. */
  defaultRole: DefaultRole.catch('MEMBER'),
  /** Whether admins may invite, or owners alone. */
  adminsInvite: z.boolean().catch(true),
})
export type TeamSettings = z.infer<typeof TeamSettings>

/** Only what is given changes. */
export const UpdateSettings = z.strictObject({
  teamId: TeamId,
  defaultRole: DefaultRole.exactOptional(),
  adminsInvite: z.boolean().exactOptional(),
})
export type UpdateSettings = z.infer<typeof UpdateSettings>

/** Whom invoices of a team go to. */
export const BillingContact = z.object({
  name: z.string(),
  email: z.string(),
  /** As it is printed on invoices. */
  address: z.string().nullable(),
  /** VAT or other tax number, as it is printed on invoices. */
  taxId: z.string().nullable(),
})
export type BillingContact = z.infer<typeof BillingContact>

export const SetBillingContact = z.strictObject({
  teamId: TeamId,
  name: oneLine(120),
  email: EmailAddress,
  address: paragraphs(500).nullable(),
  taxId: oneLine(40).nullable(),
})
export type SetBillingContact = z.infer<typeof SetBillingContact>

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

export const OneMember = z.strictObject({ teamId: TeamId, userId: UserId })
export type OneMember = z.infer<typeof OneMember>

export const MemberGone = z.object({ status: z.literal('GONE') })
export type MemberGone = z.infer<typeof MemberGone>

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

/** Without a role, the team's default is offered. */
export const CreateInvitation = z.strictObject({ teamId: TeamId, email: EmailAddress, role: Role.exactOptional() })
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

export const OneInvitation = z.strictObject({ teamId: TeamId, invitationId: InvitationId })
export type OneInvitation = z.infer<typeof OneInvitation>

export const InvitationRevoked = z.object({ status: z.literal('REVOKED') })
export type InvitationRevoked = z.infer<typeof InvitationRevoked>

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
const WithRole = z.object({ role: Role })

/**
 * What watchers of a team are told: switch over `name`, `data` follows. A deletion ends what is watched; it is told to those who resume after
 * the team was restored.
 */
export const TeamEvent = z.discriminatedUnion('name', [
  happened('teams.team.created', z.object({})),
  happened('teams.team.updated', z.object({ fields: z.array(TeamField) })),
  happened('teams.team.deleted', Deletion),
  happened('teams.team.restored', Deletion),
  happened('teams.invitation.created', Invited),
  happened('teams.invitation.resent', Invited),
  happened('teams.invitation.accepted', Invited),
  happened('teams.invitation.revoked', Invited),
  happened('teams.member.role_changed', RoleChange),
  happened('teams.member.transferred', z.object({ from: Role })),
  happened('teams.member.left', WithRole),
  happened('teams.member.removed', WithRole),
])
export type TeamEvent = z.infer<typeof TeamEvent>

function happened<N extends string, D extends z.ZodType>(name: N, data: D) {
  return z.object({ name: z.literal(name), data, actorId: UserId.nullable(), userId: UserId.nullable(), at: z.date() })
}
