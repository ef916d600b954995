/** The events that `teams` emits. Payloads hold ids and roles alone; names and addresses are read by whoever needs them. */
import { z } from 'zod'
import { defineEvents, type EventsOf } from '#db'
import { InvitationId } from '#lib/ids.ts'
import { Role, TeamField } from './schema.ts'

const RoleChange = z.strictObject({ from: Role, to: Role })

export const events = defineEvents('teams', {
  'teams.team.created': { about: 'A team was made; its maker is the first owner.', data: z.strictObject({}) },
  'teams.team.deleted': {
    about: 'An owner deleted the team. The deletion id restores it.',
    data: z.strictObject({ deletionId: z.uuid() }),
  },
  'teams.team.updated': {
    about: 'Name, slug, settings or billing contact of the team were changed.',
    data: z.strictObject({ fields: z.array(TeamField) }),
  },
  'teams.team.update_refused': { about: 'Somebody tried to change what of the team they may not.', data: z.strictObject({}) },
  'teams.team.deletion_refused': { about: 'Somebody who does not own the team tried to delete it.', data: z.strictObject({}) },
  'teams.team.restored': { about: 'An owner brought a deleted team back.', data: z.strictObject({ deletionId: z.uuid() }) },
  'teams.invitation.created': {
    about: 'Somebody was invited; the mail is sent for this event.',
    data: z.strictObject({ invitationId: InvitationId, tokenId: z.uuid(), role: Role }),
  },
  'teams.invitation.creation_refused': {
    about: 'Somebody tried to invite, again or anew, or to take an invitation back, to a role that they may not give.',
    data: z.strictObject({ role: Role }),
  },
  'teams.invitation.resent': {
    about: 'An invitation that waits was mailed again, under a new link; the mail is sent for this event.',
    data: z.strictObject({ invitationId: InvitationId, tokenId: z.uuid(), role: Role }),
  },
  'teams.invitation.revoked': {
    about: 'An invitation that waited was taken back; its link is dead.',
    data: z.strictObject({ invitationId: InvitationId, role: Role }),
  },
  'teams.invitation.accepted': {
    about: 'The invited person joined.',
    data: z.strictObject({ invitationId: InvitationId, role: Role }),
  },
  'teams.invitation.refused': {
    about:
      'Somebody tried to accept an invitation that is not theirs, has ended, whose giver may not invite any more, or that leads into a team they are in.',
    data: z.strictObject({ invitationId: InvitationId.nullable(), reason: z.enum(['TOKEN', 'ADDRESS', 'INVITER', 'ALREADY_MEMBER']) }),
  },
  'teams.member.role_changed': { about: 'An owner gave a member another role.', data: RoleChange },
  'teams.member.transferred': {
    about: 'An owner made the person an owner in their place, and became an admin.',
    data: z.strictObject({ from: Role }),
  },
  'teams.member.transfer_refused': { about: 'Somebody who does not own the team tried to hand it over.', data: z.strictObject({}) },
  'teams.member.left': { about: 'A member left the team.', data: z.strictObject({ role: Role }) },
  'teams.member.removed': { about: 'A member was removed from the team.', data: z.strictObject({ role: Role }) },
  'teams.member.removal_refused': {
    about: 'Somebody tried to remove a member, or to leave, and was refused.',
    data: z.strictObject({ reason: z.enum(['NOT_ALLOWED', 'LAST_OWNER']) }),
  },
  'teams.member.role_change_refused': {
    about: 'A role change was asked for and refused.',
    data: z.strictObject({ to: Role, reason: z.enum(['NOT_OWNER', 'LAST_OWNER']) }),
  },
})

declare module '#db/events.ts' {
  interface Events extends EventsOf<typeof events> {}
}
