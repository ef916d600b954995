/** The doors of `auth.email`: another address for an account. */
import { anyone, router, signedIn, steppedUp } from '../../trpc/procedures.ts'
import { approveEmailChange, proveEmailChange, requestEmailChange, undoEmailChange } from './email-change.ts'
import { CheckEmail } from './schema.ts'
import { EmailChangeLink, EmailChangeState, EmailChangeUndone, RequestEmailChange } from './schema-email.ts'

export const emailRouter = router({
  /** Asks for another address: a link goes to the old one and one to the new one, and both are needed. */
  requestChange: steppedUp
    .input(RequestEmailChange)
    .output(CheckEmail)
    .mutation(({ ctx, input }) => requestEmailChange(ctx.actor, input)),
  /** Agrees to another address by the link that went to the old one. */
  approveChange: anyone
    .input(EmailChangeLink)
    .output(EmailChangeState)
    .mutation(({ input }) => approveEmailChange(input)),
  /** Proves the new address by the link that went there; only where the account is signed in. */
  confirmChange: signedIn
    .input(EmailChangeLink)
    .output(EmailChangeState)
    .mutation(({ ctx, input }) => proveEmailChange(ctx.actor, input)),
  /** Takes a change back by the link that went to the old address, for seven days. Every session ends. */
  undoChange: anyone
    .input(EmailChangeLink)
    .output(EmailChangeUndone)
    .mutation(({ input }) => undoEmailChange(input)),
})
