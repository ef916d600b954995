/** The doors of `auth.emailSignIn`: signing in by a mail. A session that the call came with ends. */
import { anyone, router } from '../../trpc/procedures.ts'
import { deliver } from './delivery.ts'
import { requestEmailSignIn, signInByEmailCode, signInByEmailLink } from './email-sign-in.ts'
import { EmailCode, EmailCodeSent, EmailLink, RequestEmailSignIn } from './schema-email-sign-in.ts'
import { SignInAnswer } from './schema-sign-in.ts'

export const emailSignInRouter = router({
  /** Mails a link and a code that sign in. The answer is the same for every address. */
  request: anyone
    .meta({ secret: true })
    .input(RequestEmailSignIn)
    .output(EmailCodeSent)
    .mutation(({ input }) => requestEmailSignIn(input)),
  /** Signs in by the link from the mail, or asks for the second factor. */
  byLink: anyone
    .meta({ secret: true, cookies: true, changesCaller: true })
    .input(EmailLink)
    .output(SignInAnswer)
    .mutation(async ({ ctx, input }) => deliver(ctx, await signInByEmailLink(ctx.actor, input, ctx.deviceMarker))),
  /** Signs in by the code from the mail, where it was asked for, or asks for the second factor. */
  byCode: anyone
    .meta({ secret: true, cookies: true, changesCaller: true })
    .input(EmailCode)
    .output(SignInAnswer)
    .mutation(async ({ ctx, input }) => deliver(ctx, await signInByEmailCode(ctx.actor, input, ctx.deviceMarker))),
})
