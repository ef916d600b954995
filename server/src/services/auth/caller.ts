/**
 * The caller as they stand at this moment. A door looks when a call comes in; what is made for the caller some time later, and outlives the session, is
 * decided on rows that are locked: of a reset, a disabling or the end of a session beside it, one comes first and the other sees it.
 */
import { refuse, transaction, type Refusal, type Row, type Tx } from '#db'
import type { UserActor } from '#lib/actor.ts'
import { isFresh, levelOf, maySignIn } from './policy.ts'
import { stepUpNeedsOf } from './second-factors.ts'

/**
 * Locks the caller's account, then the session or the key that they called with, and gives the account; null where it may not be signed in to any
 * more, or the session or the key has ended, by the clock of the transaction. It comes before every other lock, so that no two wait for each other.
 */
export async function lockCaller(tx: Tx<'auth'>, { userId, sessionId, apiKeyId }: UserActor): Promise<Row<'user'> | null> {
  const user = await tx.lock('user', { id: userId })
  if (!user || !maySignIn(user)) return null
  const isAlive = apiKeyId === undefined ? await lockSession(tx, userId, sessionId) : await lockKey(tx, userId, apiKeyId)
  return isAlive ? user : null
}

/** What a caller is told who is let in no more. To be returned from the transaction. */
export function refuseCaller(): Refusal {
  return refuse('UNAUTHORIZED', 'Sign in first.')
}

/**
 * Refuses a caller who has not proven themselves within ten minutes, by a second factor where they have one, and an API key, which proves nothing;
 * null where they may go on. For rules that know what a door cannot: whom it is about. The caller is locked. Nothing is recorded here.
 */
export async function refuseUnproven(tx: Tx<'auth'>, { userId, sessionId, apiKeyId }: UserActor): Promise<Refusal | null> {
  if (apiKeyId !== undefined) return refuse('FORBIDDEN', 'An API key may not do this.')
  const session = await tx.session.findFirst({ where: { id: sessionId }, select: { authenticatedAt: true, level: true } })
  const needs = await stepUpNeedsOf(userId)
  if (session && isFresh(session.authenticatedAt, tx.now) && levelOf(session.level) >= needs.level) return null
  return refuse('STEP_UP_REQUIRED', 'Prove once more who you are.', { methods: needs.methods })
}

/**
 * Locks the caller for another service, in the transaction under way, and first in it.
 *
 * @throws UNAUTHORIZED where they are let in no more.
 */
export async function requireCaller(actor: UserActor): Promise<void> {
  await transaction('auth', actor, async (tx) => {
    if (!(await lockCaller(tx, actor))) return refuseCaller()
  })
}

async function lockSession(tx: Tx<'auth'>, userId: string, id: string): Promise<boolean> {
  const session = await tx.lock('session', { id, userId, revokedAt: null })
  return session !== null && session.expiresAt > tx.now && session.idleExpiresAt > tx.now
}

async function lockKey(tx: Tx<'auth'>, userId: string, id: string): Promise<boolean> {
  const key = await tx.lock('apiKey', { id, userId, revokedAt: null })
  if (!key || key.expiresAt <= tx.now) return false
  if (key.membershipId === null) return true
  const inUse = { id: key.membershipId, active: true, application: { active: true } }
  return (await tx.membership.findFirst({ where: inUse, select: { id: true } })) !== null
}
