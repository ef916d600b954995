/** The doors of `auth`: who may knock, what goes in, what comes out. */
import { anyone, Nothing, router, signedIn, steppedUp } from '../../trpc/procedures.ts'
import { getMe, signUp, verifyEmail } from './accounts.ts'
import { accountRouter } from './router-account.ts'
import { deliver } from './delivery.ts'
import { personRouter } from './router-person.ts'
import { emailRouter } from './router-email.ts'
import { secondFactorRouter } from './router-second-factor.ts'
import { stepUpRouter } from './router-step-up.ts'
import { emailSignInRouter } from './router-email-sign-in.ts'
import { recoveryCodeRouter } from './router-recovery-code.ts'
import { rememberedRouter } from './router-remembered.ts'
import { totpRouter } from './router-totp.ts'
import { changePassword, requestReset, resetPassword } from './passwords.ts'
import { apiKeyRouter } from './router-api-key.ts'
import { applicationRouter, applicationSecretRouter } from './router-application.ts'
import { applicationInvitationRouter, membershipRouter } from './router-membership.ts'
import {
  ChangePassword,
  CheckEmail,
  EmailVerified,
  ListSessions,
  Me,
  PasswordReset,
  RequestReset,
  ResetPassword,
  RevokeSession,
  SessionList,
  SessionsRevoked,
  SetUp,
  SetUpDone,
  SignedOut,
  SignIn,
  SignUp,
  VerifyEmail,
} from './schema.ts'
import { plexRouter } from './router-plex.ts'
import { passkeyRouter } from './router-passkey.ts'
import { providerRouter } from './router-provider.ts'
import { SignedIn, SignInAnswer } from './schema-sign-in.ts'
import { listSessions, revokeOtherSessions, revokeSession, signOut } from './sessions.ts'
import { setUp } from './setup.ts'
import { signIn } from './sign-in.ts'

export const authRouter = router({
  /** Makes an account and mails a link that proves its address. The answer is the same for an address that has an account. */
  signUp: anyone
    .input(SignUp)
    .output(CheckEmail)
    .mutation(({ input }) => signUp(input)),
  /** Proves the address of an account by the link from the mail. It does not sign in. */
  verifyEmail: anyone
    .input(VerifyEmail)
    .output(EmailVerified)
    .mutation(({ input }) => verifyEmail(input)),
  /** Signs in, by a cookie for browsers or a token for tools, or asks for the second factor. A session that the call came with ends. */
  signIn: anyone
    .meta({ secret: true, cookies: true, changesCaller: true })
    .input(SignIn)
    .output(SignInAnswer)
    .mutation(async ({ ctx, input }) => deliver(ctx, await signIn(ctx.actor, input, ctx.deviceMarker))),
  /** Ends the session in use and takes the cookie away. Nobody signed in is no error. */
  signOut: anyone
    .meta({ cookies: true, changesCaller: true })
    .input(Nothing)
    .output(SignedOut)
    .mutation(async ({ ctx }) => {
      const answer = await signOut(ctx.actor, ctx.rememberToken)
      ctx.reply.clearSessionCookie()
      if (ctx.rememberToken !== null) ctx.reply.clearRememberCookie()
      return answer
    }),
  /** Gives the person who is signed in. */
  me: signedIn
    .meta({ keys: true })
    .input(Nothing)
    .output(Me)
    .query(({ ctx }) => getMe(ctx.actor)),
  /** Makes the administrator of an installation that has none, by the setup code from its log. */
  setUp: anyone
    .input(SetUp)
    .output(SetUpDone)
    .mutation(({ input }) => setUp(input)),

  /** The programs that people use through their account. */
  application: applicationRouter,
  applicationSecret: applicationSecretRouter,
  /** What tools show to act in a person's name. */
  apiKey: apiKeyRouter,
  /** The one link of a person and an application. */
  membership: membershipRouter,
  applicationInvitation: applicationInvitationRouter,
  /** Sign-in by way of other providers, and what one is there. */
  provider: providerRouter,
  plex: plexRouter,

  session: router({
    /** Lists the person's living sessions, newest first. */
    list: signedIn
      .input(ListSessions)
      .output(SessionList)
      .query(({ ctx, input }) => listSessions(ctx.actor, input)),
    /** Ends one session of the person; it may be the one in use. */
    revoke: signedIn
      .meta({ changesCaller: true })
      .input(RevokeSession)
      .output(SessionsRevoked)
      .mutation(({ ctx, input }) => revokeSession(ctx.actor, input)),
    /** Ends every session of the person but the one in use. */
    revokeOthers: signedIn
      .input(Nothing)
      .output(SessionsRevoked)
      .mutation(({ ctx }) => revokeOtherSessions(ctx.actor)),
  }),

  account: accountRouter,

  secondFactor: secondFactorRouter,
  stepUp: stepUpRouter,
  totp: totpRouter,
  recoveryCode: recoveryCodeRouter,
  emailSignIn: emailSignInRouter,
  remembered: rememberedRouter,
  passkey: passkeyRouter,
  email: emailRouter,

  person: personRouter,

  password: router({
    /** Changes the password. Every session ends; the one in use goes on under a new token. */
    change: steppedUp
      .meta({ secret: true, cookies: true, changesCaller: true })
      .input(ChangePassword)
      .output(SignedIn)
      .mutation(async ({ ctx, input }) => deliver(ctx, await changePassword(ctx.actor, ctx.sessionInfo.kind, input))),
    /** Mails a link by which the password is chosen anew. The answer is the same for every address. */
    requestReset: anyone
      .input(RequestReset)
      .output(CheckEmail)
      .mutation(({ input }) => requestReset(input)),
    /** Chooses the password anew by the link from the mail. Every session ends, and none begins. */
    reset: anyone
      .input(ResetPassword)
      .output(PasswordReset)
      .mutation(({ input }) => resetPassword(input)),
  }),
})
