/** Sessions: one sign-in on one device. `mintSession` is the only place that makes one. */
import { randomBytes, randomUUIDv7 } from 'node:crypto'
import { db, keyset, transaction, type Row, type Tx } from '#db'
import type { Actor, UserActor } from '#lib/actor.ts'
import { currentCall } from '#lib/call.ts'
import { now } from '#lib/clock.ts'
import { SessionId, type UserId } from '#lib/ids.ts'
import { prefixOf } from '#lib/network-address.ts'
import { sha256 } from '#lib/secrets.ts'
import { levelOf, lifetimesOf, showsPerson } from './policy.ts'
import { refuseUnknown } from './refusals.ts'
import { revocation } from './revocations.ts'
import { findToken } from './tokens.ts'
import type { Level, SignInMethod } from './schema-sign-in.ts'
import type { Delivery, ListSessions, RevokeSession, Session, SessionKind, SessionList, SessionsRevoked, SignedOut } from './schema.ts'

/** What a client shows to prove that it is signed in. */
export interface Credential {
  readonly kind: SessionKind
  readonly token: string
  /** What the device is to be remembered by, where its owner wants that. */
  readonly remembered?: RememberedBy
}

/** A token for ninety days and the family that it belongs to: what replaces it when it is used belongs to the same. */
export interface RememberedBy {
  readonly token: string
  readonly family: string
}

type EndReason = NonNullable<Row<'session'>['endReason']>

const prefixes: Record<SessionKind, string> = { COOKIE: 'pln_s_', BEARER: 'pln_t_' }

/** Makes a credential of 256 random bits. Make it outside the transaction, so that a repeated attempt of it mints the same one. */
export function newCredential(kind: SessionKind, family: string | null = null): Credential {
  const token = prefixes[kind] + randomBytes(32).toString('base64url')
  return { kind, token, ...(family !== null && { remembered: { family, token: `pln_d_${randomBytes(32).toString('base64url')}` } }) }
}

/** The credential of a sign-in that asks for a cookie or for a token. Made outside the transaction, as all are. */
export function credentialFor(delivery: Delivery, remember = false): Credential {
  return newCredential(delivery === 'COOKIE' ? 'COOKIE' : 'BEARER', remember ? randomUUIDv7() : null)
}

/** The hash of a token that looks like one of its kind; null for anything else, so that one kind is never accepted as the other. */
export function hashOf({ kind, token }: Credential): Buffer<ArrayBuffer> | null {
  const secret = token.slice(prefixes[kind].length)
  return token.startsWith(prefixes[kind]) && /^[\w-]{43}$/.test(secret) ? sha256(token) : null
}

/** What a session was proven by, and how sure that makes it. */
export interface Proof {
  readonly methods: SignInMethod[]
  readonly level: Level
}

/** When a session was proven whose person was not seen to do anything. */
const never = new Date(0)

/**
 * Starts a session: the only place that does, and `completeSignIn` alone calls it for a sign-in. The caller has locked the account's row and
 * knows that it may sign in. The network is kept shortened and the user agent cut, for people to recognise their sessions by.
 */
export async function mintSession(
  tx: Tx<'auth'>,
  user: Row<'user'>,
  credential: Credential,
  proof: Proof,
  impersonation?: Impersonation,
): Promise<Row<'session'>> {
  const call = currentCall()
  const times = provenNow(tx, user, proof)
  const session = await tx.session.create({
    data: {
      userId: user.id,
      kind: credential.kind,
      tokenHash: sha256(credential.token),
      rememberedAs: credential.remembered?.family ?? null,
      ...times,
      ...(!showsPerson(proof.methods) && { authenticatedAt: never }),
      ...(impersonation && boundedBy(impersonation, times, tx.now)),
      addressPrefix: prefixOf(call?.address ?? null),
      userAgent: call?.userAgent?.slice(0, 300) ?? null,
    },
  })
  tx.record('auth.session.started', { user: user.id }, { sessionId: SessionId.parse(session.id), kind: session.kind })
  return session
}

/**
 * Gives a living session a new token and a new proof: it goes on, at least at the level that it had, and its old token is worth nothing from
 * the commit on. Null when it has ended. The caller has locked the account's row.
 */
