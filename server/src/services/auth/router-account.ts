/** The doors of `auth.account`: what a person does with their account as a whole. */
import { router, signedIn } from '../../trpc/procedures.ts'
import { ListSecurityActivity, SecurityActivityList } from './schema-account.ts'
import { listSecurityActivity } from './security-activity.ts'

export const accountRouter = router({
  /** Lists what happened to the person's account, newest first: sign-ins, refusals, changes, and from where. */
  activity: signedIn
    .input(ListSecurityActivity)
    .output(SecurityActivityList)
    .query(({ ctx, input }) => listSecurityActivity(ctx.actor, input)),
})
