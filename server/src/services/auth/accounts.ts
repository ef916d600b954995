/** Accounts: how one comes to be, and what its owner sees of it. */
import { db, transaction, type Row, type Tx } from '#db'
import { anonymous, type UserActor } from '#lib/actor.ts'
import { AppError } from '#lib/errors.ts'
import { hashPassword } from '#lib/password-hash.ts'
import { acceptPassword } from '#lib/new-password.ts'
import { keyedHash } from '#lib/secrets.ts'
import { presentMe } from './people.ts'
import { setPassword } from './account-password.ts'
import { linkOrigin, sealOrigin, type Origin } from './linked-accounts.ts'
import { isUsable } from './policy.ts'
import type { CheckEmail, EmailVerified, Me, SignUp, VerifyEmail } from './schema.ts'
import { endSignUps, insertToken, nobody, peekToken, refuseToken, resetTtlMs, takeToken, type NewToken } from './tokens.ts'
import { mayMail } from './throttle.ts'

const verificationTtlMs = 24 * 60 * 60 * 1000

/**
 * Makes an account whose address is to be proven, and mails the link. The answer, the work and the time are the same for an address that
 * has an account: its owner is told by mail. While the address is not proven, each sign-up keeps its name and its password with its own link.
 *
 * @throws BAD_REQUEST at `password`; UNAVAILABLE when too many hash at once.
 */
export async function signUp({ email, name, password }: SignUp): Promise<CheckEmail> {
  await acceptPassword(password, [email, name])
  const mailed = await mayMail('SIGN_UP', email)
  const pending = { email, name, hash: await hashPassword(password), mark: markOf(email, password), mailed }
  return transaction('auth', anonymous, (tx) => settleSignUp(tx, pending))
}

/** A sign-up that is to be confirmed by the mail. */
export interface PendingSignUp {
  readonly email: string
  readonly name: string
  /** Null where the person comes by way of a provider. */
  readonly hash: string | null
  /** What the person is at the provider that they come by, where it does not vouch for the address. */
  readonly origin?: Origin
  /** Tells one sign-up with an address from another, and nothing else to whoever has not the server's key. */
  readonly mark: string
  /** Otherwise there were too many mails to this address. */
  readonly mailed: boolean
}

/**
 * Makes the account where there is none, and has the link mailed that confirms the sign-up. For an address that has an account the same statements
 * run to no effect, and its owner is told.
 */
export async function settleSignUp(tx: Tx<'auth'>, pending: PendingSignUp): Promise<CheckEmail> {
  const { email, name } = pending
  const user = await lockAccount(tx, email, name)
  if (user.emailVerifiedAt !== null || user.disabledAt !== null) await tellOwner(tx, user.id, pending)
  else await keepSignUp(tx, user.id, pending)
  return { status: 'CHECK_EMAIL' }
}

/** Gives the account of an address, made where there is none: also where one made way, or was ended, at this moment. */
async function lockAccount(tx: Tx<'auth'>, email: string, name: string): Promise<Row<'user'>> {
  const created = await tx.user.createManyAndReturn({ data: [{ email, name }], skipDuplicates: true, select: { id: true } })
  const user = await tx.lock('user', { email })
  if (!user) return lockAccount(tx, email, name)
  if (created.length > 0) tx.record('auth.user.created', { user: user.id }, {})
  return user
}

/** The same sign-up again ends its older link; one with another password lives beside it, and then neither password counts (verifyEmail). */
async function keepSignUp(tx: Tx<'auth'>, userId: string, { email, name, hash, origin, mark, mailed }: PendingSignUp): Promise<void> {
  const chosen = {
    signUpName: name,
    ...(hash !== null && { signUpHash: hash }),
    ...(origin && { signUpIdentity: sealOrigin(userId, origin) }),
  }
  const tokenId = await keepToken(tx, { subject: `${userId}:${mark}`, userId, email, ...chosen }, mailed)
  if (mailed) tx.record('auth.email_verification.requested', { user: userId }, { tokenId })
  else tx.record('auth.mail.throttled', { user: userId }, { kind: 'SIGN_UP' })
}

