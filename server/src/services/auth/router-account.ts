/** The doors of `auth.account`: what a person does with their account as a whole. */
import { anyone, Nothing, router, signedIn, steppedUp } from '../../trpc/procedures.ts'
import { downloadDataExport, listDataExports, requestDataExport } from './data-exports.ts'
import { deactivateAccount, reactivateAccount } from './deactivation.ts'
import { undoFactor } from './factor-undo.ts'
import {
  AccountDeactivated,
  AccountReactivated,
  DataExport,
  DataExportFile,
  DataExportList,
  DownloadDataExport,
  FactorUndone,
  ListDataExports,
  ListSecurityActivity,
  Reactivate,
  SecondFactors,
  SecurityActivityList,
  UndoFactor,
} from './schema-account.ts'
import { getSecondFactors } from './second-factors.ts'
import { listSecurityActivity } from './security-activity.ts'

export const accountRouter = router({
  /** Lists what happened to the person's account, newest first: sign-ins, refusals, changes, and from where. */
  activity: signedIn
    .input(ListSecurityActivity)
    .output(SecurityActivityList)
    .query(({ ctx, input }) => listSecurityActivity(ctx.actor, input)),
  /** Says what second factors the person has, and how many recovery codes stand in for one that is lost. */
  secondFactors: signedIn
    .input(Nothing)
    .output(SecondFactors)
    .query(({ ctx }) => getSecondFactors(ctx.actor)),
  /** Deactivates the account: it is gone at once, can be taken back for thirty days, and is then erased. */
  deactivate: steppedUp
    .meta({ cookies: true, changesCaller: true })
    .input(Nothing)
    .output(AccountDeactivated)
    .mutation(async ({ ctx }) => {
      const answer = await deactivateAccount(ctx.actor)
      ctx.reply.clearSessionCookie()
      return answer
    }),
  /** Takes a deactivation back by the link from its mail. It does not sign in. */
  reactivate: anyone
    .input(Reactivate)
    .output(AccountReactivated)
    .mutation(({ input }) => reactivateAccount(input)),
  /** Takes back what was added to sign in by, by the link from the mail about it, for seven days. Every session and API key ends. */
  undoFactor: anyone
    .input(UndoFactor)
    .output(FactorUndone)
    .mutation(({ input }) => undoFactor(input)),

  dataExport: router({
    /** Asks for everything that is held of the person; a mail says when it is gathered. */
    request: steppedUp
      .input(Nothing)
      .output(DataExport)
      .mutation(({ ctx }) => requestDataExport(ctx.actor)),
    /** Lists the person's exports, newest first. */
    list: signedIn
      .input(ListDataExports)
      .output(DataExportList)
      .query(({ ctx, input }) => listDataExports(ctx.actor, input)),
    /** Gives an export, once. */
    download: steppedUp
      .meta({ secret: true })
      .input(DownloadDataExport)
      .output(DataExportFile)
      .mutation(({ ctx, input }) => downloadDataExport(ctx.actor, input)),
  }),
})
