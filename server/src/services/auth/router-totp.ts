/** The doors of `auth.totp`: authenticator apps. Their codes are shown at `auth.secondFactor` and `auth.stepUp`. */
import { Nothing, router, signedIn, steppedUp } from '../../trpc/procedures.ts'
import { deliver } from './delivery.ts'
import { Totp, TotpCode, TotpConfirmed, TotpDisabled, TotpEnrolment } from './schema-totp.ts'
import { confirmTotp, disableTotp, enrolTotp, getTotp } from './totp.ts'

export const totpRouter = router({
  /** Says whether sign-in asks for the code of an app. */
  get: signedIn
    .input(Nothing)
    .output(Totp)
    .query(({ ctx }) => getTotp(ctx.actor)),
  /** Makes a secret for an app and shows it once. Nothing changes until `confirm`; enrolling again replaces it. */
  enrol: steppedUp
    .meta({ secret: true })
    .input(Nothing)
    .output(TotpEnrolment)
    .mutation(({ ctx }) => enrolTotp(ctx.actor)),
  /**
   * Confirms the app by a code: from now on sign-in asks for it. The session goes on under a new token. `recoveryCodesLeft: 0` is the cue to offer
   * recovery codes.
   */
  confirm: steppedUp
    .meta({ secret: true, cookies: true, changesCaller: true })
    .input(TotpCode)
    .output(TotpConfirmed)
    .mutation(async ({ ctx, input }) => deliver(ctx, await confirmTotp(ctx.actor, ctx.sessionInfo.kind, input))),
  /** Takes the app away: sign-in asks for it no more. */
  disable: steppedUp
    .input(Nothing)
    .output(TotpDisabled)
    .mutation(({ ctx }) => disableTotp(ctx.actor)),
})
