/**
 * Erasure: of a deactivated account whose days of grace are over, a tombstone is left, an id that names nobody, so that what others keep (who
 * acted, who paid) goes on referring to one and the same unknown person.
 */
import { prepared, transaction } from '#db'
import { database } from '#db/client.ts'
import { erasePersonalData } from '#db/personal-data.ts'
import type { SystemActor } from '#lib/actor.ts'
import { log } from '#lib/log.ts'
import { sourcesOfPersonalData } from './personal-data-sources.ts'

const ourselves: SystemActor = { kind: 'SYSTEM', name: 'auth.erasure' }
const pageSize = 100

interface Leaver {
  readonly id: string
  readonly emails: readonly string[]
}

/**
 * Claims who is to be erased, for an hour: where this run dies, a later one finds them again. Nobody who was claimed comes back. With them every address that the account had: one
 * that was never proven was not theirs, and one that another account has proven by now is no longer.
 */
export const claimDueErasures = `
  WITH claimed AS (
    UPDATE auth.users SET erasing_until = core.clock() + interval '1 hour'
    WHERE id IN (
      SELECT id FROM auth.users
      WHERE erase_after <= core.clock() AND (erasing_until IS NULL OR erasing_until <= core.clock()) AND deleted_at IS NOT NULL
      ORDER BY erase_after LIMIT ${pageSize} FOR UPDATE SKIP LOCKED)
    RETURNING id, CASE WHEN email_verified_at IS NOT NULL THEN email END AS email
  )
  SELECT u.id, array_remove(array_agg(DISTINCT held.address), NULL) AS emails
  FROM claimed AS u
  LEFT JOIN auth.email_changes AS c ON c.user_id = u.id AND c.completed_at IS NOT NULL
  LEFT JOIN LATERAL (
    SELECT address FROM (VALUES (u.email), (c.from_email), (c.to_email)) AS had (address)
    WHERE NOT EXISTS (SELECT FROM auth.users AS other WHERE other.email = had.address AND other.deleted_at IS NULL AND other.email_verified_at IS NOT NULL)
  ) AS held ON true
  GROUP BY u.id`

/** An account of which there is nothing to keep: it is gone, and its days of grace are over. */
const lockDue = 'SELECT FROM auth.users WHERE id = $1 AND deleted_at IS NOT NULL AND erase_after <= core.clock() FOR NO KEY UPDATE'

/**
 * Erases every account whose time has come, in every service, one service after the other and `auth` the last. Where it stops in between, a
 * later run begins with the same account again, and finds less to do.
 */
export async function eraseDueAccounts(): Promise<void> {
  const counts: Record<string, number> = {}
  let accounts = 0
  for (let page = await dueAccounts(); page.length > 0; page = await dueAccounts()) {
    for (const leaver of page) add(counts, await eraseAccount(leaver))
    accounts += page.length
  }
  log.info({ accounts, rows: counts }, 'Deactivated accounts were erased.')
}

async function dueAccounts(): Promise<Leaver[]> {
  return (await database().pool.query<Leaver>(claimDueErasures)).rows
}

async function eraseAccount({ id, emails }: Leaver): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const source of sourcesOfPersonalData()) {
    if (source.service === 'auth') continue
    add(counts, await erasePersonalData(source, ourselves, { userId: id, emails }))
  }
  return transaction('auth', ourselves, async (tx) => {
    if ((await prepared(lockDue, [id])).length === 0) return counts
    const own = sourcesOfPersonalData().find(({ service }) => service === 'auth')
    if (own) add(counts, await erasePersonalData(own, ourselves, { userId: id, emails }))
    tx.record('auth.account.erased', { user: id }, {})
    return counts
  })
}

function add(counts: Record<string, number>, more: Record<string, number>): void {
  for (const [table, rows] of Object.entries(more)) counts[table] = (counts[table] ?? 0) + rows
}
