/**
 * Another address for an account. Its owner agrees to it from the old address and proves the new one, in either order; for seven days the old
 * address can take it back. So neither a session nor a mailbox alone is enough to carry an account away (NIST 800-63B-4, 4.6).
 */
import { conflictOn, refuse, transaction, type Refusal, type Row, type Tx } from '#db'
import { anonymous, type UserActor } from '#lib/actor.ts'
import { lockCaller, refuseCaller } from './caller.ts'
import { isUsable } from './policy.ts'
import type { CheckEmail } from './schema.ts'
import type { EmailChangeLink, EmailChangeState, EmailChangeUndone, RequestEmailChange } from './schema-email.ts'
import { endAccess } from './access.ts'
import { removeAddedSince } from './factor-removal.ts'
import { freeAddress } from './free-address.ts'
import { mayMail, refuseMail } from './throttle.ts'
import { insertToken, nobody, peekToken, refuseToken, takeToken, type TokenPurpose } from './tokens.ts'

const linkTtlMs = 60 * 60 * 1000
const undoTtlMs = 7 * 24 * 60 * 60 * 1000

/**
 * Mails a link to the old address and one to the new. An earlier request ends. The answer is the same for an address that has an account:
 * then its owner is told, and the link to it leads nowhere.
 *
 * @throws BAD_REQUEST at `email` when it is the account's already; TOO_MANY_REQUESTS after three requests an hour.
 */
export async function requestEmailChange(actor: UserActor, { email }: RequestEmailChange): Promise<CheckEmail> {
  const mayAsk = (await mayMail('EMAIL_CHANGE', actor.userId)) && (await mayMail('EMAIL_CHANGE', email))
  if (!mayAsk) return refuseMail(actor, 'EMAIL_CHANGE', 'Too many mails were asked for. Try again later.')
  return transaction('auth', actor, async (tx) => {
    const user = await lockCaller(tx, actor)
    if (!user) return refuseCaller()
    if (user.email === email) {
      return refuse('BAD_REQUEST', 'This is your address already.', { fields: { email: ['is your address already'] } })
    }
    await endOpenChange(tx, user.id)
    await tx.emailChange.create({ data: { userId: user.id, fromEmail: user.email, toEmail: email, createdAt: tx.now } })
    const taken = await tx.user.findFirst({ where: { email, emailVerifiedAt: { not: null } }, select: { id: true } })
    const about = { subject: user.id, userId: user.id, ttlMs: linkTtlMs }
    const approvalId = await insertToken(tx, { ...about, purpose: 'EMAIL_CHANGE_APPROVAL', email: user.email })
    const proof = taken ? { subject: nobody(email), email, ttlMs: linkTtlMs } : { ...about, email }
    const proofId = await insertToken(tx, { ...proof, purpose: 'EMAIL_CHANGE_PROOF' })
    tx.record('auth.email_change.requested', { user: user.id }, { approvalId, proofId })
    return { status: 'CHECK_EMAIL' }
  })
}

/**
 * Agrees to the change by the link that went to the old address. Nobody needs to be signed in: the mailbox is what is shown here.
 *
 * @throws INVALID_TOKEN; CONFLICT NAME_TAKEN at `email` when another account has taken the new address meanwhile.
 */
export async function approveEmailChange({ token }: EmailChangeLink): Promise<EmailChangeState> {
  return transaction('auth', anonymous, (tx) => step(tx, 'EMAIL_CHANGE_APPROVAL', token))
}

/**
 * Proves the new address by the link that went there. Only the account's own session may: an address that was mistyped gives its reader nothing.
 *
 * @throws INVALID_TOKEN, also when the link is another person's; CONFLICT NAME_TAKEN as above.
 */
export async function proveEmailChange(actor: UserActor, { token }: EmailChangeLink): Promise<EmailChangeState> {
  return transaction('auth', actor, async (tx) => {
    if (!(await lockCaller(tx, actor))) return refuseCaller()
    const peeked = await peekToken('EMAIL_CHANGE_PROOF', token)
    if (peeked?.userId !== actor.userId) return refuseToken(tx, 'EMAIL_CHANGE_PROOF', token)
    return step(tx, 'EMAIL_CHANGE_PROOF', token)
  })
}

type Half = Extract<TokenPurpose, 'EMAIL_CHANGE_APPROVAL' | 'EMAIL_CHANGE_PROOF'>

/**
 * The account is locked first, so that of two links followed at once the second sees the first. A link is worth something for the address that it
 * went to: whoever reads one mailbox proves no other.
 */
