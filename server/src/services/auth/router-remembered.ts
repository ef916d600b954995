/** The door of `auth.remembered`. A session that the call came with ends. */
import { anyone, router } from '../../trpc/procedures.ts'
import { deliver } from './delivery.ts'
import { signInByRemembered } from './remembered.ts'
import { RememberedSignIn } from './schema-remembered.ts'
import { SignInAnswer } from './schema-sign-in.ts'

export const rememberedRouter = router({
  /**
   * Signs in by what an earlier sign-in with `remember` left on the device, or asks for the second factor. It is used up. A tab that comes a moment after
   * another is told ALREADY_DONE, and asks `auth.me`: the other's cookies are its own. One that is shown again later ends them all.
   */
  signIn: anyone
    .meta({ secret: true, cookies: true, changesCaller: true })
    .input(RememberedSignIn)
    .output(SignInAnswer)
    .mutation(async ({ ctx, input }) => deliver(ctx, await signInByRemembered(ctx.actor, input, ctx.rememberToken, ctx.deviceMarker))),
})
