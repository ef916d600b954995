/**
 * Throttles of sign-in and mail (identity research 4.3): counted before the password is looked at, in statements of their own, so that a
 * refused or rolled-back attempt stays counted and any number of parallel ones pass the limit by none.
 */
import { db } from '#db'
import { AppError } from '#lib/errors.ts'
import { customerOf } from '#lib/network-address.ts'
import { keyedHash } from '#lib/secrets.ts'
import { takeFromWindow, takeWithBackoff } from './throttle-statements.ts'

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

/** Counts an attempt to sign in. Gives what refuses it, or null when it may go on. The address comes first, so that one that is refused locks no account. */
export async function takeAttempt(email: string, address: string | null): Promise<Throttled | null> {
  if (!on) return null
  const { account, network, pair } = bucketsOf(email, address)
  return (
    named('ADDRESS', await takeFromWindow(network, 30, tenMinutes)) ??
    named('PAIR', await takeFromWindow(pair, 10, tenMinutes)) ??
    named('ACCOUNT', await takeWithBackoff(account))
  )
}

/** Takes the attempt back: it was the right password. The account and the pair start anew; the address has one failure less. */
export async function forgiveAttempt(email: string, address: string | null): Promise<void> {
  if (!on) return
  const { account, network, pair } = bucketsOf(email, address)
  await db('auth').throttle.updateMany({ where: { bucket: { in: [account, pair] } }, data: { count: 0, blockedUntil: null } })
  await db('auth').throttle.updateMany({ where: { bucket: network, count: { gt: 0 } }, data: { count: { decrement: 1 } } })
}

/** Lets an account be tried again, whatever was tried before: its owner has proven the address. */
export async function forgiveAccount(email: string): Promise<void> {
  await db('auth').throttle.updateMany({ where: { bucket: bucketOf('account', email) }, data: { count: 0, blockedUntil: null } })
}

/** Counts a mail that somebody asked to be sent to this address: three an hour, whoever asks. Says whether it may go. */
export async function mayMail(email: string): Promise<boolean> {
  return !on || (await takeFromWindow(bucketOf('mail', email), 3, hour)) === null
}

/**
 * Counts the mail of an invitation: five an hour to one address, whoever invites, and fifty an hour by one person. Mails to strangers are
 * not to be had in bulk.
 *
 * @throws TOO_MANY_REQUESTS
 */
export async function mayMailInvitation(userId: string, email: string): Promise<void> {
  if (!on) return
  const wait = (await takeFromWindow(bucketOf('inviter', userId), 50, hour)) ?? (await takeFromWindow(bucketOf('invited', email), 5, hour))
  if (wait !== null) throw new AppError('TOO_MANY_REQUESTS', 'Too many invitations. Try again later.', { retryAfterSeconds: wait })
}

function bucketsOf(email: string, address: string | null): { account: string; network: string; pair: string } {
  const customer = customerOf(address)
  return { account: bucketOf('account', email), network: bucketOf('address', customer), pair: bucketOf('pair', `${customer}\n${email}`) }
}

function bucketOf(kind: string, value: string): string {
  return keyedHash('throttle', `${kind}\n${value}`).toString('base64url')
}

function named(by: ThrottledBy, retryAfterSeconds: number | null): Throttled | null {
  return retryAfterSeconds === null ? null : { by, retryAfterSeconds }
}