async function step(tx: Tx<'auth'>, purpose: Half, token: string): Promise<EmailChangeState | Refusal> {
  const peeked = await peekToken(purpose, token)
  const user = peeked?.userId ? await tx.lock('user', { id: peeked.userId }) : null
  const taken = user && isUsable(user) ? await takeToken(tx, purpose, token) : null
  const change = taken && (await tx.emailChange.findFirst({ where: { userId: user?.id ?? '', completedAt: null } }))
  const about = purpose === 'EMAIL_CHANGE_APPROVAL' ? change?.fromEmail : change?.toEmail
  if (!user || !change || user.email !== change.fromEmail || taken.email !== about) return refuseToken(tx, purpose, token)
  const done = purpose === 'EMAIL_CHANGE_APPROVAL' ? { approvedAt: tx.now } : { provenAt: tx.now }
  const { approvedAt, provenAt } = await tx.emailChange.update({ where: { id: change.id }, data: done })
  tx.record(purpose === 'EMAIL_CHANGE_APPROVAL' ? 'auth.email_change.approved' : 'auth.email_change.proven', { user: user.id }, {})
  if (approvedAt === null) return { status: 'WAITS_FOR_OLD' }
  if (provenAt === null) return { status: 'WAITS_FOR_NEW' }
  await complete(tx, change)
  return { status: 'CHANGED' }
}

async function complete(tx: Tx<'auth'>, { id, userId, fromEmail, toEmail }: Row<'emailChange'>): Promise<void> {
  await giveAddress(tx, userId, toEmail)
  await tx.emailChange.update({ where: { id }, data: { completedAt: tx.now } })
  const tokenId = await insertToken(tx, { purpose: 'EMAIL_CHANGE_UNDO', subject: id, userId, email: fromEmail, ttlMs: undoTtlMs })
  tx.record('auth.email_change.completed', { user: userId }, { tokenId })
}

/**
 * Takes a change back by the link that went to the old address, whatever has become of the account's address since. Every session and API key ends,
 * and with them whoever carried the account away; a password that was set since, and what was added since to sign in by, are removed.
 *
 * @throws INVALID_TOKEN when the link is unknown, used, or older than seven days; CONFLICT NAME_TAKEN when the address was proven by another
 *   account meanwhile.
 */
export async function undoEmailChange({ token }: EmailChangeLink): Promise<EmailChangeUndone> {
  return transaction('auth', anonymous, async (tx) => {
    const peeked = await peekToken('EMAIL_CHANGE_UNDO', token)
    const user = peeked?.userId ? await tx.lock('user', { id: peeked.userId }) : null
    const taken = user && (await takeToken(tx, 'EMAIL_CHANGE_UNDO', token))
    const change = taken && (await tx.emailChange.findFirst({ where: { id: taken.subject, undoneAt: null } }))
    if (!user || !taken || !change) return refuseToken(tx, 'EMAIL_CHANGE_UNDO', token)
    await giveAddress(tx, user.id, change.fromEmail)
    await tx.emailChange.update({ where: { id: change.id }, data: { undoneAt: tx.now } })
    await endLaterChanges(tx, user.id, taken.createdAt)
    // From when it was asked for: whoever did was in the account by then.
    await tx.purge('password', { userId: user.id, changedAt: { gte: change.createdAt } })
    await removeAddedSince(tx, user.id, change.createdAt)
    await endAccess(tx, user.id, 'REVOKED')
    tx.record('auth.email_change.undone', { user: user.id }, {})
    return { status: 'UNDONE' }
  })
}

/** What was asked for or done after the change that is taken back is of the same hand: an undo of it would give the account away again. */
async function endLaterChanges(tx: Tx<'auth'>, userId: string, since: Date): Promise<void> {
  await endOpenChange(tx, userId)
  const later = { purpose: { in: ['EMAIL_CHANGE_UNDO' as const, 'FACTOR_UNDO' as const] }, createdAt: { gte: since } }
  await tx.verificationToken.deleteMany({ where: { userId, usedAt: null, ...later } })
}

/** Ends what was asked for and not done, with both of its links, wherever they went. */
async function endOpenChange(tx: Tx<'auth'>, userId: string): Promise<void> {
  await tx.emailChange.deleteMany({ where: { userId, completedAt: null } })
  const links = ['EMAIL_CHANGE_APPROVAL', 'EMAIL_CHANGE_PROOF'] as const
  await tx.verificationToken.deleteMany({ where: { userId, usedAt: null, purpose: { in: [...links] } } })
}

async function giveAddress(tx: Tx<'auth'>, userId: string, email: string): Promise<void> {
  await freeAddress(tx, userId, email)
  await conflictOn({ email: 'Another account has this address already.' }, () =>
    tx.user.update({ where: { id: userId }, data: { email, emailVerifiedAt: tx.now } }),
  )
}