/** The same statements as for a new account, to no effect, so that the time tells nothing. The token is never sent to anybody. */
async function tellOwner(tx: Tx<'auth'>, userId: string, { email, mailed }: PendingSignUp): Promise<void> {
  await keepToken(tx, { subject: nobody(email) }, mailed)
  if (mailed) tx.record('auth.sign_up.repeated', { user: userId }, {})
  else tx.record('auth.mail.throttled', { user: userId }, { kind: 'SIGN_UP' })
}

/**
 * Keeps a sign-up also where no mail may go: or whoever used up the mails of an address could keep its owner's sign-up out of the reckoning. A
 * link that was mailed before stays good then.
 */
async function keepToken(tx: Tx<'auth'>, signUp: Omit<NewToken, 'purpose' | 'ttlMs'>, mailed: boolean): Promise<string> {
  const [purpose, { subject }] = ['EMAIL_VERIFICATION', signUp] as const
  const kept = mailed ? null : await tx.verificationToken.findFirst({ where: { purpose, subject, usedAt: null }, select: { id: true } })
  return kept?.id ?? insertToken(tx, { purpose, ttlMs: verificationTtlMs, ...signUp })
}

function markOf(email: string, password: string): string {
  return keyedHash('sign-up', `${email}\n${password.normalize('NFKC')}`).toString('base64url')
}

/**
 * Proves the address of an account by the link from the mail. It does not sign in. The name and the password are those of the sign-up whose
 * link it is. Where others signed up with this address and another password, nobody knows which of them is the owner's: then none counts, and
 * the answer is CHOOSE_PASSWORD, which a mail lets them do (decision 012).
 *
 * @throws INVALID_TOKEN when the link is unknown, used, replaced by a newer one, or older than a day.
 */
export async function verifyEmail({ token }: VerifyEmail): Promise<EmailVerified> {
  return transaction('auth', anonymous, async (tx) => {
    const peeked = await peekToken('EMAIL_VERIFICATION', token)
    // The account before the token, as everything does that makes one: in the other order the two would wait for each other.
    const user = peeked?.userId ? await tx.lock('user', { id: peeked.userId }) : null
    const taken = user && (await takeToken(tx, 'EMAIL_VERIFICATION', token))
    if (!user || !taken || user.email !== taken.email || !isUsable(user) || user.emailVerifiedAt !== null)
      return refuseToken(tx, 'EMAIL_VERIFICATION', token)
    const rivals = await tx.verificationToken.count({ where: { purpose: 'EMAIL_VERIFICATION', userId: user.id, usedAt: null } })
    await tx.user.update({ where: { id: user.id }, data: { name: taken.signUpName ?? user.name, emailVerifiedAt: tx.now } })
    tx.record('auth.email.verified', { user: user.id }, {})
    await endSignUps(tx, user.id)
    if (rivals === 0) return confirmSignUp(tx, user.id, taken)
    return contestPassword(tx, user)
  })
}

/** A link that was sent before sign-ups kept their passwords has none: its password is the account's already. */
async function confirmSignUp(
  tx: Tx<'auth'>,
  userId: string,
  { signUpHash, signUpIdentity }: Row<'verificationToken'>,
): Promise<EmailVerified> {
  if (signUpHash !== null) await setPassword(tx, userId, signUpHash)
  if (signUpIdentity !== null) await linkOrigin(tx, userId, signUpIdentity)
  return { status: 'VERIFIED' }
}

async function contestPassword(tx: Tx<'auth'>, { id, email }: Row<'user'>): Promise<EmailVerified> {
  await tx.password.deleteMany({ where: { userId: id } })
  const tokenId = await insertToken(tx, { purpose: 'PASSWORD_RESET', subject: id, userId: id, email, ttlMs: resetTtlMs })
  tx.record('auth.sign_up.contested', { user: id }, { tokenId })
  return { status: 'CHOOSE_PASSWORD' }
}

/** Gives the person who is signed in. */
export async function getMe(actor: UserActor): Promise<Me> {
  const user = await db('auth').user.findFirst({ where: { id: actor.userId } })
  if (!user) throw new AppError('UNAUTHORIZED', 'Sign in first.')
  return presentMe(user, actor.impersonatorId)
}
