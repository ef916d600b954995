/** What a sign-in comes to, and what proves who somebody is. */
import { z } from 'zod'
import { SessionId } from '#lib/ids.ts'
import { Me, ShownPassword } from './schema.ts'

/** What a person proved who they are by. */
export const SignInMethod = z.enum(['PASSWORD', 'PASSKEY', 'TOTP', 'RECOVERY_CODE', 'EMAIL', 'PROVIDER', 'PLEX', 'REMEMBERED'])
export type SignInMethod = z.infer<typeof SignInMethod>

/** What can be asked for after the first factor. */
export const SecondFactorMethod = z.enum(['PASSKEY', 'TOTP', 'RECOVERY_CODE'])
export type SecondFactorMethod = z.infer<typeof SecondFactorMethod>

/** How sure it is who holds a session: 1 after one factor, 2 after two, or after a passkey that verified its person. */
export type Level = 1 | 2

/** Somebody is signed in. */
export const SignedIn = z.strictObject({
  status: z.literal('SIGNED_IN'),
  me: Me,
  sessionId: SessionId,
  /** Shown once, to tools; null where the cookie holds it. */
  token: z.string().nullable(),
  /** For `auth.remembered.signIn`, shown once, to tools that asked to be remembered; null where the cookie holds it, and for all others. */
  rememberToken: z.string().nullable(),
  expiresAt: z.date(),
})
export type SignedIn = z.infer<typeof SignedIn>

/** The first factor was right, and nobody is signed in: `pendingToken` is good for `auth.secondFactor` alone, until `expiresAt`. */
export const SecondFactorNeeded = z.strictObject({
  status: z.literal('SECOND_FACTOR'),
  pendingToken: z.string(),
  methods: z.array(SecondFactorMethod),
  expiresAt: z.date(),
})
export type SecondFactorNeeded = z.infer<typeof SecondFactorNeeded>

/** What every first factor answers. */
export const SignInAnswer = z.discriminatedUnion('status', [SignedIn, SecondFactorNeeded])
export type SignInAnswer = z.infer<typeof SignInAnswer>

export const StepUpPassword = z.strictObject({ password: ShownPassword })
export type StepUpPassword = z.infer<typeof StepUpPassword>
