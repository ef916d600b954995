/** Passwords that are changed or forgotten. Hashing is done before the transaction, never in it. */
import { db, refuse, transaction, type Refusal, type Tx } from '#db'
import { anonymous, type UserActor } from '#lib/actor.ts'
import { currentCall } from '#lib/call.ts'
import { AppError } from '#lib/errors.ts'
import { hashPassword, verifyPassword } from '#lib/password-hash.ts'
import { checkPassword } from '#lib/password-rules.ts'
import { setPassword, stillHas } from './account-password.ts'
import { nobody } from './accounts.ts'
import { lifetimesOf, isUsable } from './policy.ts'
import type { ChangePassword, CheckEmail, PasswordReset, RequestReset, ResetPassword, SessionKind, SignedIn } from './schema.ts'
import { endSessions, mintSession, newCredential, type Credential } from './sessions.ts'
import { presentSignedIn, refuseThrottled, type SessionCookie } from './sign-in.ts'
import { forgiveAccount, forgiveAttempt, mayMail, takeAttempt } from './throttle.ts'
import { insertToken, peekToken, refuseToken, takeToken } from './tokens.ts'

const resetTtlMs = 20 * 60 * 1000

interface Change {
  readonly userId: string
  /** The hash that the current password was verified against; null where it was wrong. */
  readonly verified: string | null
  readonly hash: string
  readonly credential: Credential
}

/**
 * Changes the password. Every session ends, the one in use too: it goes on under a new token. Counted as an attempt to sign in.
 *
 * @throws BAD_REQUEST at `currentPassword` or `password`; TOO_MANY_REQUESTS; UNAVAILABLE when too many hash at once.
 */
export async function changePassword(
  actor: UserActor,
  kind: SessionKind,
  { currentPassword, password }: ChangePassword,
): Promise<{ answer: SignedIn; cookie: SessionCookie | null }> {
  const user = await db('auth').user.findFirst({ where: { id: actor.userId }, include: { password: { select: { hash: true } } } })
  if (!user) throw new AppError('UNAUTHORIZED', 'Sign in first.')
  checkPassword(password, [user.email, user.name])
  const address = currentCall()?.address ?? null
  const throttled = await takeAttempt(user.email, address)
  if (throttled) return refuseThrottled(actor, user.id, throttled)
  const current = user.password?.hash ?? null
  const verified = (await verifyPassword(current, currentPassword)) ? current : null
  const credential = newCredential(kind)
  const change = { userId: user.id, verified, hash: await hashPassword(password), credential }
  const answer = await transaction('auth', actor, (tx) => applyChange(tx, change))
  await forgiveAttempt(user.email, address)
  const maxAgeSeconds = Math.floor(lifetimesOf(user.role).absoluteMs / 1000)
  return { answer, cookie: kind === 'COOKIE' ? { token: credential.token, maxAgeSeconds } : null }
}

async function applyChange(tx: Tx<'auth'>, { userId, verified, hash, credential }: Change): Promise<SignedIn | Refusal> {
  const user = await tx.lock('user', { id: userId })
  if (!user || verified === null || !(await stillHas(tx, userId, verified))) {
    tx.record('auth.password.change_refused', { user: userId }, {})
    return refuse('BAD_REQUEST', 'This is not your password.', { fields: { currentPassword: ['is not your password'] } })
  }
  await setPassword(tx, userId, hash)
  await endSessions(tx, userId, {}, 'PASSWORD_CHANGED')
  await tx.verificationToken.deleteMany({ where: { purpose: 'PASSWORD_RESET', subject: userId, usedAt: null } })
  tx.record('auth.password.changed', { user: userId }, {})
  return presentSignedIn(user, await mintSession(tx, user, credential), credential)
}

/**
 * Mails a link by which the password is chosen anew, if the address has an account. Answer, statements and jobs are the same if not:
 * then the token is nobody's, and no mail goes out. Over three an hour nothing is done, for any address.
 */
export async function requestReset({ email }: RequestReset): Promise<CheckEmail> {
  if (!(await mayMail(email))) return { status: 'CHECK_EMAIL' }
  return transaction('auth', anonymous, async (tx) => {
    const user = await tx.lock('user', { email })
    const whose = user && isUsable(user) ? { subject: user.id, userId: user.id, email } : { subject: nobody(email) }
    const tokenId = await insertToken(tx, { purpose: 'PASSWORD_RESET', ttlMs: resetTtlMs, ...whose })
    tx.record('auth.password_reset.requested', user ? { user: user.id } : {}, { tokenId })
    return { status: 'CHECK_EMAIL' }
  })
}

/**
 * Chooses the password anew by the link from the mail. Every session ends and none begins. The link came by mail, so it proves the address,
 * and the account may be tried again at once.
 *
 * @throws INVALID_TOKEN when the link is unknown, used, replaced by a newer one, or older than twenty minutes;
 *   BAD_REQUEST at `password`, with the link still good; UNAVAILABLE when too many hash at once.
 */
export async function resetPassword({ token, password }: ResetPassword): Promise<PasswordReset> {
  const peeked = await peekToken('PASSWORD_RESET', token)
  const owner = peeked?.userId ? await db('auth').user.findFirst({ where: { id: peeked.userId } }) : null
  if (!owner) return transaction<'auth', never>('auth', anonymous, (tx) => refuseToken(tx, 'PASSWORD_RESET', token))
  checkPassword(password, [owner.email, owner.name])
  const hash = await hashPassword(password)
  const answer = await transaction('auth', anonymous, (tx) => applyReset(tx, token, hash))
  await forgiveAccount(owner.email)
  return answer
}

async function applyReset(tx: Tx<'auth'>, token: string, hash: string): Promise<PasswordReset | Refusal> {
  const taken = await takeToken(tx, 'PASSWORD_RESET', token)
  const user = taken?.userId ? await tx.lock('user', { id: taken.userId }) : null
  if (!user || user.email !== taken?.email || !isUsable(user)) return refuseToken(tx, 'PASSWORD_RESET', token)
  await setPassword(tx, user.id, hash)
  await endSessions(tx, user.id, {}, 'PASSWORD_RESET')
  if (user.emailVerifiedAt === null) {
    await tx.user.update({ where: { id: user.id }, data: { emailVerifiedAt: tx.now } })
    tx.record('auth.email.verified', { user: user.id }, {})
  }
  await tx.verificationToken.deleteMany({ where: { purpose: 'EMAIL_VERIFICATION', subject: user.id, usedAt: null } })
  tx.record('auth.password_reset.completed', { user: user.id }, {})
  return { status: 'RESET' }
}
