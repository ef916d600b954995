/**
 * What goes into the procedures of passkeys and what comes out. Options go to `startRegistration` and `startAuthentication` of @simplewebauthn/browser
 * as they are, and what those give comes back as it is (WebAuthn Level 3, 5.1.8 and 5.1.9: the JSON forms).
 */
import { z } from 'zod'
import { Page, pageOf } from '#db'
import { PasskeyId } from '#lib/ids.ts'
import { oneLine } from '#lib/text.ts'
import { Delivery, Token } from './schema.ts'

/** Base64url, of so many characters at most. */
const Encoded = (longest: number) =>
  z
    .string()
    .max(longest, 'is too long')
    .regex(/^[\w-]+$/, 'is not base64url')

/** 1,023 bytes at most (WebAuthn, 4). */
const CredentialId = Encoded(1_364)

export const Transport = z.enum(['ble', 'cable', 'hybrid', 'internal', 'nfc', 'smart-card', 'usb'])
export type Transport = z.infer<typeof Transport>

const Descriptor = z.strictObject({ id: z.string(), type: z.literal('public-key'), transports: z.array(Transport) })

/** For `startRegistration({ optionsJSON })`. */
export const RegisterOptions = z.strictObject({
  rp: z.strictObject({ id: z.string(), name: z.string() }),
  user: z.strictObject({ id: z.string(), name: z.string(), displayName: z.string() }),
  challenge: z.string(),
  pubKeyCredParams: z.array(z.strictObject({ type: z.literal('public-key'), alg: z.int() })),
  /** How long the browser waits, in milliseconds. */
  timeout: z.int(),
  /** What the person has already: an authenticator is not registered twice. */
  excludeCredentials: z.array(Descriptor),
  authenticatorSelection: z.strictObject({
    residentKey: z.literal('required'),
    requireResidentKey: z.literal(true),
    userVerification: z.literal('preferred'),
  }),
  attestation: z.literal('none'),
})
export type RegisterOptions = z.infer<typeof RegisterOptions>

/** For `startAuthentication({ optionsJSON })`. */
export const AskOptions = z.strictObject({
  challenge: z.string(),
  rpId: z.string(),
  /** How long the browser waits, in milliseconds. */
  timeout: z.int(),
  userVerification: z.enum(['preferred', 'required']),
  /** Empty where somebody signs in: the person chooses, and nothing is told of any account. */
  allowCredentials: z.array(Descriptor),
})
export type AskOptions = z.infer<typeof AskOptions>

/** The objects of browsers grow with each version of the standard: what is not named here is left aside, and never looked at. */
const Common = z.object({
  id: CredentialId,
  rawId: CredentialId,
  type: z.literal('public-key'),
  /** Not looked at. */
  clientExtensionResults: z.unknown(),
})

/** What `startRegistration` gave. */
export const RegistrationResponse = Common.extend({
  response: z.object({
    clientDataJSON: Encoded(8_000),
    attestationObject: Encoded(24_000),
    transports: z.array(z.string().max(32)).max(16).optional(),
  }),
})
export type RegistrationResponse = z.infer<typeof RegistrationResponse>

/** What `startAuthentication` gave. */
export const AskResponse = Common.extend({
  response: z.object({
    clientDataJSON: Encoded(8_000),
    authenticatorData: Encoded(8_000),
    signature: Encoded(2_000),
    userHandle: z.string().max(200).optional(),
  }),
})
export type AskResponse = z.infer<typeof AskResponse>

/** What its owner calls a passkey: "laptop", "blue key". */
const Name = oneLine(100)

export const RegisterPasskey = z.strictObject({ name: Name, response: RegistrationResponse })
export type RegisterPasskey = z.infer<typeof RegisterPasskey>

export const Passkey = z.strictObject({
  id: PasskeyId,
  name: z.string(),
  /** Whether it verifies its person (PIN, finger, face): then it is enough to sign in by; otherwise another factor is asked for. */
  verifiesPerson: z.boolean(),
  /** Whether there is a copy of it elsewhere, so that it outlives its device. */
  backedUp: z.boolean(),
  createdAt: z.date(),
  lastUsedAt: z.date().nullable(),
})
export type Passkey = z.infer<typeof Passkey>

export const RegisteredPasskey = Passkey.extend({
  /**
   * What stands in for it when it is lost. 0: from now on whoever loses it is locked out, so offer `auth.recoveryCode.regenerate`, which asks for a proof
   * by the new passkey first.
   */
  recoveryCodesLeft: z.int().min(0),
})
export type RegisteredPasskey = z.infer<typeof RegisteredPasskey>

export const ListPasskeys = z.strictObject({ ...Page.shape })
export type ListPasskeys = z.infer<typeof ListPasskeys>

export const PasskeyList = pageOf(Passkey)
export type PasskeyList = z.infer<typeof PasskeyList>

export const RenamePasskey = z.strictObject({ id: PasskeyId, name: Name })
export type RenamePasskey = z.infer<typeof RenamePasskey>

export const RemovePasskey = z.strictObject({ id: PasskeyId })
export type RemovePasskey = z.infer<typeof RemovePasskey>

export const PasskeyRemoved = z.strictObject({ status: z.literal('REMOVED') })
export type PasskeyRemoved = z.infer<typeof PasskeyRemoved>

export const SignInOptionsInput = z.strictObject({
  /** COOKIE for a browser, which signs in by a cookie that this sets; TOKEN for a tool, which signs in by the secret of the answer. */
  delivery: Delivery,
})
export type SignInOptionsInput = z.infer<typeof SignInOptionsInput>

export const SignInOptions = z.strictObject({
  options: AskOptions,
  /** For `signIn`, to tools alone. */
  secret: z.string().nullable(),
  expiresAt: z.date(),
})
export type SignInOptions = z.infer<typeof SignInOptions>

export const SignInByPasskey = z.strictObject({
  response: AskResponse,
  /** What `signInOptions` gave a tool. */
  secret: z.string().min(1).max(200).exactOptional(),
})
export type SignInByPasskey = z.infer<typeof SignInByPasskey>

export const PendingSignIn = z.strictObject({ pendingToken: Token })
export type PendingSignIn = z.infer<typeof PendingSignIn>

/** A sign-in that waits, and the passkey that completes it. */
export const SecondFactorPasskey = z.strictObject({ pendingToken: Token, response: AskResponse })
export type SecondFactorPasskey = z.infer<typeof SecondFactorPasskey>

export const StepUpPasskey = z.strictObject({ response: AskResponse })
export type StepUpPasskey = z.infer<typeof StepUpPasskey>
