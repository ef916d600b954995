/** Everything by which a person is let in without signing in anew. */
import type { Row, Tx } from '#db'
import { endImpersonationsBy } from './impersonation.ts'
import { revocation } from './revocations.ts'
import { endSessions } from './sessions.ts'

/**
 * Ends it all: sessions, API keys, and what an administrator does through the eyes of others. For who is disabled, who leaves, and whose password was
 * taken. The caller has locked the account.
 */
export async function endAccess(tx: Tx<'auth'>, userId: string, reason: NonNullable<Row<'session'>['endReason']>): Promise<void> {
  await endSessions(tx, userId, {}, reason)
  await tx.apiKey.updateMany({ where: { userId, revokedAt: null }, data: { revokedAt: tx.now } })
  await endImpersonationsBy(tx, userId)
  await tx.notify('plinth_revoked', revocation(userId))
}
