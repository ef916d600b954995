/** What a person gets in by, as the database has it: to compare, for what is refused changes none of it. */
import { query } from './database.ts'

/** Each kind of it, and what of its rows counts: of a session not when it was used. */
const kinds = {
  user: `SELECT id AS user_id, id, to_jsonb(t) AS row FROM auth.users AS t`,
  password: `SELECT user_id, id::text, to_jsonb(t) FROM auth.passwords AS t`,
  session: `SELECT user_id, id::text, to_jsonb(t) - '{last_used_at,idle_expires_at,updated_at}'::text[] FROM auth.sessions AS t`,
  app: `SELECT user_id, id::text, to_jsonb(t) FROM auth.totp_factors AS t`,
  passkey: `SELECT user_id, id::text, to_jsonb(t) FROM auth.passkeys AS t`,
  code: `SELECT user_id, id::text, to_jsonb(t) FROM auth.verification_tokens AS t WHERE purpose IN ('RECOVERY_CODE', 'REMEMBERED')`,
  linked: `SELECT user_id, id::text, to_jsonb(t) FROM auth.oauth_accounts AS t`,
  key: `SELECT user_id, id::text, to_jsonb(t) FROM auth.api_keys AS t`,
} as const

type Kind = keyof typeof kinds

/** Whole rows, oldest first. */
export type WaysIn = Record<Kind, Record<string, unknown>[]>

/** Gives all that is there of whoever has this address. `url` is the owner's. */
export async function waysInOf(url: string, email: string): Promise<WaysIn> {
  const all = Object.entries(kinds).map(([kind, rows]) => `SELECT '${kind}' AS kind, each.* FROM (${rows}) AS each`)
  const found = await query<{ kind: Kind; row: Record<string, unknown> }>(
    url,
    `SELECT kind, row FROM (${all.join(' UNION ALL ')}) AS held JOIN auth.users AS u ON u.id = user_id WHERE email = $1 ORDER BY held.id`,
    [email],
  )
  return Object.fromEntries(
    Object.keys(kinds).map((kind) => [kind, found.filter((each) => each.kind === kind).map(({ row }) => row)]),
  ) as WaysIn
}
