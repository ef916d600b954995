/** What goes into the procedures of `auth.email` and what comes out. */
import { z } from 'zod'
import { EmailAddress } from '#lib/email-address.ts'
import { Token } from './schema.ts'

export const RequestEmailChange = z.strictObject({ email: EmailAddress })
export type RequestEmailChange = z.infer<typeof RequestEmailChange>

/** The token of a link from a mail. */
export const EmailChangeLink = z.strictObject({ token: Token })
export type EmailChangeLink = z.infer<typeof EmailChangeLink>

/** WAITS_FOR_OLD and WAITS_FOR_NEW: the link to the other address is still to be followed. */
export const EmailChangeState = z.strictObject({ status: z.enum(['WAITS_FOR_OLD', 'WAITS_FOR_NEW', 'CHANGED']) })
export type EmailChangeState = z.infer<typeof EmailChangeState>

export const EmailChangeUndone = z.strictObject({ status: z.literal('UNDONE') })
export type EmailChangeUndone = z.infer<typeof EmailChangeUndone>
