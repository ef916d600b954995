/**
 * The statements of the session check, in SQL: they run at every call that is not answered from memory. Prepared, one round trip and one index
 * look-up per table; through Prisma's `include` the same takes two trips (decision 008 has the figures). Raw SQL is not filtered: it names
 * `deleted_at` itself.
 */
import { database } from '#db/client.ts'
import { statementName } from '#db/statements.ts'
import type { Role, SessionKind } from './schema.ts'
import type { SignInMethod } from './schema-sign-in.ts'

/** A session that is alive now, by the database's clock, and its person. */
export interface CheckedSession {
  readonly id: string
  readonly userId: string
  readonly kind: SessionKind
  readonly methods: SignInMethod[]
  readonly level: number
  readonly impersonatorId: string | null
  readonly role: Role
  readonly emailVerified: boolean
  /** Since it was last proven. */
  readonly provenMs: number
  /** Since its use was last written down. */
  readonly unusedMs: number
  /** Until it expires, if it is not used again. */
  readonly remainingMs: number
}

const read = `
  SELECT s.id, s.user_id AS "userId", s.kind, s.methods::text[] AS methods, s.level, s.impersonator_id AS "impersonatorId", u.role, u.email_verified_at IS NOT NULL AS "emailVerified",
    (extract(epoch FROM clock.now - s.authenticated_at) * 1000)::float8 AS "provenMs",
    (extract(epoch FROM clock.now - s.last_used_at) * 1000)::float8 AS "unusedMs",
    (extract(epoch FROM least(s.idle_expires_at, s.expires_at) - clock.now) * 1000)::float8 AS "remainingMs"
  FROM (SELECT core.clock() AS now) AS clock, auth.sessions AS s JOIN auth.users AS u ON u.id = s.user_id
  WHERE s.token_hash = $1 AND s.kind = $2::auth.session_kind
    AND s.revoked_at IS NULL AND s.deleted_at IS NULL AND s.expires_at > clock.now AND s.idle_expires_at > clock.now
    AND u.deleted_at IS NULL AND u.disabled_at IS NULL`

const touch = `
  UPDATE auth.sessions
  SET last_used_at = core.clock(), updated_at = core.clock(), idle_expires_at = least(core.clock() + $2 * interval '1 millisecond', expires_at)
  WHERE id = $1 AND revoked_at IS NULL AND deleted_at IS NULL AND expires_at > core.clock() AND idle_expires_at > core.clock()`

/** Gives the session with this token, if it is alive and its person is neither deleted nor disabled. */
export async function readSession(hash: Uint8Array, kind: SessionKind): Promise<CheckedSession | null> {
  const { rows } = await database().pool.query<CheckedSession>({ name: statementName(read), text: read, values: [hash, kind] })
  return rows[0] ?? null
}

/** Writes down that a session was used now: it may be idle for so long again, within its absolute end. One that has ended stays ended. */
export async function touchSession(id: string, idleMs: number): Promise<void> {
  await database().pool.query({ name: statementName(touch), text: touch, values: [id, idleMs] })
}
