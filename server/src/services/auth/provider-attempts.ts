/**
 * Visits to a provider: begun here, and finished once, within ten minutes, by whoever began them. State, nonce and PKCE verifier are derived
 * from the row's id and a key of the server, so that nothing that could finish a visit is in the database.
 */
import { randomBytes, randomUUIDv7 } from 'node:crypto'
import { apart, db, refuse, transaction, type Refusal, type Row, type Tx } from '#db'
import { anonymous, type Actor } from '#lib/actor.ts'
import { AppError, isAppError } from '#lib/errors.ts'
import { keyedHash, sha256 } from '#lib/secrets.ts'
import { databaseNow } from './database-clock.ts'
import type { SessionKind } from './schema.ts'

/** NIST and the practice of providers alike: nobody takes longer to sign in. */
export const attemptTtlMs = 10 * 60 * 1000

/** What only the provider's answer, or only this server, can show. */
export interface AttemptSecrets {
  readonly state: string
  readonly nonce: string
  readonly verifier: string
}

/** Who begins a visit. */
export interface Holder {
  /** How the session is to travel: a browser proves by its cookie that it began the visit, a tool by the secret that it was given. */
  readonly kind: SessionKind
  readonly secret: string
}

export interface NewAttempt {
  readonly id: string
  readonly provider: string
  readonly purpose: Row<'providerAttempt'>['purpose']
  readonly holder: Holder
  readonly returnTo: string
  readonly userId: string | null
  /** A PIN of Plex that stands for the visit. */
  readonly pinId?: string
  readonly sealedPin?: string
}

/** Makes the id of a visit to come: its secrets follow from it, before there is a row. */
export const newAttemptId = randomUUIDv7

/** Gives the holder for a visit that begins: a browser that has begun another one keeps its secret, so that two tabs work side by side. */
export function holderOf(kind: SessionKind, inBrowser: string | null): Holder {
  const isKept = kind === 'COOKIE' && inBrowser !== null && /^pln_h_[\w-]{43}$/.test(inBrowser)
  return { kind, secret: isKept ? inBrowser : `pln_h_${randomBytes(32).toString('base64url')}` }
}

/** Derives what a visit is held against. 43 characters each, as RFC 7636 wants a verifier at least. */
export function secretsOf(id: string): AttemptSecrets {
  const derived = (what: string) => keyedHash(`provider:${what}`, id).toString('base64url')
  return { state: derived('state'), nonce: derived('nonce'), verifier: derived('verifier') }
}

/** Keeps a visit that begins, and gives when it ends. */
export async function insertAttempt(tx: Tx<'auth'>, { holder, ...attempt }: NewAttempt): Promise<Date> {
  const stateHash = sha256(secretsOf(attempt.id).state)
  const expiresAt = new Date(tx.now.getTime() + attemptTtlMs)
  const data = { ...attempt, kind: holder.kind, stateHash, holderHash: sha256(holder.secret), expiresAt }
  await tx.providerAttempt.create({ data })
  return expiresAt
}

/** Who wants to finish a visit, and which. */
export interface Finisher {
  readonly actor: Actor
  readonly provider: string
  readonly state: string
  /** What the browser's cookie holds, or the tool sent along; null for neither. */
  readonly secret: string | null
  /** What the visit may be for: what one was begun for, another call does not do. */
  readonly purposes: readonly NewAttempt['purpose'][]
}

/**
 * Uses a visit up and gives it: of any number at once exactly one gets it. It stays used, whatever comes of it: a code is redeemed once.
 * A stranger's attempt leaves it as it is.
 *
 * @throws INVALID_TOKEN when the state is unknown, used, too old, another provider's, of another browser, or of another person's visit.
 */
export async function takeAttempt({ actor, provider, state, secret, purposes }: Finisher): Promise<Row<'providerAttempt'>> {
  return apart(() =>
    transaction('auth', actor, async (tx) => {
      const [taken] = await tx.providerAttempt.updateManyAndReturn({
        where: { stateHash: sha256(state), provider, purpose: { in: [...purposes] }, ...openTo(actor, secret, tx.now) },
        data: { usedAt: tx.now },
      })
      return taken ?? refuseVisit(tx, actor, provider)
    }),
  )
}

/** Refuses to finish a visit, and leaves the trace. To be returned from the transaction. */
export function refuseVisit(
  tx: Tx<'auth'>,
  actor: Actor,
  provider: string,
  code: 'INVALID_TOKEN' | 'UNAUTHORIZED' = 'INVALID_TOKEN',
): Refusal {
  tx.record('auth.provider.refused', actor.kind === 'USER' ? { user: actor.userId } : {}, { provider })
  return refuse(code, refusedSentence)
}

/** Which visits this caller may finish now. */
function openTo(actor: Actor, secret: string | null, at: Date) {
  const whose = actor.kind === 'USER' ? [{ userId: null }, { userId: actor.userId }] : [{ userId: null }]
  return { holderHash: sha256(secret ?? ''), usedAt: null, expiresAt: { gt: at }, OR: whose }
}

export const refusedSentence = 'This sign-in is unknown, was used, is too old, or was begun elsewhere. Begin again.'

/** Leaves the trace of an answer that the provider does not stand by, and passes the refusal on. A provider that is down is nobody's doing. */
export function notConfirmed(actor: Actor, provider: string): (error: unknown) => Promise<never> {
  return async (error) => {
    if (!isAppError(error, 'INVALID_TOKEN')) throw error
    return transaction<'auth', never>('auth', actor, async (tx) => {
      refuseVisit(tx, actor, provider)
      return refuse('INVALID_TOKEN', error.message)
    })
  }
}

/**
 * Gives the page that a visit leads back to, for the state that the provider's answer carries.
 *
 * @throws INVALID_TOKEN when the visit is unknown, used, too old or another provider's.
 */
export async function returnPageOf(provider: string, state: string): Promise<{ readonly page: string; readonly kind: SessionKind }> {
  const where = { stateHash: sha256(state), provider, usedAt: null, expiresAt: { gt: await databaseNow() } }
  const found = await db('auth').providerAttempt.findFirst({ where, select: { returnTo: true, kind: true } })
  if (!found) throw new AppError('INVALID_TOKEN', refusedSentence)
  return { page: found.returnTo, kind: found.kind }
}

/** Gives the visit with a PIN that this caller began and may still finish; null where there is none. */
export async function findPinVisit(actor: Actor, id: string, secret: string | null): Promise<Row<'providerAttempt'> | null> {
  return db('auth').providerAttempt.findFirst({ where: { id, provider: 'plex', ...openTo(actor, secret, await databaseNow()) } })
}

/** Says whether the provider may be asked about the PIN now: once in so many milliseconds, however often the caller comes. */
export async function mayAskNow(id: string, everyMs: number): Promise<boolean> {
  return apart(() =>
    transaction('auth', anonymous, async (tx) => {
      const before = new Date(tx.now.getTime() - everyMs)
      const where = { id, usedAt: null, OR: [{ askedAt: null }, { askedAt: { lte: before } }] }
      const { count } = await tx.providerAttempt.updateMany({ where, data: { askedAt: tx.now } })
      return count > 0
    }),
  )
}

/** Uses a visit with a PIN up, in the transaction that does what it is for. Says whether it was this one that did. */
export async function takePinVisit(tx: Tx<'auth'>, id: string): Promise<boolean> {
  const where = { id, usedAt: null, expiresAt: { gt: tx.now } }
  const { count } = await tx.providerAttempt.updateMany({ where, data: { usedAt: tx.now, sealedPin: null } })
  return count > 0
}
