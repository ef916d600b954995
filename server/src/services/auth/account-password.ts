/** The stored password of an account. */
import type { Tx } from '#db'

/** Gives an account this password hash, its first or its next. The caller has locked the account's row. */
export async function setPassword(tx: Tx<'auth'>, userId: string, hash: string): Promise<void> {
  const { count } = await tx.password.updateMany({ where: { userId }, data: { hash, changedAt: tx.now } })
  if (count === 0) await tx.password.create({ data: { userId, hash, changedAt: tx.now } })
}

/** Whether the password is still the one that was verified before the transaction: it may have been changed in between. */
export async function stillHas(tx: Tx<'auth'>, userId: string, hash: string | null): Promise<boolean> {
  const current = await tx.password.findFirst({ where: { userId }, select: { hash: true } })
  return current !== null && current.hash === hash
}
