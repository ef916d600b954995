/** What comes out of the procedures of recovery codes. */
import { z } from 'zod'

export const RecoveryCodes = z.strictObject({
  /** Shown once, to be kept on paper: each is good for one sign-in. */
  codes: z.array(z.string()),
})
export type RecoveryCodes = z.infer<typeof RecoveryCodes>

export const RecoveryCodesLeft = z.strictObject({ left: z.int().min(0) })
export type RecoveryCodesLeft = z.infer<typeof RecoveryCodesLeft>
