/** The events of applications and memberships. Payloads hold ids, roles and the names of fields: never an address, a name or a secret. */
import { z } from 'zod'
import { defineEvents, type EventsOf } from '#db'
import { ApplicationId, ApplicationInvitationId, ApplicationSecretId, MembershipId } from '#lib/ids.ts'
import { MembershipRole } from './application-roles.ts'
import { ApplicationType } from './schema-application.ts'

const applicationId = ApplicationId
const InApplication = z.strictObject({ applicationId })
const Deletion = z.strictObject({ applicationId, deletionId: z.uuid() })
const Secret = z.strictObject({ applicationId, secretId: ApplicationSecretId })
const Member = z.strictObject({ applicationId, membershipId: MembershipId })
const Joined = Member.extend({ role: MembershipRole, how: z.enum(['CREATED', 'INVITED', 'GRANTED', 'JUST_IN_TIME']) })
const Ended = Member.extend({ reason: z.enum(['REMOVED', 'LEFT', 'WITHDRAWN']) })
const Invited = z.strictObject({ applicationId, invitationId: ApplicationInvitationId, role: MembershipRole })

export const applicationEvents = defineEvents('auth', {
  'auth.application.created': {
    about: 'Somebody registered an application, whose first owner they are.',
    data: InApplication.extend({ type: ApplicationType }),
  },
  'auth.application.updated': {
    about: 'An owner changed an application; the names of what changed are told.',
    data: InApplication.extend({ fields: z.array(z.string()) }),
  },
  'auth.application.deleted': { about: 'An owner deleted an application with its people. The deletion id restores it.', data: Deletion },
  'auth.application.restored': { about: 'An owner brought a deleted application back.', data: Deletion },
  'auth.application.refused': {
    about:
      'Something was asked of an application, or of its people, by somebody in it who may not or has not proven themselves, or that is not in it.',
    data: InApplication.extend({ asked: z.string(), reason: z.enum(['ROLE', 'LAST_OWNER', 'BUILT_IN', 'UNKNOWN', 'UNPROVEN']) }),
  },
  'auth.application_secret.created': { about: 'An owner made a secret for an application.', data: Secret },
  'auth.application_secret.revoked': { about: 'An owner ended a secret of an application.', data: Secret },
  'auth.membership.created': { about: 'Somebody came into an application.', data: Joined },
  'auth.membership.role_changed': {
    about: 'Somebody has another role in an application.',
    data: Member.extend({ from: MembershipRole, to: MembershipRole }),
  },
  'auth.membership.updated': {
    about: 'The metadata of a membership changed, or whether it is active.',
    data: Member.extend({ fields: z.array(z.string()) }),
  },
  'auth.membership.ended': { about: 'Somebody left an application, or was removed from it.', data: Ended },
  'auth.application_invitation.created': {
    about: 'Somebody was invited to an application; the mail is sent for this event.',
    data: Invited.extend({ tokenId: z.uuid() }),
  },
  'auth.application_invitation.revoked': {
    about: 'An invitation to an application was taken back.',
    data: z.strictObject({ applicationId, invitationId: ApplicationInvitationId }),
  },
  'auth.application_invitation.refused': {
    about: 'Somebody tried to accept an invitation to an application that is not theirs, has ended, or leads where they are already.',
    data: z.strictObject({
      invitationId: ApplicationInvitationId.nullable(),
      reason: z.enum(['TOKEN', 'ADDRESS', 'INVITER', 'ALREADY_MEMBER']),
    }),
  },
})

declare module '#db/events.ts' {
  interface Events extends EventsOf<typeof applicationEvents> {}
}
