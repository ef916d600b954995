/** What goes into sign-in by mail and what comes out. */
import { z } from 'zod'
import { EmailAddress } from '#lib/email-address.ts'
import { Delivery, Remember, Token } from './schema.ts'
import { TypedCode } from './schema-totp.ts'

export const RequestEmailSignIn = z.strictObject({ email: EmailAddress })
export type RequestEmailSignIn = z.infer<typeof RequestEmailSignIn>

/** The same for every address, known or not: what follows is in the mail. */
export const EmailCodeSent = z.strictObject({
  status: z.literal('CHECK_EMAIL'),
  /** The code from the mail is good together with this alone: in the browser, or the tool, that asked for it. */
  pendingToken: z.string(),
  expiresAt: z.date(),
})
export type EmailCodeSent = z.infer<typeof EmailCodeSent>

/** The token of the link from the mail: good in any browser. */
export const EmailLink = z.strictObject({ token: Token, delivery: Delivery, remember: Remember })
export type EmailLink = z.infer<typeof EmailLink>

export const EmailCode = z.strictObject({ pendingToken: Token, code: TypedCode, delivery: Delivery, remember: Remember })
export type EmailCode = z.infer<typeof EmailCode>

export const StepUpEmail = EmailCode.omit({ delivery: true, remember: true })
export type StepUpEmail = z.infer<typeof StepUpEmail>