export async function renewSession(
  tx: Tx<'auth'>,
  user: Row<'user'>,
  sessionId: SessionId,
  credential: Credential,
  proof: Proof,
): Promise<Row<'session'> | null> {
  const alive = {
    id: sessionId,
    userId: user.id,
    kind: credential.kind,
    revokedAt: null,
    expiresAt: { gt: tx.now },
    idleExpiresAt: { gt: tx.now },
  }
  const old = await tx.session.findFirst({ where: alive, select: { methods: true, level: true } })
  if (!old) return null
  const [methods, level] = [[...new Set([...old.methods, ...proof.methods])], levelOf(Math.max(old.level, proof.level))]
  const data = { tokenHash: sha256(credential.token), ...provenNow(tx, user, { methods, level }) }
  const session = await tx.session.update({ where: { id: sessionId }, data })
  await tx.notify('plinth_revoked', revocation(user.id))
  return session
}

/** An administrator who looks through a person's eyes, and for how long at most. */
interface Impersonation {
  readonly by: UserId
  readonly forMs: number
}

function boundedBy({ by, forMs }: Impersonation, { idleExpiresAt }: { idleExpiresAt: Date }, at: Date) {
  const expiresAt = new Date(at.getTime() + forMs)
  return { impersonatorId: by, expiresAt, idleExpiresAt: idleExpiresAt < expiresAt ? idleExpiresAt : expiresAt }
}

/** Times of a session whose person proved just now who they are. */
function provenNow(tx: Tx<'auth'>, user: Row<'user'>, { methods, level }: Proof) {
  const { idleMs, absoluteMs } = lifetimesOf(user.role, level)
  const at = tx.now.getTime()
  const [idleExpiresAt, expiresAt] = [new Date(at + idleMs), new Date(at + absoluteMs)]
  return { methods, level, authenticatedAt: tx.now, lastUsedAt: tx.now, idleExpiresAt, expiresAt }
}

/**
 * Ends the sessions of a person that match, and tells every process with the commit, this one first. Gives how many were alive. Where it is not one
 * alone, sign-ins that wait and what the person does in others' names end as well. It locks the account's row, as every sign-in does: one that is just
 * under way would otherwise not be seen here.
 */
export async function endSessions(
  tx: Tx<'auth'>,
  userId: string,
  where: { id?: string | { not: string }; rememberedAs?: string },
  reason: EndReason,
): Promise<number> {
  await tx.lock('user', { id: userId })
  const ended = await tx.session.updateManyAndReturn({
    where: { ...where, userId, revokedAt: null },
    data: { revokedAt: tx.now, endReason: reason },
    select: { rememberedAs: true },
  })
  if (ended.length > 0) await tx.notify('plinth_revoked', revocation(userId))
  const families = [where.rememberedAs, ...ended.map(({ rememberedAs }) => rememberedAs)].filter((family) => typeof family === 'string')
  const isOfOne = typeof where.id === 'string' || where.rememberedAs !== undefined
  await forgetDevices(tx, userId, isOfOne ? families : null)
  if (!isOfOne) await endWhatWaits(tx, userId)
  if (!isOfOne) await endImpersonationsBy(tx, userId)
  return ended.length
}

/** What was begun by what ends here is not gone on with: sign-ins that wait for their second factor, and mails that sign in or step up. */
async function endWhatWaits(tx: Tx<'auth'>, userId: string): Promise<void> {
  const waiting = ['SECOND_FACTOR', 'EMAIL_SIGN_IN', 'EMAIL_STEP_UP'] as const
  await tx.verificationToken.deleteMany({ where: { userId, usedAt: null, purpose: { in: [...waiting] } } })
}

/** What an administrator does in others' names ends with their own sessions. */
async function endImpersonationsBy(tx: Tx<'auth'>, administratorId: string): Promise<void> {
  const ended = await tx.session.updateManyAndReturn({
    where: { impersonatorId: administratorId, revokedAt: null },
    data: { revokedAt: tx.now, endReason: 'REVOKED' },
    select: { userId: true },
  })
  const people = ended.map(({ userId }) => revocation(userId))
  if (people.length > 0) await tx.notify('plinth_revoked', people)
}

