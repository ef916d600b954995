/** Passwords that are changed or forgotten. Hashing is done before the transaction, never in it. */
import { db, refuse, transaction, type Refusal, type Tx } from '#db'
import { anonymous, type UserActor } from '#lib/actor.ts'
import { currentCall } from '#lib/call.ts'
import { AppError } from '#lib/errors.ts'
import { hashPassword, verifyPassword } from '#lib/password-hash.ts'
import { acceptPassword } from '#lib/new-password.ts'
import { endAccess } from './access.ts'
import { setPassword, stillHas } from './account-password.ts'
import { lockCaller, refuseCaller } from './caller.ts'
import { presentSignedIn, renewedWith, type SignInDone } from './complete-sign-in.ts'
import { isUsable, levelOf } from './policy.ts'
import type { ChangePassword, CheckEmail, PasswordReset, RequestReset, ResetPassword, SessionKind } from './schema.ts'
import type { SignedIn } from './schema-sign-in.ts'
import { endSessions, mintSession, newCredential, type Credential } from './sessions.ts'
import { forgiveAccount, forgiving, mayMail, refuseThrottled, takeAttempt } from './throttle.ts'
import { endSignUps, insertToken, nobody, peekToken, refuseToken, resetTtlMs, takeToken } from './tokens.ts'

interface Change {
  readonly actor: UserActor
  /** The hash that the current password was verified against; null where it was wrong. */
  readonly verified: string | null
  readonly hash: string
  readonly credential: Credential
}

/**
 * Changes the password. Every session ends, the one in use too: it goes on under a new token. Counted as an attempt to sign in
 * from a known device.
 *
 * @throws BAD_REQUEST at `currentPassword` or `password`; TOO_MANY_REQUESTS; UNAVAILABLE when too many hash at once.
 */
export async function changePassword(
  actor: UserActor,
  kind: SessionKind,
  { currentPassword, password }: ChangePassword,
): Promise<SignInDone<SignedIn>> {
  const user = await db('auth').user.findFirst({ where: { id: actor.userId }, include: { password: { select: { hash: true } } } })
  if (!user) throw new AppError('UNAUTHORIZED', 'Sign in first.')
  await acceptPassword(password, [user.email, user.name])
  const attempter = { email: user.email, address: currentCall()?.address ?? null, known: `session:${actor.sessionId}` }
  const throttled = await takeAttempt(attempter)
  if (throttled) return refuseThrottled(actor, user.id, throttled)
  const current = user.password?.hash ?? null
  const verified = (await verifyPassword(current, currentPassword)) ? current : null
  const credential = newCredential(kind)
  const change = { actor, verified, hash: await hashPassword(password), credential }
  const answer = await forgiving(attempter, () => transaction('auth', actor, (tx) => applyChange(tx, change)))
  return renewedWith(answer, credential)
}

/** The session in use ends and begins anew, as proven as it was. */
async function applyChange(tx: Tx<'auth'>, { actor, verified, hash, credential }: Change): Promise<SignedIn | Refusal> {
  const { userId, sessionId } = actor
  const user = await lockCaller(tx, actor)
  if (!user) return refuseCaller()
  if (verified === null || !(await stillHas(tx, userId, verified))) {
    tx.record('auth.password.change_refused', { user: userId }, {})
    return refuse('BAD_REQUEST', 'This is not your password.', { fields: { currentPassword: ['is not your password'] } })
  }
  const session = await tx.session.findFirst({ where: { id: sessionId, revokedAt: null }, select: { methods: true, level: true } })
  if (!session) return refuseCaller()
  await setPassword(tx, userId, hash)
  await endSessions(tx, userId, {}, 'PASSWORD_CHANGED')
  await tx.verificationToken.deleteMany({ where: { purpose: 'PASSWORD_RESET', subject: userId, usedAt: null } })
  tx.record('auth.password.changed', { user: userId }, {})
  const proof = { methods: session.methods, level: levelOf(session.level) }
  return presentSignedIn(user, await mintSession(tx, user, credential, proof), credential)
}

/**
 * Mails a link by which the password is chosen anew, if the address has an account. Answer, statements and jobs are the same if not:
 * then the token is nobody's, and no mail goes out. Over three an hour it is recorded and no more, for any address.
 */
export async function requestReset({ email }: RequestReset): Promise<CheckEmail> {
  const mailed = await mayMail('RESET', email)
  return transaction('auth', anonymous, async (tx) => {
    const user = await tx.lock('user', { email })
    if (!mailed) {
      tx.record('auth.mail.throttled', user ? { user: user.id } : {}, { kind: 'RESET' })
      return { status: 'CHECK_EMAIL' }
    }
    const whose = user && isUsable(user) ? { subject: user.id, userId: user.id, email } : { subject: nobody(email) }
    const tokenId = await insertToken(tx, { purpose: 'PASSWORD_RESET', ttlMs: resetTtlMs, ...whose })
    tx.record('auth.password_reset.requested', user ? { user: user.id } : {}, { tokenId })
    return { status: 'CHECK_EMAIL' }
  })
}

/**
 * Chooses the password anew by the link from the mail. Every session and API key ends and none begins. The link came by mail, so it proves the address,
 * and the account may be tried again at once.
 *
 * @throws INVALID_TOKEN when the link is unknown, used, replaced by a newer one, or older than twenty minutes;
 *   BAD_REQUEST at `password`, with the link still good; UNAVAILABLE when too many hash at once.
 */
export async function resetPassword({ token, password }: ResetPassword): Promise<PasswordReset> {
  const peeked = await peekToken('PASSWORD_RESET', token)
  const owner = peeked?.userId ? await db('auth').user.findFirst({ where: { id: peeked.userId } }) : null
  if (!owner) return transaction<'auth', never>('auth', anonymous, (tx) => refuseToken(tx, 'PASSWORD_RESET', token))
  await acceptPassword(password, [owner.email, owner.name])
  const hash = await hashPassword(password)
  const answer = await transaction('auth', anonymous, (tx) => applyReset(tx, { userId: owner.id, token, hash }))
  await forgiveAccount(owner.email)
  return answer
}

interface Reset {
  readonly userId: string
  readonly token: string
  readonly hash: string
}

/** Locks the account before the token, as everything does that makes one: in the other order the two would wait for each other. */
async function applyReset(tx: Tx<'auth'>, { userId, token, hash }: Reset): Promise<PasswordReset | Refusal> {
  const user = await tx.lock('user', { id: userId })
  const taken = await takeToken(tx, 'PASSWORD_RESET', token)
  if (!user || taken?.userId !== user.id || user.email !== taken.email || !isUsable(user)) return refuseToken(tx, 'PASSWORD_RESET', token)
  await setPassword(tx, user.id, hash)
  await endAccess(tx, user.id, 'PASSWORD_RESET')
  if (user.emailVerifiedAt === null) {
    await tx.user.update({ where: { id: user.id }, data: { emailVerifiedAt: tx.now } })
    tx.record('auth.email.verified', { user: user.id }, {})
  }
  await endSignUps(tx, user.id)
  tx.record('auth.password_reset.completed', { user: user.id }, {})
  return { status: 'RESET' }
}
