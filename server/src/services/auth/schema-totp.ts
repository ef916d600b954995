/** What goes into the procedures of authenticator apps and what comes out. */
import { z } from 'zod'
import { Token } from './schema.ts'
import { SignedIn } from './schema-sign-in.ts'

/** A code that a person typed. Anything but the known form is simply wrong. */
export const TypedCode = z.string().min(1, 'is empty').max(64, 'is too long')

export const Totp = z.strictObject({
  /** Since when sign-in asks for its code; null while it does not. */
  confirmedAt: z.date().nullable(),
})
export type Totp = z.infer<typeof Totp>

/** Shown once, and good for nothing until a code made by it has come back. */
export const TotpEnrolment = z.strictObject({
  /** Base32, to be typed. */
  secret: z.string(),
  /** `otpauth://totp/...`, to be shown as a QR code. */
  url: z.string(),
})
export type TotpEnrolment = z.infer<typeof TotpEnrolment>

export const TotpCode = z.strictObject({ code: TypedCode })
export type TotpCode = z.infer<typeof TotpCode>

export const TotpConfirmed = SignedIn.extend({
  /** What stands in for the app when it is lost. 0: from now on whoever loses it is locked out, so offer `auth.recoveryCode.regenerate`. */
  recoveryCodesLeft: z.int().min(0),
})
export type TotpConfirmed = z.infer<typeof TotpConfirmed>

export const TotpDisabled = z.strictObject({ status: z.literal('DISABLED') })
export type TotpDisabled = z.infer<typeof TotpDisabled>

/** A sign-in that waits, and the code that completes it. */
export const SecondFactorCode = z.strictObject({ pendingToken: Token, code: TypedCode })
export type SecondFactorCode = z.infer<typeof SecondFactorCode>
