/**
 * The statements of the check of API keys, in SQL for the reasons of the session check (session-statements.ts). Raw SQL is not filtered: it
 * names `deleted_at` itself.
 */
import { database } from '#db/client.ts'
import { statementName } from '#db/statements.ts'
import type { Role } from './schema.ts'

/** A key that is good now, by the database's clock, and its owner. */
export interface ApiKeyRow {
  readonly id: string
  readonly userId: string
  readonly scopes: string[]
  readonly role: Role
  readonly emailVerified: boolean
  /** Since its use was last written down; null where it never was. */
  readonly unusedMs: number | null
  readonly remainingMs: number
}

const read = `
  SELECT k.id, k.user_id AS "userId", k.scopes, u.role, u.email_verified_at IS NOT NULL AS "emailVerified",
    (extract(epoch FROM clock.now - k.last_used_at) * 1000)::float8 AS "unusedMs",
    (extract(epoch FROM k.expires_at - clock.now) * 1000)::float8 AS "remainingMs"
  FROM (SELECT core.clock() AS now) AS clock, auth.api_keys AS k
  JOIN auth.users AS u ON u.id = k.user_id
  LEFT JOIN auth.memberships AS m ON m.id = k.membership_id
  LEFT JOIN auth.applications AS a ON a.id = m.application_id
  WHERE k.key_hash = $1 AND k.revoked_at IS NULL AND k.deleted_at IS NULL AND k.expires_at > clock.now
    AND u.deleted_at IS NULL AND u.disabled_at IS NULL
    AND (k.membership_id IS NULL OR (m.active AND m.deleted_at IS NULL AND a.active AND a.deleted_at IS NULL))`

const touch = `
  UPDATE auth.api_keys SET last_used_at = core.clock()
  WHERE id = $1 AND revoked_at IS NULL AND (last_used_at IS NULL OR last_used_at <= core.clock() - interval '1 minute')`

/** Gives the key with this hash, if it is good, its owner is neither deleted nor disabled, and the membership it was made for is in use. */
export async function readApiKey(hash: Uint8Array): Promise<ApiKeyRow | null> {
  const { rows } = await database().pool.query<ApiKeyRow>({ name: statementName(read), text: read, values: [hash] })
  return rows[0] ?? null
}

/** Writes down that a key was used now, unless that was written within a minute, by whatever process. */
export async function touchApiKey(id: string): Promise<void> {
  await database().pool.query({ name: statementName(touch), text: touch, values: [id] })
}
