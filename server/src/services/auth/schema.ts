/** What goes into the procedures of `auth` and what comes out. */
import { z } from 'zod'
import { Page, pageOf } from '#db'
import { EmailAddress } from '#lib/email-address.ts'
import { SessionId, UserId } from '#lib/ids.ts'
import { oneLine } from '#lib/text.ts'

export const Role = z.enum(['USER', 'ADMIN'])
export type Role = z.infer<typeof Role>

export const SessionKind = z.enum(['COOKIE', 'BEARER'])
export type SessionKind = z.infer<typeof SessionKind>

const PersonName = oneLine(100)

/** A password that is being chosen. Its rules need to know whose it is; they are checked by the rule itself (lib/password-rules.ts). */
const NewPassword = z.string().max(1024, 'is longer than 128 characters')

/** A password that is being shown: compared as it is, whatever the rules say today. */
export const ShownPassword = z.string().min(1, 'is empty').max(1024, 'is too long')

/** What a one-time token is good for. */
export const TokenPurpose = z.enum([
  'EMAIL_VERIFICATION',
  'PASSWORD_RESET',
  'SETUP',
  'TEAM_INVITATION',
  'EMAIL_CHANGE_APPROVAL',
  'EMAIL_CHANGE_PROOF',
  'EMAIL_CHANGE_UNDO',
  'APPLICATION_INVITATION',
  'SECOND_FACTOR',
  'RECOVERY_CODE',
  'EMAIL_SIGN_IN',
  'EMAIL_STEP_UP',
  'REMEMBERED',
  'ACCOUNT_REACTIVATION',
  'FACTOR_UNDO',
])

/** A one-time token. Anything but the known form is simply unknown. */
export const Token = z.string().min(1, 'is empty').max(200, 'is too long')

export const SignUp = z.strictObject({ email: EmailAddress, name: PersonName, password: NewPassword })
export type SignUp = z.infer<typeof SignUp>

/** The same for every address, known or not: what follows is in the mail. */
export const CheckEmail = z.strictObject({ status: z.literal('CHECK_EMAIL') })
export type CheckEmail = z.infer<typeof CheckEmail>

export const VerifyEmail = z.strictObject({ token: Token })
export type VerifyEmail = z.infer<typeof VerifyEmail>

/** CHOOSE_PASSWORD: the address is proven, but more than one password was signed up with. None counts; a mail lets its owner choose. */
export const EmailVerified = z.strictObject({ status: z.enum(['VERIFIED', 'CHOOSE_PASSWORD']) })
export type EmailVerified = z.infer<typeof EmailVerified>

/** COOKIE for a browser, which then needs no token; TOKEN for a tool, which sends it as `Authorization: Bearer`. */
export const Delivery = z.enum(['COOKIE', 'TOKEN'])
export type Delivery = z.infer<typeof Delivery>

/** Whether the device is to be remembered for ninety days. */
export const Remember = z.boolean().exactOptional()

export const SignIn = z.strictObject({ email: EmailAddress, password: ShownPassword, delivery: Delivery, remember: Remember })
export type SignIn = z.infer<typeof SignIn>

export const Me = z.strictObject({
  id: UserId,
  email: z.string(),
  name: z.string(),
  role: Role,
  emailVerified: z.boolean(),
  createdAt: z.date(),
  /** The administrator who looks through this person's eyes: show it, or people take them for the person. */
  impersonatorId: UserId.nullable(),
})
export type Me = z.infer<typeof Me>

export const SignedOut = z.strictObject({ status: z.literal('SIGNED_OUT') })
export type SignedOut = z.infer<typeof SignedOut>

export const Session = z.strictObject({
  id: SessionId,
  kind: SessionKind,
  /** The one that this call came with. */
  current: z.boolean(),
  /** The network it was started from, shortened: /24 or /48. */
  addressPrefix: z.string().nullable(),
  userAgent: z.string().nullable(),
  createdAt: z.date(),
  lastUsedAt: z.date(),
  expiresAt: z.date(),
})
export type Session = z.infer<typeof Session>

export const ListSessions = Page
export type ListSessions = z.infer<typeof ListSessions>

export const SessionList = pageOf(Session)
export type SessionList = z.infer<typeof SessionList>

export const RevokeSession = z.strictObject({ sessionId: SessionId })
export type RevokeSession = z.infer<typeof RevokeSession>

export const SessionsRevoked = z.strictObject({ revoked: z.int().min(0) })
export type SessionsRevoked = z.infer<typeof SessionsRevoked>

export const ChangePassword = z.strictObject({ currentPassword: ShownPassword, password: NewPassword })
export type ChangePassword = z.infer<typeof ChangePassword>

export const RequestReset = z.strictObject({ email: EmailAddress })
export type RequestReset = z.infer<typeof RequestReset>

export const ResetPassword = z.strictObject({ token: Token, password: NewPassword })
export type ResetPassword = z.infer<typeof ResetPassword>

export const PasswordReset = z.strictObject({ status: z.literal('RESET') })
export type PasswordReset = z.infer<typeof PasswordReset>

export const SetUp = z.strictObject({ code: Token, email: EmailAddress, name: PersonName, password: NewPassword })
export type SetUp = z.infer<typeof SetUp>

export const SetUpDone = z.strictObject({ status: z.literal('READY') })
export type SetUpDone = z.infer<typeof SetUpDone>
