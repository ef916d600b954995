/**
 * Accounts that were deactivated: deleted rows that can come back until their erasure begins. Prisma neither locks nor writes deleted rows (decision
 * 002), so that is SQL here.
 */
import { prepared, withDeleted, type Row, type Tx } from '#db'

const lock = 'SELECT FROM auth.users WHERE id = $1 FOR NO KEY UPDATE'

const disable = 'UPDATE auth.users SET disabled_at = $2, updated_at = $3 WHERE id = $1 AND deleted_at IS NOT NULL'

/** Locks an account that was deactivated and gives it; null where it was not, and where its erasure has begun. */
export async function lockDeactivated(tx: Tx<'auth'>, userId: string): Promise<Row<'user'> | null> {
  const user = await lockEvenDeactivated(tx, userId)
  return user && user.deletedAt !== null ? user : null
}

/** Locks an account whether it lives or was deactivated; null for nobody's id, and where the erasure has begun. */
export async function lockEvenDeactivated(_tx: Tx<'auth'>, userId: string): Promise<Row<'user'> | null> {
  await prepared(lock, [userId])
  // Read once it is locked: whoever held it may have changed it.
  const user = await withDeleted('auth').user.findFirst({ where: { id: userId } })
  const isThere = user && (user.deletedAt === null || (user.eraseAfter !== null && user.erasingUntil === null))
  return isThere ? user : null
}

/** Writes down since when an account is disabled, null for not, whether it lives or was deactivated. The caller has locked it. */
export async function writeDisabled(tx: Tx<'auth'>, user: Row<'user'>, disabledAt: Date | null): Promise<Row<'user'>> {
  if (user.deletedAt === null) return tx.user.update({ where: { id: user.id }, data: { disabledAt } })
  await prepared(disable, [user.id, disabledAt, tx.now])
  return { ...user, disabledAt }
}
