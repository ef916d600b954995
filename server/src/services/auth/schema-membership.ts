/** What goes into the procedures of memberships and invitations to applications, and what comes out. */
import { z } from 'zod'
import { Page, pageOf, Version } from '#db'
import { EmailAddress } from '#lib/email-address.ts'
import { ApplicationId, ApplicationInvitationId, MembershipId, UserId } from '#lib/ids.ts'
import { AuditsRole, BuiltIn, MediaRole, MembershipRole, PaymentsRole } from './application-roles.ts'

/** In characters, as JSON. */
const mostMetadata = 4096

/** What an application keeps about a person: an object of JSON, small, of text that a database can hold. */
export const Metadata = z
  .record(z.string().min(1, 'has an empty name').max(64, 'has a name of more than 64 characters'), z.json())
  .superRefine((value, context) => {
    const text = JSON.stringify(value)
    if (text.length > mostMetadata) context.addIssue({ code: 'custom', message: `is longer than ${mostMetadata} characters as JSON` })
    // What JSON.stringify escapes so is a NUL or half a character: jsonb takes neither.
    if (/(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/.test(text))
      context.addIssue({ code: 'custom', message: 'holds a character that is no text' })
  })
export type Metadata = z.infer<typeof Metadata>

export const Membership = z.strictObject({
  id: MembershipId,
  userId: UserId,
  name: z.string(),
  email: z.string(),
  role: MembershipRole,
  metadata: z.record(z.string(), z.json()),
  active: z.boolean(),
  version: z.int(),
  joinedAt: z.date(),
})
export type Membership = z.infer<typeof Membership>

export const ListMemberships = Page.extend({
  applicationId: ApplicationId,
  role: MembershipRole.exactOptional(),
  active: z.boolean().exactOptional(),
})
export type ListMemberships = z.infer<typeof ListMemberships>

export const MembershipList = pageOf(Membership)
export type MembershipList = z.infer<typeof MembershipList>

export const ChangeMembershipRole = z.strictObject({ applicationId: ApplicationId, membershipId: MembershipId, role: MembershipRole })
export type ChangeMembershipRole = z.infer<typeof ChangeMembershipRole>

/** What is left out stays as it is. `version` is that of the membership that the change was made from. */
export const UpdateMembership = z.strictObject({
  applicationId: ApplicationId,
  membershipId: MembershipId,
  version: Version,
  metadata: Metadata.exactOptional(),
  active: z.boolean().exactOptional(),
})
export type UpdateMembership = z.infer<typeof UpdateMembership>

export const RemoveMembership = z.strictObject({ applicationId: ApplicationId, membershipId: MembershipId })
export type RemoveMembership = z.infer<typeof RemoveMembership>

export const MembershipRemoved = z.strictObject({ id: MembershipId })
export type MembershipRemoved = z.infer<typeof MembershipRemoved>

/** A role in a built-in application: `application` says which roles there are. */
export const GrantRole = z.discriminatedUnion('application', [
  z.strictObject({ application: z.literal('audits'), userId: UserId, role: AuditsRole }),
  z.strictObject({ application: z.literal('media'), userId: UserId, role: MediaRole }),
  z.strictObject({ application: z.literal('payments'), userId: UserId, role: PaymentsRole }),
])
export type GrantRole = z.infer<typeof GrantRole>

export const WithdrawRole = z.strictObject({ application: BuiltIn, userId: UserId })
export type WithdrawRole = z.infer<typeof WithdrawRole>

export const InviteToApplication = z.strictObject({ applicationId: ApplicationId, email: EmailAddress, role: MembershipRole })
export type InviteToApplication = z.infer<typeof InviteToApplication>

export const ApplicationInvitation = z.strictObject({
  id: ApplicationInvitationId,
  email: z.string(),
  role: MembershipRole,
  invitedById: UserId,
  expiresAt: z.date(),
  createdAt: z.date(),
})
export type ApplicationInvitation = z.infer<typeof ApplicationInvitation>

export const ApplicationInvitationList = pageOf(ApplicationInvitation)
export type ApplicationInvitationList = z.infer<typeof ApplicationInvitationList>

export const RevokeApplicationInvitation = z.strictObject({ applicationId: ApplicationId, invitationId: ApplicationInvitationId })
export type RevokeApplicationInvitation = z.infer<typeof RevokeApplicationInvitation>

export const ApplicationInvitationRevoked = z.strictObject({ id: ApplicationInvitationId })

export const AcceptApplicationInvitation = z.strictObject({ token: z.string().max(200) })
export type AcceptApplicationInvitation = z.infer<typeof AcceptApplicationInvitation>

/** What somebody who joined sees of the application. */
export const JoinedApplication = z.strictObject({
  applicationId: ApplicationId,
  membershipId: MembershipId,
  name: z.string(),
  homePage: z.string().nullable(),
  role: MembershipRole,
})
export type JoinedApplication = z.infer<typeof JoinedApplication>
