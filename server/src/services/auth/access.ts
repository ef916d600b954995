/** Everything by which a person is let in without signing in anew. */
import type { Row, Tx } from '#db'
import { revocation } from './revocations.ts'
import { endSessions } from './sessions.ts'

/**
 * Ends it all: sessions, remembered devices, what an administrator does in others' names, and API keys. For who is disabled, who leaves, and whose
 * account may have been in other hands: a reset of the password, a change of address that is taken back. The caller has locked the account.
 */
export async function endAccess(tx: Tx<'auth'>, userId: string, reason: NonNullable<Row<'session'>['endReason']>): Promise<void> {
  await endSessions(tx, userId, {}, reason)
  await tx.apiKey.updateMany({ where: { userId, revokedAt: null }, data: { revokedAt: tx.now } })
  await tx.notify('plinth_revoked', revocation(userId))
}
