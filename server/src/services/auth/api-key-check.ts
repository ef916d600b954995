/** Whose an API key is: asked at every call that comes with one. The same cache, and the same trust in it, as for sessions. */
import { now } from '#lib/clock.ts'
import { ApiKeyId, UserId } from '#lib/ids.ts'
import { log } from '#lib/log.ts'
import { sha256 } from '#lib/secrets.ts'
import { looksLikeApiKey, startsAsApiKey } from './api-key-format.ts'
import { readApiKey, touchApiKey } from './api-key-statements.ts'
import type { Role } from './schema.ts'
import { createSessionCache } from './session-cache.ts'
import type { Credential } from './sessions.ts'

/** A key that is good, and its owner as they are now. */
export interface CheckedKey {
  readonly id: ApiKeyId
  readonly userId: UserId
  readonly scopes: readonly string[]
  readonly role: Role
  readonly emailVerified: boolean
  /** When it expires, by this process's clock. */
  readonly endsAt: Date
}

interface Known {
  readonly key: CheckedKey
  /** When its use was last written, by this process's clock. */
  usedAt: number
}

const touchMs = 60_000
const cache = createSessionCache<Known>()
const touching = new Map<ApiKeyId, Promise<void>>()

/** Whether this credential is to be looked for among the keys. Only what came as a bearer token is: a cookie holds none. */
export function isApiKey({ kind, token }: Credential): boolean {
  return kind === 'BEARER' && startsAsApiKey(token)
}

/**
 * Gives the key, or null when there is none that is good: unknown, revoked, expired by the database's clock, of somebody who was disabled or
 * deleted, or of a membership that ended or is not active. From memory while this process surely hears of revocations, otherwise by one query;
 * what is no key by its checksum costs none.
 */
export async function findApiKey(
  token: string,
  { unused = false, beforeQuery }: { unused?: boolean; beforeQuery?: () => void },
): Promise<CheckedKey | null> {
  if (!looksLikeApiKey(token)) return null
  const hash = sha256(token)
  const key = hash.toString('latin1')
  const known = cache.get(key) ?? (await load(key, hash, beforeQuery))
  if (!known) return null
  if (!unused && now().getTime() - known.usedAt >= touchMs) touch(known)
  return known.key
}

/** Resolves when what is known of the use of keys is written: awaited before the database is closed. */
export async function settleApiKeys(): Promise<void> {
  await Promise.all(touching.values())
}

async function load(key: string, hash: Buffer<ArrayBuffer>, beforeQuery?: () => void): Promise<Known | null> {
  beforeQuery?.()
  return cache.load(key, async () => {
    const askedAt = now().getTime()
    const row = await readApiKey(hash)
    if (!row) return null
    const { id, userId, scopes, role, emailVerified, unusedMs, remainingMs } = row
    const owner = { id: ApiKeyId.parse(id), userId: UserId.parse(userId), scopes, role, emailVerified }
    const usedAt = unusedMs === null ? -Infinity : now().getTime() - unusedMs
    return { userId, value: { key: { ...owner, endsAt: new Date(askedAt + remainingMs) }, usedAt }, forMs: remainingMs }
  })
}

/** Writes down that the key is in use. Nobody waits for it; when it fails, the next use tries again. */
function touch(known: Known): void {
  const { id } = known.key
  if (touching.has(id)) return
  const before = known.usedAt
  known.usedAt = now().getTime()
  const written = touchApiKey(id)
    .catch((error: unknown) => {
      known.usedAt = before
      log.warn({ error }, 'The use of an API key could not be written; the next use tries again.')
    })
    .finally(() => touching.delete(id))
  touching.set(id, written)
}
