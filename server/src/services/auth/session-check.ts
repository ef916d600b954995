/** Whose session a credential is: asked at every call. */
import { now } from '#lib/clock.ts'
import { type ApiKeyId, SessionId, UserId } from '#lib/ids.ts'
import { log } from '#lib/log.ts'
import { counter, reading } from '#lib/metrics.ts'
import { findApiKey, isApiKey, settleApiKeys, type CheckedKey } from './api-key-check.ts'
import { levelOf, lifetimesOf } from './policy.ts'
import type { Role, SessionKind } from './schema.ts'
import type { Level, SignInMethod } from './schema-sign-in.ts'
import { createSessionCache, type Loaded } from './session-cache.ts'
import { readSession, touchSession, type CheckedSession } from './session-statements.ts'
import { hashOf, type Credential } from './sessions.ts'

export interface SessionInfo {
  readonly sessionId: SessionId
  readonly userId: UserId
  readonly kind: SessionKind
  readonly role: Role
  readonly emailVerified: boolean
  /** The key that acts in the person's name; absent for a session. */
  readonly apiKey?: { readonly id: ApiKeyId; readonly scopes: readonly string[] }
  /** What it was proven by, at its start and since. */
  readonly methods: readonly SignInMethod[]
  readonly level: Level
  /** The administrator who looks through this person's eyes; null where the person is there. */
  readonly impersonatorId: UserId | null
  /** When it was last proven: at its start, or by stepping up. By this process's clock. */
  readonly authenticatedAt: Date
  /** When it ends if it is not used meanwhile, by this process's clock. */
  readonly endsAt: Date
}

/** How a session is looked for. */
export interface Look {
  /** It does not count as a use of the session: what merely stays open keeps no session from ending. */
  readonly unused?: boolean
  /** Called before a query is made for a credential that this process does not remember; what it throws is thrown. */
  readonly beforeQuery?: () => void
}

interface Known {
  readonly info: SessionInfo
  /** By this process's clock. */
  usedAt: number
}

const cache = createSessionCache<Known>()
const looks = counter('plinth_session_checks_total', 'Looks for a session, by where it was found out: in memory or in the database.', [
  'from',
])
reading('plinth_sessions_remembered', 'Sessions that this process remembers.', () => cache.size, { across: 'EACH' })
const touching = new Map<SessionId, Promise<void>>()

/**
 * Gives the session of a credential, or null when there is none that is alive: unknown, ended, expired by the database's clock, or of
 * somebody who was disabled or deleted. An API key is one of its owner's, as long as it is good. From memory while this process surely hears of revocations, otherwise by one query.
 */
export async function findSession(credential: Credential, { unused = false, beforeQuery }: Look = {}): Promise<SessionInfo | null> {
  if (isApiKey(credential)) {
    const found = await findApiKey(credential.token, { unused, ...(beforeQuery && { beforeQuery }) })
    return found && infoOfKey(found)
  }
  const hash = hashOf(credential)
  if (!hash) return null
  const key = hash.toString('latin1')
  const remembered = cache.get(key)
  if (remembered) looks(['memory'])
  const known = remembered ?? (await load(key, hash, credential.kind, beforeQuery))
  if (!known) return null
  if (!unused && now().getTime() - known.usedAt >= lifetimesOf(known.info.role, known.info.level).touchMs) touch(known)
  return known.info
}

/** Resolves when what is known of the use of sessions is written: awaited before the database is closed. */
export async function settleSessions(): Promise<void> {
  await Promise.all([...touching.values(), settleApiKeys()])
}

async function load(key: string, hash: Buffer<ArrayBuffer>, kind: SessionKind, beforeQuery?: () => void): Promise<Known | null> {
  beforeQuery?.()
  looks(['database'])
  return cache.load(key, () => read(hash, kind))
}

async function read(hash: Buffer<ArrayBuffer>, kind: SessionKind): Promise<Loaded<Known> | null> {
  const askedAt = now().getTime()
  const row = await readSession(hash, kind)
  if (!row) return null
  const value = { info: infoOf(row, askedAt), usedAt: now().getTime() - row.unusedMs }
  return { userId: row.userId, value, forMs: row.remainingMs }
}

function infoOf({ id, userId, kind, role, emailVerified, ...row }: CheckedSession, askedAt: number): SessionInfo {
  return {
    sessionId: SessionId.parse(id),
    userId: UserId.parse(userId),
    kind,
    role,
    emailVerified,
    methods: row.methods,
    level: levelOf(row.level),
    impersonatorId: row.impersonatorId === null ? null : UserId.parse(row.impersonatorId),
    authenticatedAt: new Date(askedAt - row.provenMs),
    endsAt: new Date(askedAt + row.remainingMs),
  }
}

/** A key signs nobody in: it was proven by nothing, and steps up by nothing. */
function infoOfKey({ id, userId, role, emailVerified, scopes, endsAt }: CheckedKey): SessionInfo {
  const sessionId = SessionId.parse(id)
  const proof = { methods: [], level: 1, impersonatorId: null, authenticatedAt: new Date(0) } as const
  return { sessionId, userId, kind: 'BEARER', role, emailVerified, apiKey: { id, scopes }, ...proof, endsAt }
}

/** Writes down that the session is in use. Nobody waits for it; when it fails, the next use tries again. */
function touch(known: Known): void {
  const { sessionId, role, level } = known.info
  if (touching.has(sessionId)) return
  const before = known.usedAt
  known.usedAt = now().getTime()
  const written = touchSession(sessionId, lifetimesOf(role, level).idleMs)
    .catch((error: unknown) => {
      known.usedAt = before
      log.warn({ error }, 'The use of a session could not be written; the next use tries again.')
    })
    .finally(() => touching.delete(sessionId))
  touching.set(sessionId, written)
}
