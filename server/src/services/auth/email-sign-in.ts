/** Signing in by a mail: by its link in any browser, or by its code where it was asked for. The mailbox is one factor and no more. */
import { refuse, transaction, type Refusal, type Row, type Tx } from '#db'
import { anonymous, type Actor } from '#lib/actor.ts'
import { currentCall } from '#lib/call.ts'
import { claimAccount } from './claim-account.ts'
import { completeSignIn, doneWith, type SignInDone } from './complete-sign-in.ts'
import { emailCodeTtlMs, findPendingMail, isCodeOf, mostCodeTries, pendingTokenOf } from './email-codes.ts'
import { knownDevice } from './known-device.ts'
import { isUsable } from './policy.ts'
import type { EmailCode, EmailCodeSent, EmailLink, RequestEmailSignIn } from './schema-email-sign-in.ts'
import type { SignInAnswer } from './schema-sign-in.ts'
import { credentialFor, type Credential } from './sessions.ts'
import { forgiving, mayMail, refuseThrottled, takeAttempt } from './throttle.ts'
import { countTry, findGoodToken, insertToken, nobody, refuseToken, takeToken } from './tokens.ts'

const purpose = 'EMAIL_SIGN_IN'

/**
 * Mails a link and a code that sign in, if the address has an account. Answer, statements and jobs are the same if not: then they are nobody's,
 * and no mail goes out; nor does one over three an hour. An address that nobody has proven yet is proven by this.
 */
export async function requestEmailSignIn({ email }: RequestEmailSignIn): Promise<EmailCodeSent> {
  const mailed = await mayMail('SIGN_IN', email)
  return transaction('auth', anonymous, async (tx) => {
    const user = await tx.lock('user', { email })
    const whose = mailed && user && isUsable(user) ? { subject: user.id, userId: user.id } : { subject: nobody(email) }
    const tokenId = await insertToken(tx, { purpose, email, ttlMs: emailCodeTtlMs, ...whose })
    tx.record('auth.email_sign_in.requested', user ? { user: user.id } : {}, { tokenId })
    const expiresAt = new Date(tx.now.getTime() + emailCodeTtlMs)
    return { status: 'CHECK_EMAIL', pendingToken: pendingTokenOf(purpose, tokenId), expiresAt }
  })
}

/**
 * Signs in by the link from the mail, or asks for the second factor. Opening the page does nothing yet, whoever looks into mails: the page's call
 * does.
 *
 * @throws INVALID_TOKEN when the link is unknown, used, replaced by a newer one, or older than ten minutes.
 */
export async function signInByEmailLink(
  actor: Actor,
  { token, delivery, remember }: EmailLink,
  marker: string | null,
): Promise<SignInDone> {
  const credential = credentialFor(delivery, remember)
  const answer = await transaction('auth', anonymous, async (tx) => {
    const found = await findGoodToken(purpose, token)
    // The account before the token, as whoever ends what waits: in the other order the two would wait for each other.
    const user = found && (await lockOwner(tx, found))
    const taken = user && (await takeToken(tx, purpose, token))
    return taken ? enter(tx, user, credential, actor) : refuseToken(tx, purpose, token)
  })
  return doneWith(answer, credential, marker)
}

/**
 * Signs in by the code from the mail, where it was asked for, or asks for the second factor. Counted with the account's attempts before it is looked
 * at; a mail takes five wrong ones.
 *
 * @throws UNAUTHORIZED, the same for a wrong code and for a pending token that is nobody's, unknown, used or too old; TOO_MANY_REQUESTS.
 */
export async function signInByEmailCode(actor: Actor, input: EmailCode, marker: string | null): Promise<SignInDone> {
  const pending = await findPendingMail(purpose, input.pendingToken)
  const email = pending?.row.email
  if (!pending || !email) return transaction<'auth', never>('auth', anonymous, async (tx) => refuseCode(tx, null))
  const attempter = { email, address: currentCall()?.address ?? null, known: knownDevice(marker, email) }
  const throttled = await takeAttempt(attempter)
  if (throttled) return refuseThrottled(anonymous, pending.row.userId, throttled)
  const credential = credentialFor(input.delivery, input.remember)
  const isWhole = async (answer: SignInAnswer | null) => answer?.status === 'SIGNED_IN'
  const answer = await forgiving(attempter, () => transaction('auth', anonymous, (tx) => decide(tx, input, credential, actor)), isWhole)
  return doneWith(answer, credential, marker)
}

/** The row that is read here is locked by whoever changes it first; the UPDATE that takes it decides. */
async function decide(
  tx: Tx<'auth'>,
  { pendingToken, code }: EmailCode,
  credential: Credential,
  actor: Actor,
): Promise<SignInAnswer | Refusal> {
  const pending = await findPendingMail(purpose, pendingToken)
  const user = pending && (await lockOwner(tx, pending.row))
  const right = pending !== null && isCodeOf(purpose, pending.row.id, code)
  const taken = right && user ? await takeToken(tx, purpose, pending.token) : null
  if (user && taken) return enter(tx, user, credential, actor)
  if (pending) await countTry(tx, purpose, pending.token, mostCodeTries)
  return refuseCode(tx, user)
}

function refuseCode(tx: Tx<'auth'>, user: Row<'user'> | null): Refusal {
  tx.record('auth.sign_in.failed', user ? { user: user.id } : {}, {})
  return refuse('UNAUTHORIZED', 'The code is wrong, or too old.')
}

/** The account that a mail went to, where it has the address still. */
async function lockOwner(tx: Tx<'auth'>, { userId, email }: Row<'verificationToken'>): Promise<Row<'user'> | null> {
  const user = await tx.lock('user', { id: userId ?? '' })
  return user && user.email === email && isUsable(user) ? user : null
}

/** Whoever signed up with an address of somebody else's has nothing in the account when its owner comes (claim-account.ts). */
async function enter(tx: Tx<'auth'>, user: Row<'user'>, credential: Credential, actor: Actor): Promise<SignInAnswer | Refusal> {
  const name = user.email.slice(0, user.email.lastIndexOf('@'))
  const owner = user.emailVerifiedAt === null ? await claimAccount(tx, user, { name, provider: 'email' }) : user
  return completeSignIn(tx, owner, { method: 'EMAIL', level: 1, credential }, actor)
}
