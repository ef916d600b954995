/** The doors of `teams`: who may knock, what goes in, what comes out. */
import { inTeam, router, verified } from '../../trpc/procedures.ts'
import { streamOf } from '../../trpc/stream-of.ts'
import { listActivity, watchTeam } from './activity.ts'
import { getBillingContact, setBillingContact } from './billing.ts'
import { acceptInvitation, createInvitation, listInvitations, resendInvitation, revokeInvitation } from './invitations.ts'
import { changeRole, leaveTeam, listMembers, removeMember, transferTeam } from './members.ts'
import {
  AcceptInvitation,
  ActivityList,
  BillingContact,
  ChangeRole,
  CreateInvitation,
  CreateTeam,
  InTeam,
  Invitation,
  InvitationList,
  InvitationRevoked,
  ListTeams,
  Member,
  MemberGone,
  MemberList,
  OneInvitation,
  OneMember,
  PageInTeam,
  SetBillingContact,
  Team,
  TeamEvent,
  TeamList,
  TeamSettings,
  UpdateSettings,
  UpdateTeam,
  WatchTeam,
} from './schema.ts'
import { getSettings, updateSettings } from './settings.ts'
import { createTeam, deleteTeam, getTeam, listTeams, restoreTeam, updateTeam } from './teams.ts'

export const teamsRouter = router({
  /** Makes a team whose first owner is the caller. */
  create: verified
    .input(CreateTeam)
    .output(Team)
    .mutation(({ ctx, input }) => createTeam(ctx.actor, input)),
  /** Lists the caller's teams, or with `deleted` those that they may restore. */
  list: verified
    .input(ListTeams)
    .output(TeamList)
    .query(({ ctx, input }) => listTeams(ctx.actor, input)),
  /** Gives one team. */
  get: inTeam
    .input(InTeam)
    .output(Team)
    .query(({ ctx }) => getTeam(ctx.actor)),
  /** Gives a team another name or slug, where nobody changed it meanwhile. Owners and admins may. */
  update: inTeam
    .input(UpdateTeam)
    .output(Team)
    .mutation(({ ctx, input }) => updateTeam(ctx.actor, input)),
  /** Deletes a team with all that belongs to it. Only an owner may. */
  delete: inTeam
    .input(InTeam)
    .output(Team)
    .mutation(({ ctx }) => deleteTeam(ctx.actor)),
  /** Brings a deleted team back. Only somebody who owned it may. */
  restore: verified
    .input(InTeam)
    .output(Team)
    .mutation(({ ctx, input }) => restoreTeam(ctx.actor, input.teamId)),
  /** Tells of what happens in the team, live, and after a break from where it was. Ends with the session or the membership. */
  events: inTeam
    .input(WatchTeam)
    .output(streamOf(TeamEvent))
    .subscription(({ ctx, input }) => watchTeam(ctx.actor, input, ctx.signal)),

  member: router({
    /** Lists the members. */
    list: inTeam
      .input(PageInTeam)
      .output(MemberList)
      .query(({ ctx, input }) => listMembers(ctx.actor, input)),
    /** Gives a member another role. Only an owner may; the last owner keeps theirs. */
    changeRole: inTeam
      .input(ChangeRole)
      .output(Member)
      .mutation(({ ctx, input }) => changeRole(ctx.actor, input)),
    /** Makes another member an owner in the caller's place, who becomes an admin. Only an owner may. */
    transfer: inTeam
      .input(OneMember)
      .output(Member)
      .mutation(({ ctx, input }) => transferTeam(ctx.actor, input)),
    /** Leaves the team. The last owner transfers it first. */
    leave: inTeam
      .input(InTeam)
      .output(MemberGone)
      .mutation(({ ctx }) => leaveTeam(ctx.actor)),
    /** Removes a member. Owners remove anyone, admins those below them. */
    remove: inTeam
      .input(OneMember)
      .output(MemberGone)
      .mutation(({ ctx, input }) => removeMember(ctx.actor, input)),
  }),

  settings: router({
    /** Gives the settings of the team. */
    get: inTeam
      .input(InTeam)
      .output(TeamSettings)
      .query(({ ctx }) => getSettings(ctx.actor)),
    /** Changes the settings that are given. Only an owner may. */
    update: inTeam
      .input(UpdateSettings)
      .output(TeamSettings)
      .mutation(({ ctx, input }) => updateSettings(ctx.actor, input)),
  }),

  billingContact: router({
    /** Gives whom invoices go to; null where that was never said. Only an owner may. */
    get: inTeam
      .input(InTeam)
      .output(BillingContact.nullable())
      .query(({ ctx }) => getBillingContact(ctx.actor)),
    /** Says whom invoices go to. Only an owner may. */
    set: inTeam
      .input(SetBillingContact)
      .output(BillingContact)
      .mutation(({ ctx, input }) => setBillingContact(ctx.actor, input)),
  }),

  invitation: router({
    /** Invites an address. Owners and admins may, to no more than their own role. */
    create: inTeam
      .input(CreateInvitation)
      .output(Invitation)
      .mutation(({ ctx, input }) => createInvitation(ctx.actor, input)),
    /** Lists the invitations that wait. Owners and admins may. */
    list: inTeam
      .input(PageInTeam)
      .output(InvitationList)
      .query(({ ctx, input }) => listInvitations(ctx.actor, input)),
    /** Mails an invitation again, under a new link. Whoever may invite to its role may. */
    resend: inTeam
      .input(OneInvitation)
      .output(Invitation)
      .mutation(({ ctx, input }) => resendInvitation(ctx.actor, input)),
    /** Takes an invitation back. Whoever may invite to its role may. */
    revoke: inTeam
      .input(OneInvitation)
      .output(InvitationRevoked)
      .mutation(({ ctx, input }) => revokeInvitation(ctx.actor, input)),
    /** Joins a team by the link from the mail. Only the invited address may. */
    accept: verified
      .input(AcceptInvitation)
      .output(Team)
      .mutation(({ ctx, input }) => acceptInvitation(ctx.actor, input)),
  }),

  activity: router({
    /** Lists what happened in the team, newest first. */
    list: inTeam
      .input(PageInTeam)
      .output(ActivityList)
      .query(({ ctx, input }) => listActivity(ctx.actor, input)),
  }),
})
