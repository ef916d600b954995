/** The doors of `auth.passkey`. What is begun by `secondFactorOptions` and `stepUpOptions` ends at `auth.secondFactor.passkey` and `auth.stepUp.passkey`. */
import { anyone, Nothing, router, signedIn, steppedUp } from '../../trpc/procedures.ts'
import { deliver } from './delivery.ts'
import { beginSecondFactor, beginSignIn, beginStepUp, signInByPasskey } from './passkey-use.ts'
import { beginRegistration, listPasskeys, registerPasskey, removePasskey, renamePasskey } from './passkeys.ts'
import { setHolder } from './provider-delivery.ts'
import {
  AskOptions,
  ListPasskeys,
  Passkey,
  PasskeyList,
  PasskeyRemoved,
  PendingSignIn,
  RegisteredPasskey,
  RegisterOptions,
  RegisterPasskey,
  RemovePasskey,
  RenamePasskey,
  SignInByPasskey,
  SignInOptions,
  SignInOptionsInput,
} from './schema-passkey.ts'
import { SignInAnswer } from './schema-sign-in.ts'

export const passkeyRouter = router({
  /** Begins to register a passkey: what it gives goes to `startRegistration`. Each call begins another. */
  registerOptions: steppedUp
    .meta({ unkeyed: true })
    .input(Nothing)
    .output(RegisterOptions)
    .mutation(({ ctx }) => beginRegistration(ctx.actor, ctx.sessionInfo.kind)),
  /**
   * Registers the passkey by what `startRegistration` gave. From now on it signs in, and is asked for after a password. `recoveryCodesLeft: 0` is the
   * cue to offer recovery codes.
   */
  register: steppedUp
    .input(RegisterPasskey)
    .output(RegisteredPasskey)
    .mutation(({ ctx, input }) => registerPasskey(ctx.actor, input)),
  /** Lists the person's passkeys, newest first. */
  list: signedIn
    .input(ListPasskeys)
    .output(PasskeyList)
    .query(({ ctx, input }) => listPasskeys(ctx.actor, input)),
  /** Gives a passkey another name. */
  rename: steppedUp
    .input(RenamePasskey)
    .output(Passkey)
    .mutation(({ ctx, input }) => renamePasskey(ctx.actor, input)),
  /** Takes a passkey away; the last way in stays. */
  remove: steppedUp
    .input(RemovePasskey)
    .output(PasskeyRemoved)
    .mutation(({ ctx, input }) => removePasskey(ctx.actor, input)),
  /** Begins a sign-in by a passkey that the person chooses: `options` go to `startAuthentication`. Each call begins another. */
  signInOptions: anyone
    .meta({ cookies: true, unkeyed: true })
    .input(SignInOptionsInput)
    .output(SignInOptions)
    .mutation(async ({ ctx, input }) => setHolder(ctx, await beginSignIn(input, ctx.holderSecret))),
  /** Signs in by what `startAuthentication` gave, or asks for another factor where the passkey did not verify its person. */
  signIn: anyone
    .meta({ secret: true, cookies: true, changesCaller: true })
    .input(SignInByPasskey)
    .output(SignInAnswer)
    .mutation(async ({ ctx, input }) =>
      deliver(ctx, await signInByPasskey({ actor: ctx.actor, inBrowser: ctx.holderSecret, marker: ctx.deviceMarker }, input)),
    ),
  /** Begins to complete a sign-in that waits by a passkey: what it gives goes to `startAuthentication`. */
  secondFactorOptions: anyone
    .meta({ unkeyed: true })
    .input(PendingSignIn)
    .output(AskOptions)
    .mutation(({ input }) => beginSecondFactor(input)),
  /** Begins to step up by a passkey: what it gives goes to `startAuthentication`. */
  stepUpOptions: signedIn
    .meta({ unkeyed: true })
    .input(Nothing)
    .output(AskOptions)
    .mutation(({ ctx }) => beginStepUp(ctx.actor, ctx.sessionInfo.kind)),
})
