/** The doors of `auth.stepUp`: proving once more who one is, for what answers STEP_UP_REQUIRED. */
import { Nothing, router, signedIn } from '../../trpc/procedures.ts'
import { deliver } from './delivery.ts'
import { stepUpByProvider } from './provider-sign-in.ts'
import { FinishProvider } from './schema-provider.ts'
import { stepUpByPasskey } from './passkey-use.ts'
import { StepUpPasskey } from './schema-passkey.ts'
import { SignedIn, StepUpPassword } from './schema-sign-in.ts'
import { TotpCode } from './schema-totp.ts'
import { EmailCodeSent, StepUpEmail } from './schema-email-sign-in.ts'
import { requestStepUpEmail, stepUpByEmail } from './step-up-email.ts'
import { stepUpByRecoveryCode } from './recovery-codes.ts'
import { stepUpByPassword } from './step-up.ts'
import { stepUpByTotp } from './totp.ts'

export const stepUpRouter = router({
  /** Steps up by a passkey, as `auth.passkey.stepUpOptions` began it. The session goes on under a new token. */
  passkey: signedIn
    .meta({ secret: true, cookies: true, changesCaller: true })
    .input(StepUpPasskey)
    .output(SignedIn)
    .mutation(async ({ ctx, input }) => deliver(ctx, await stepUpByPasskey(ctx.actor, ctx.sessionInfo.kind, input))),
  /** Steps up by the password, where there is no second factor. The session goes on under a new token. */
  password: signedIn
    .meta({ secret: true, cookies: true, changesCaller: true })
    .input(StepUpPassword)
    .output(SignedIn)
    .mutation(async ({ ctx, input }) => deliver(ctx, await stepUpByPassword(ctx.actor, ctx.sessionInfo.kind, input))),
  /** Steps up by a linked provider that asked the person anew (`auth.provider.proveAgain`). The session goes on under a new token. */
  provider: signedIn
    .meta({ secret: true, cookies: true, changesCaller: true })
    .input(FinishProvider)
    .output(SignedIn)
    .mutation(async ({ ctx, input }) => {
      const visitor = { actor: ctx.actor, inBrowser: ctx.holderSecret, marker: ctx.deviceMarker }
      return deliver(ctx, await stepUpByProvider(visitor, ctx.sessionInfo.kind, input))
    }),
  /** Steps up by the code of an authenticator app. The session goes on under a new token. */
  totp: signedIn
    .meta({ secret: true, cookies: true, changesCaller: true })
    .input(TotpCode)
    .output(SignedIn)
    .mutation(async ({ ctx, input }) => deliver(ctx, await stepUpByTotp(ctx.actor, ctx.sessionInfo.kind, input))),
  /** Steps up by a recovery code, which is then used up. The session goes on under a new token. */
  recoveryCode: signedIn
    .meta({ secret: true, cookies: true, changesCaller: true })
    .input(TotpCode)
    .output(SignedIn)
    .mutation(async ({ ctx, input }) => deliver(ctx, await stepUpByRecoveryCode(ctx.actor, ctx.sessionInfo.kind, input))),
  /** Mails a code to step up by, to who has neither a password nor a second factor. */
  requestEmail: signedIn
    .meta({ secret: true })
    .input(Nothing)
    .output(EmailCodeSent)
    .mutation(({ ctx }) => requestStepUpEmail(ctx.actor)),
  /** Steps up by the code from the mail. The session goes on under a new token. */
  email: signedIn
    .meta({ secret: true, cookies: true, changesCaller: true })
    .input(StepUpEmail)
    .output(SignedIn)
    .mutation(async ({ ctx, input }) => deliver(ctx, await stepUpByEmail(ctx.actor, ctx.sessionInfo.kind, input))),
})
