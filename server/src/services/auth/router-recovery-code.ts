/** The doors of `auth.recoveryCode`. The codes are shown at `auth.secondFactor` and `auth.stepUp`. */
import { Nothing, router, signedIn, steppedUp } from '../../trpc/procedures.ts'
import { countRecoveryCodes, regenerateRecoveryCodes } from './recovery-codes.ts'
import { RecoveryCodes, RecoveryCodesLeft } from './schema-recovery-code.ts'

export const recoveryCodeRouter = router({
  /** Says how many are left. */
  count: signedIn
    .input(Nothing)
    .output(RecoveryCodesLeft)
    .query(({ ctx }) => countRecoveryCodes(ctx.actor)),
  /** Makes ten and shows them once; those of before are worth nothing any more. */
  regenerate: steppedUp
    .meta({ secret: true })
    .input(Nothing)
    .output(RecoveryCodes)
    .mutation(({ ctx }) => regenerateRecoveryCodes(ctx.actor)),
})
