/** Removes for good what has served (identity research, section 5). */
import { pageOf, removeRows } from '#db/removals.ts'

/** Of whom no erasure is to come: it takes the rows itself, and until then the account may come back. */
const isOfNobodyDue = 'NOT EXISTS (SELECT FROM auth.users AS due WHERE due.id = user_id AND due.erase_after IS NOT NULL)'

/** What each statement removes. One condition each, so that each has an index to go by; a session's idle end is never after its absolute one. */
export const removals = {
  endedSessions: pageOf('auth.sessions', `revoked_at < core.clock() - interval '30 days'`),
  expiredSessions: pageOf('auth.sessions', `idle_expires_at < core.clock() - interval '30 days'`),
  /** With them the passwords of sign-ups that nobody confirmed. */
  tokens: pageOf('auth.verification_tokens', `expires_at < core.clock() - interval '1 day'`),
  /** The addresses in them are nobody's business any more, but the erasure's: it finds by them what others hold of who waits for it. */
  emailChanges: pageOf('auth.email_changes', `created_at < core.clock() - interval '30 days' AND ${isOfNobodyDue}`),
  visits: pageOf('auth.provider_attempts', `expires_at < core.clock() - interval '1 day'`),
  /** Accepted ones too. */
  applicationInvitations: pageOf('auth.application_invitations', `expires_at < core.clock() - interval '30 days'`),
  /** Those of an account that was deactivated too: they are revoked with it. What they were is told by the activity of the account. */
  revokedApiKeys: pageOf('auth.api_keys', `revoked_at < core.clock() - interval '30 days'`),
  expiredApiKeys: pageOf('auth.api_keys', `expires_at < core.clock() - interval '30 days'`),
  /** Those of a deleted application stay until they have expired: with it they would come back. */
  revokedApplicationSecrets: pageOf('auth.application_secrets', `revoked_at < core.clock() - interval '30 days'`),
  expiredApplicationSecrets: pageOf('auth.application_secrets', `expires_at < core.clock() - interval '30 days'`),
  /** Apps that were taken away, when that cannot be taken back any more (decision 030). Those of who has left may come back with them. */
  removedApps: pageOf(
    'auth.totp_factors',
    `deleted_at < core.clock() - interval '8 days'
      AND EXISTS (SELECT FROM auth.users AS u WHERE u.id = totp_factors.user_id AND u.deleted_at IS NULL)`,
  ),
  /** Ways in that were taken away, or made way. Those of who has left come back with them, or go with them. */
  unlinkedAccounts: pageOf('auth.oauth_accounts', `deleted_at < core.clock() - interval '30 days' AND ${isOfNobodyDue}`),
  removedPasskeys: pageOf('auth.passkeys', `deleted_at < core.clock() - interval '30 days' AND ${isOfNobodyDue}`),
  removedPasswords: pageOf('auth.passwords', `deleted_at < core.clock() - interval '30 days' AND ${isOfNobodyDue}`),
  /** Those that an application's deletion took stay with it: they come back when it is restored. Keys made for one go before it. */
  endedMemberships: pageOf(
    'auth.memberships',
    `deleted_at < core.clock() - interval '30 days' AND ${isOfNobodyDue}
      AND NOT EXISTS (SELECT FROM auth.applications AS gone WHERE gone.id = application_id AND gone.deletion_id = memberships.deletion_id)
      AND NOT EXISTS (SELECT FROM auth.api_keys AS made WHERE made.membership_id = memberships.id)`,
  ),
  challenges: pageOf('auth.passkey_challenges', `expires_at < core.clock() - interval '1 day'`),
  dataExports: pageOf('auth.data_exports', `expires_at < core.clock()`),
  throttles: pageOf('auth.throttles', `window_ends_at < core.clock()`),
} as const

/** Removes what has served of these, and reports how many rows each had. */
export async function removeOld(...names: readonly (keyof typeof removals)[]): Promise<void> {
  await removeRows(Object.fromEntries(names.map((name) => [name, removals[name]])))
}
