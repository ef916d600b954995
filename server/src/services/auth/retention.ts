/**
 * Removes for good what has served (identity research, section 5), deleted rows too. In SQL, page by page, each page a transaction of its
 * own: Prisma's `deleteMany` takes no limit, and one statement over a year's rows would outlast its time and never succeed.
 */
import { database } from '#db/client.ts'
import { log } from '#lib/log.ts'

/** How many rows one statement removes: short locks, short transactions. */
const pageSize = 5_000

/** What each statement removes. One condition each, so that each has an index to go by; a session's idle end is never after its absolute one. */
export const removals = {
  endedSessions: pageOf('auth.sessions', `revoked_at < core.clock() - interval '30 days'`),
  expiredSessions: pageOf('auth.sessions', `idle_expires_at < core.clock() - interval '30 days'`),
  tokens: pageOf('auth.verification_tokens', `expires_at < core.clock() - interval '1 day'`),
  emailChanges: pageOf('auth.email_changes', `created_at < core.clock() - interval '30 days'`),
  visits: pageOf('auth.provider_attempts', `expires_at < core.clock() - interval '1 day'`),
  applicationInvitations: pageOf('auth.application_invitations', `expires_at < core.clock() - interval '30 days'`),
  challenges: pageOf('auth.passkey_challenges', `expires_at < core.clock() - interval '1 day'`),
  dataExports: pageOf('auth.data_exports', `expires_at < core.clock()`),
  throttles: pageOf('auth.throttles', `window_ends_at < core.clock()`),
} as const

/** Removes sessions 30 days after their end. */
export async function removeOldSessions(): Promise<void> {
  const ended = await removeAll(removals.endedSessions)
  const expired = await removeAll(removals.expiredSessions)
  log.info({ ended, expired }, 'Old sessions were removed.')
}

/** Removes tokens a day after they became too old, and with them the passwords of sign-ups that nobody confirmed. */
export async function removeOldTokens(): Promise<void> {
  log.info({ tokens: await removeAll(removals.tokens) }, 'Old tokens were removed.')
}

/** Removes changes of address 30 days after they were asked for: the addresses in them are nobody's business any more. */
export async function removeOldEmailChanges(): Promise<void> {
  log.info({ emailChanges: await removeAll(removals.emailChanges) }, 'Old changes of address were removed.')
}

/** Removes visits to providers a day after they became too old. */
export async function removeOldVisits(): Promise<void> {
  log.info({ visits: await removeAll(removals.visits) }, 'Old visits to providers were removed.')
}

/** Removes invitations to applications 30 days after they ended, accepted ones too: the addresses in them are nobody's business any more. */
export async function removeOldApplicationInvitations(): Promise<void> {
  log.info({ applicationInvitations: await removeAll(removals.applicationInvitations) }, 'Old invitations to applications were removed.')
}

/** Removes questions to passkeys a day after they became too old. */
export async function removeOldChallenges(): Promise<void> {
  log.info({ challenges: await removeAll(removals.challenges) }, 'Old questions to passkeys were removed.')
}

/** Removes exports a day after they were asked for. */
export async function removeOldDataExports(): Promise<void> {
  log.info({ dataExports: await removeAll(removals.dataExports) }, 'Old exports were removed.')
}

/** Removes counters whose window has closed. */
export async function removeOldThrottles(): Promise<void> {
  log.info({ throttles: await removeAll(removals.throttles) }, 'Old counters were removed.')
}

function pageOf(table: string, condition: string): string {
  return `DELETE FROM ${table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${table} WHERE ${condition} LIMIT ${pageSize}))`
}

async function removeAll(statement: string): Promise<number> {
  let removed = 0
  for (let page = pageSize; page === pageSize; removed += page) page = (await database().pool.query(statement)).rowCount ?? 0
  return removed
}
