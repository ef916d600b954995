/** The doors of memberships and invitations to applications. */
import { admin, inApplication, inApplicationSteppedUp, overPeople, router, verified } from '../../trpc/procedures.ts'
import {
  acceptApplicationInvitation,
  inviteToApplication,
  listApplicationInvitations,
  revokeApplicationInvitation,
} from './application-invitations.ts'
import { grantRole, withdrawRole } from './built-in.ts'
import { changeMembershipRole, listMemberships, removeMembership, updateMembership } from './memberships.ts'
import { PageInApplication } from './schema-application.ts'
import {
  AcceptApplicationInvitation,
  ApplicationInvitation,
  ApplicationInvitationList,
  ApplicationInvitationRevoked,
  ChangeMembershipRole,
  GrantRole,
  InviteToApplication,
  JoinedApplication,
  ListMemberships,
  Membership,
  MembershipList,
  MembershipRemoved,
  RemoveMembership,
  RevokeApplicationInvitation,
  UpdateMembership,
  WithdrawRole,
} from './schema-membership.ts'

export const membershipRouter = router({
  /** Lists the people of an application. Owners and admins may. */
  list: inApplication
    .meta({ keys: true })
    .input(ListMemberships)
    .output(MembershipList)
    .query(({ ctx, input }) => listMemberships(ctx.actor, input)),
  /** Gives somebody another role in the application, no more than one's own; the last owner keeps theirs. */
  changeRole: inApplicationSteppedUp
    .input(ChangeMembershipRole)
    .output(Membership)
    .mutation(({ ctx, input }) => changeMembershipRole(ctx.actor, input)),
  /** Changes the metadata of a membership, or whether it is active: of an owner or admin that only with a fresh proof, and not with a key. */
  update: overPeople
    .input(UpdateMembership)
    .output(Membership)
    .mutation(({ ctx, input }) => updateMembership(ctx.actor, input)),
  /** Removes somebody from the application, or oneself. Another who owns or administers it only with a fresh proof, and not with a key. */
  remove: overPeople
    .input(RemoveMembership)
    .output(MembershipRemoved)
    .mutation(({ ctx, input }) => removeMembership(ctx.actor, input)),
  /** Gives a person a role in a built-in application. */
  grant: admin
    .input(GrantRole)
    .output(Membership)
    .mutation(({ ctx, input }) => grantRole(ctx.actor, input)),
  /** Takes a person's role in a built-in application away. */
  withdraw: admin
    .input(WithdrawRole)
    .output(MembershipRemoved)
    .mutation(({ ctx, input }) => withdrawRole(ctx.actor, input)),
})

export const applicationInvitationRouter = router({
  /** Invites an address to an application, whether it has an account or not; the mail follows. To OWNER or ADMIN only with a fresh proof, and not with a key. */
  create: overPeople
    .input(InviteToApplication)
    .output(ApplicationInvitation)
    .mutation(({ ctx, input }) => inviteToApplication(ctx.actor, input)),
  /** Lists the invitations that wait. Owners and admins may. */
  list: inApplication
    .meta({ keys: true })
    .input(PageInApplication)
    .output(ApplicationInvitationList)
    .query(({ ctx, input }) => listApplicationInvitations(ctx.actor, input)),
  /** Takes an invitation back. Owners and admins may. */
  revoke: inApplication
    .meta({ keys: true })
    .input(RevokeApplicationInvitation)
    .output(ApplicationInvitationRevoked)
    .mutation(({ ctx, input }) => revokeApplicationInvitation(ctx.actor, input)),
  /** Joins an application by the link from the mail. Only the invited address may. */
  accept: verified
    .input(AcceptApplicationInvitation)
    .output(JoinedApplication)
    .mutation(({ ctx, input }) => acceptApplicationInvitation(ctx.actor, input)),
})
