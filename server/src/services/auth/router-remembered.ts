/** The door of `auth.remembered`. A session that the call came with ends. */
import { anyone, router } from '../../trpc/procedures.ts'
import { deliver } from './delivery.ts'
import { signInByRemembered } from './remembered.ts'
import { RememberedSignIn } from './schema-remembered.ts'
import { SignInAnswer } from './schema-sign-in.ts'

export const rememberedRouter = router({
  /**
   * Signs in by what an earlier sign-in with `remember` left on the device, or asks for the second factor. It is used up: let one tab alone call this, for
   * one that is shown twice ends them all.
   */
  signIn: anyone
    .meta({ secret: true, cookies: true, changesCaller: true })
    .input(RememberedSignIn)
    .output(SignInAnswer)
    .mutation(async ({ ctx, input }) => deliver(ctx, await signInByRemembered(ctx.actor, input, ctx.rememberToken, ctx.deviceMarker))),
})
