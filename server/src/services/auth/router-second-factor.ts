/** The doors of `auth.secondFactor`: what completes a sign-in that answered SECOND_FACTOR. A session that the call came with ends. */
import { anyone, router } from '../../trpc/procedures.ts'
import { deliver } from './delivery.ts'
import { signInByRecoveryCode } from './recovery-codes.ts'
import { completeByPasskey } from './passkey-use.ts'
import { SecondFactorPasskey } from './schema-passkey.ts'
import { SignedIn } from './schema-sign-in.ts'
import { SecondFactorCode } from './schema-totp.ts'
import { signInByTotp } from './totp.ts'

export const secondFactorRouter = router({
  /** Completes a sign-in by a passkey, as `auth.passkey.secondFactorOptions` began it. */
  passkey: anyone
    .meta({ secret: true, cookies: true, changesCaller: true })
    .input(SecondFactorPasskey)
    .output(SignedIn)
    .mutation(async ({ ctx, input }) => deliver(ctx, await completeByPasskey(ctx.actor, input, ctx.deviceMarker))),
  /** Completes a sign-in by the code of an authenticator app. */
  totp: anyone
    .meta({ secret: true, cookies: true, changesCaller: true })
    .input(SecondFactorCode)
    .output(SignedIn)
    .mutation(async ({ ctx, input }) => deliver(ctx, await signInByTotp(ctx.actor, input, ctx.deviceMarker))),
  /** Completes a sign-in by a recovery code, which is then used up. */
  recoveryCode: anyone
    .meta({ secret: true, cookies: true, changesCaller: true })
    .input(SecondFactorCode)
    .output(SignedIn)
    .mutation(async ({ ctx, input }) => deliver(ctx, await signInByRecoveryCode(ctx.actor, input, ctx.deviceMarker))),
})
