/** The doors of `teams`: who may knock, what goes in, what comes out. */
import { inTeam, router, verified } from '../../trpc/procedures.ts'
import { streamOf } from '../../trpc/stream-of.ts'
import { listActivity, watchTeam } from './activity.ts'
import { acceptInvitation, createInvitation, listInvitations } from './invitations.ts'
import { changeRole, listMembers } from './members.ts'
import {
  AcceptInvitation,
  ActivityList,
  ChangeRole,
  CreateInvitation,
  CreateTeam,
  InTeam,
  Invitation,
  InvitationList,
  ListTeams,
  Member,
  MemberList,
  PageInTeam,
  Team,
  TeamEvent,
  TeamList,
  WatchTeam,
} from './schema.ts'
import { createTeam, deleteTeam, getTeam, listTeams, restoreTeam } from './teams.ts'

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
  /** Deletes a team with its members and invitations. Only an owner may. */
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
