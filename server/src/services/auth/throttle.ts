/**
 * Throttles of sign-in and mail (identity research 4.3): counted before the password is looked at, in statements of their own, so that a
 * refused or rolled-back attempt stays counted and any number of parallel ones pass the limit by none.
 */
import { z } from 'zod'
import { db, refuse, transaction } from '#db'
import type { Actor, UserActor } from '#lib/actor.ts'
import { AppError } from '#lib/errors.ts'
import { customerOf } from '#lib/network-address.ts'
import { keyedHash } from '#lib/secrets.ts'
import { takeFromWindow, takeInTransaction, takeWithBackoff } from './throttle-statements.ts'

export type ThrottledBy = 'ACCOUNT' | 'ADDRESS' | 'PAIR'

/** What an attempt was refused by, and when the next one may come. */
export interface Throttled {
  readonly by: ThrottledBy
  readonly retryAfterSeconds: number
}

const tenMinutes = 600
const hour = 3_600

let on = true

/** Turns the throttles off, for load tests (SIGN_IN_LIMIT). Called once at start. */
export function useThrottles(enabled: boolean): void {
  on = enabled
}

/** Who tries to sign in, as far as it is counted. */
export interface Attempter {
  readonly email: string
  readonly address: string | null
  /** The device or the session that is the account's already: it is counted by itself first, so that nobody else can lock it out. */
  readonly known: string | null
}

/** Counts an attempt to sign in. Gives what refuses it, or null when it may go on. The address comes first, so that one that is refused locks no account. */
export async function takeAttempt(attempter: Attempter): Promise<Throttled | null> {
  if (!on) return null
  const { account, known, network, pair } = bucketsOf(attempter)
  const byAddress =
    named('ADDRESS', await takeFromWindow(network, 30, tenMinutes)) ?? named('PAIR', await takeFromWindow(pair, 10, tenMinutes))
  if (byAddress) return byAddress
  if (known !== null && (await takeWithBackoff(known)) === null) return null
  return named('ACCOUNT', await takeWithBackoff(account))
}

/** Takes the attempt back: it was the right password. The account and the pair start anew; the address has one failure less. */
export async function forgiveAttempt(attempter: Attempter): Promise<void> {
  if (!on) return
  const { account, known, network, pair } = bucketsOf(attempter)
  const own = [account, pair, ...(known === null ? [] : [known])]
  await db('auth').throttle.updateMany({ where: { bucket: { in: own } }, data: { count: 0, blockedUntil: null } })
  await db('auth').throttle.updateMany({ where: { bucket: network, count: { gt: 0 } }, data: { count: { decrement: 1 } } })
}

/**
 * Runs what the right password or code leads to and takes the attempt back. A call that is answered from its key was right as well: what is
 * refused gives its key back. `isWhole` says whether the answer, null where a key gave it, leaves nothing more to prove: whoever knows a
 * password could otherwise clear the counter between guesses at the second factor.
 */
export async function forgiving<T>(
  attempter: Attempter,
  work: () => Promise<T>,
  isWhole: (answer: T | null) => Promise<boolean> = async () => true,
): Promise<T> {
  try {
    const answer = await work()
    if (await isWhole(answer)) await forgiveAttempt(attempter)
    return answer
  } catch (error) {
    if (error instanceof AppError && error.code === 'ALREADY_DONE' && (await isWhole(null))) await forgiveAttempt(attempter)
    throw error
  }
}

/** Refuses an attempt that was one too many, and leaves its trace. @throws TOO_MANY_REQUESTS */
export async function refuseThrottled(actor: Actor, userId: string | null, { by, retryAfterSeconds }: Throttled): Promise<never> {
  return transaction<'auth', never>('auth', actor, async (tx) => {
    tx.record('auth.sign_in.throttled', userId ? { user: userId } : {}, { by })
    return refuse('TOO_MANY_REQUESTS', 'Too many attempts. Try again later.', { retryAfterSeconds })
  })
}

/** Lets an account be tried again, whatever was tried before: its owner has proven the address. */
export async function forgiveAccount(email: string): Promise<void> {
  await db('auth').throttle.updateMany({ where: { bucket: bucketOf('account', email) }, data: { count: 0, blockedUntil: null } })
}

/** What is mailed because somebody asked for it. */
export const MailKind = z.enum(['SIGN_UP', 'SIGN_IN', 'RESET', 'STEP_UP', 'EMAIL_CHANGE', 'DATA_EXPORT', 'INVITATION'])
type MailKind = z.infer<typeof MailKind>

/**
 * Counts a mail that somebody asked to be sent to this address: three an hour of each kind, whoever asks. Says whether it may go. The way out
 * of a lock, the mail for a new password, is not to be used up by sign-ups.
 */
export async function mayMail(kind: MailKind, email: string): Promise<boolean> {
  return !on || (await takeFromWindow(bucketOf(`mail:${kind}`, email), 3, hour)) === null
}

/** Refuses a mail of a person's own that was one too many, and leaves its trace. @throws TOO_MANY_REQUESTS */
export async function refuseMail(actor: UserActor, kind: MailKind, sentence: string): Promise<never> {
  return transaction<'auth', never>('auth', actor, async (tx) => {
    tx.record('auth.mail.throttled', { user: actor.userId }, { kind })
    return refuse('TOO_MANY_REQUESTS', sentence, { retryAfterSeconds: hour })
  })
}

/**
 * Counts the mail of an invitation: five an hour to one address, whoever invites, and fifty an hour by one person. Mails to strangers are
 * not to be had in bulk. It is counted in the transaction that invites, once it is decided that the actor may: whoever may not uses none up.
 *
 * @throws TOO_MANY_REQUESTS, with its trace
 */
export async function countInvitationMail(actor: UserActor, email: string): Promise<void> {
  if (!on) return
  await transaction('auth', actor, async (tx) => {
    const wait =
      (await takeInTransaction(bucketOf('inviter', actor.userId), 50, hour)) ??
      (await takeInTransaction(bucketOf('invited', email), 5, hour))
    if (wait === null) return undefined
    tx.record('auth.mail.throttled', { user: actor.userId }, { kind: 'INVITATION' })
    return refuse('TOO_MANY_REQUESTS', 'Too many invitations. Try again later.', { retryAfterSeconds: wait })
  })
}

interface Buckets {
  readonly account: string
  readonly known: string | null
  readonly network: string
  readonly pair: string
}

function bucketsOf({ email, address, known }: Attempter): Buckets {
  const customer = customerOf(address)
  return {
    account: bucketOf('account', email),
    known: known === null ? null : bucketOf('known', `${known}\n${email}`),
    network: bucketOf('address', customer),
    pair: bucketOf('pair', `${customer}\n${email}`),
  }
}

function bucketOf(kind: string, value: string): string {
  return keyedHash('throttle', `${kind}\n${value}`).toString('base64url')
}

function named(by: ThrottledBy, retryAfterSeconds: number | null): Throttled | null {
  return retryAfterSeconds === null ? null : { by, retryAfterSeconds }
}
