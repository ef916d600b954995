/** Accounts: how one comes to be, and what its owner sees of it. */
import { db, transaction, type Tx } from '#db'
import { anonymous, type UserActor } from '#lib/actor.ts'
import { AppError } from '#lib/errors.ts'
import { hashPassword } from '#lib/password-hash.ts'
import { checkPassword } from '#lib/password-rules.ts'
import { keyedHash } from '#lib/secrets.ts'
import { presentMe } from './people.ts'
import { setPassword } from './account-password.ts'
import { isUsable } from './policy.ts'
import type { CheckEmail, EmailVerified, Me, SignUp, VerifyEmail } from './schema.ts'
import { insertToken, refuseToken, takeToken } from './tokens.ts'
import { mayMail } from './throttle.ts'

const verificationTtlMs = 24 * 60 * 60 * 1000

/**
 * Makes an account whose address is to be proven, and mails the link. The answer, the work and the time are the same for an address that
 * has an account: its owner is told by mail. While the address is not proven, the latest sign-up counts: its name, its password and its link.
 *
 * @throws BAD_REQUEST at `password`; UNAVAILABLE when too many hash at once.
 */
export async function signUp({ email, name, password }: SignUp): Promise<CheckEmail> {
  checkPassword(password, [email, name])
  const mailed = await mayMail(email)
  const hash = await hashPassword(password)
  if (!mailed) return { status: 'CHECK_EMAIL' }
  return transaction('auth', anonymous, async (tx) => {
    const created = await tx.user.createManyAndReturn({ data: [{ email, name }], skipDuplicates: true, select: { id: true } })
    const user = await tx.lock('user', { email })
    if (!user) throw new Error('The account of an address was deleted while somebody signed up with it')
    if (created.length > 0) tx.record('auth.user.created', { user: user.id }, {})
    if (user.emailVerifiedAt !== null || user.disabledAt !== null) await tellOwner(tx, user.id, email)
    else await startAccount(tx, user.id, { email, name, hash })
    return { status: 'CHECK_EMAIL' }
  })
}

/** The password goes with the newest link, and older links end: whoever follows a link gets the password of the sign-up that sent it. */
async function startAccount(
  tx: Tx<'auth'>,
  userId: string,
  { email, name, hash }: { email: string; name: string; hash: string },
): Promise<void> {
  await tx.user.update({ where: { id: userId }, data: { name } })
  await setPassword(tx, userId, hash)
  const tokenId = await insertToken(tx, { purpose: 'EMAIL_VERIFICATION', subject: userId, userId, email, ttlMs: verificationTtlMs })
  tx.record('auth.email_verification.requested', { user: userId }, { tokenId })
}

/** The same statements as for a new account, to no effect, so that the time tells nothing. The token is never sent to anybody. */
async function tellOwner(tx: Tx<'auth'>, userId: string, email: string): Promise<void> {
  await tx.user.updateMany({ where: { id: userId, email: '' }, data: { name: '' } })
  await tx.password.updateMany({ where: { userId, hash: '' }, data: { hash: '' } })
  await insertToken(tx, { purpose: 'EMAIL_VERIFICATION', subject: nobody(email), ttlMs: verificationTtlMs })
  tx.record('auth.sign_up.repeated', { user: userId }, {})
}

/** The subject of a token that leads nowhere: it names no one. */
export function nobody(email: string): string {
  return `nobody:${keyedHash('nobody', email).toString('base64url')}`
}

/**
 * Proves the address of an account by the link from the mail. It does not sign in.
 *
 * @throws INVALID_TOKEN when the link is unknown, used, replaced by a newer one, or older than a day.
 */
export async function verifyEmail({ token }: VerifyEmail): Promise<EmailVerified> {
  return transaction('auth', anonymous, async (tx) => {
    const taken = await takeToken(tx, 'EMAIL_VERIFICATION', token)
    const user = taken?.userId ? await tx.lock('user', { id: taken.userId }) : null
    if (!user || user.email !== taken?.email || !isUsable(user)) return refuseToken(tx, 'EMAIL_VERIFICATION', token)
    await tx.user.update({ where: { id: user.id }, data: { emailVerifiedAt: user.emailVerifiedAt ?? tx.now } })
    tx.record('auth.email.verified', { user: user.id }, {})
    return { status: 'VERIFIED' }
  })
}

/** Gives the person who is signed in. */
export async function getMe(actor: UserActor): Promise<Me> {
  const user = await db('auth').user.findFirst({ where: { id: actor.userId } })
  if (!user) throw new AppError('UNAUTHORIZED', 'Sign in first.')
  return presentMe(user)
}