/** Whoever ends a session means the device too, or it would be back at once. Null stands for every device but those of sessions that go on. */
async function forgetDevices(tx: Tx<'auth'>, userId: string, families: string[] | null): Promise<void> {
  const remembered = { purpose: 'REMEMBERED', userId, usedAt: null } as const
  if (families) {
    if (families.length > 0) await tx.verificationToken.deleteMany({ where: { ...remembered, subject: { in: families } } })
    return
  }
  const alive = await tx.session.findMany({ where: { userId, revokedAt: null }, select: { rememberedAs: true } })
  const kept = alive.flatMap(({ rememberedAs }) => rememberedAs ?? [])
  await tx.verificationToken.deleteMany({ where: { ...remembered, subject: { notIn: kept } } })
}

/** Ends one session of a person, where it is alive, and records it. */
export async function endSession(
  tx: Tx<'auth'>,
  userId: string,
  sessionId: SessionId,
  reason: 'SIGNED_OUT' | 'REVOKED' | 'REPLACED',
): Promise<boolean> {
  const ended = await endSessions(tx, userId, { id: sessionId }, reason)
  if (ended > 0) tx.record('auth.session.ended', { user: userId }, { sessionId, reason })
  return ended > 0
}

/**
 * Ends the session in use, and what the browser is remembered by. Signing out when signed out is no error: a browser wants to be rid of its
 * cookies.
 */
export async function signOut(actor: Actor, remembered: string | null = null): Promise<SignedOut> {
  if (actor.kind !== 'USER' && remembered === null) return { status: 'SIGNED_OUT' }
  return transaction('auth', actor, async (tx): Promise<SignedOut> => {
    if (actor.kind === 'USER') await endSession(tx, actor.userId, actor.sessionId, 'SIGNED_OUT')
    const known = remembered === null ? null : await findToken(tx, 'REMEMBERED', remembered)
    if (known?.userId) {
      await tx.lock('user', { id: known.userId })
      await forgetDevices(tx, known.userId, [known.subject])
    }
    return { status: 'SIGNED_OUT' }
  })
}

/** Lists the living sessions of the person, newest first. */
export async function listSessions(actor: UserActor, page: ListSessions): Promise<SessionList> {
  const { where, take, cut } = keyset(page, 'id', { order: 'desc' })
  const at = now()
  const alive = { userId: actor.userId, revokedAt: null, expiresAt: { gt: at }, idleExpiresAt: { gt: at } }
  const { items, nextCursor } = cut(await db('auth').session.findMany({ where: { ...alive, ...where }, orderBy: { id: 'desc' }, take }))
  return { items: items.map((row) => presentSession(row, actor)), nextCursor }
}

/**
 * Ends one session of the person; it may be the one in use.
 *
 * @throws NOT_FOUND when it is somebody else's, has ended, or never was: the three cannot be told apart.
 */
export async function revokeSession(actor: UserActor, { sessionId }: RevokeSession): Promise<SessionsRevoked> {
  return transaction('auth', actor, async (tx) => {
    const ended = await endSession(tx, actor.userId, sessionId, 'REVOKED')
    return ended ? { revoked: 1 } : refuseUnknown(tx, actor, 'session.revoke', 'There is no such session.')
  })
}

/** Ends every session of the person but the one in use. */
export async function revokeOtherSessions(actor: UserActor): Promise<SessionsRevoked> {
  return transaction('auth', actor, async (tx): Promise<SessionsRevoked> => {
    const revoked = await endSessions(tx, actor.userId, { id: { not: actor.sessionId } }, 'REVOKED')
    tx.record('auth.session.others_ended', { user: actor.userId }, { count: revoked })
    return { revoked }
  })
}

function presentSession(
  { id, kind, addressPrefix, userAgent, createdAt, lastUsedAt, expiresAt }: Row<'session'>,
  actor: UserActor,
): Session {
  return { id: SessionId.parse(id), kind, current: id === actor.sessionId, addressPrefix, userAgent, createdAt, lastUsedAt, expiresAt }
}
