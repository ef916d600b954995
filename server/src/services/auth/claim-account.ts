/** The account of an address that nobody had proven, and whose owner comes now. */
import type { Row, Tx } from '#db'
import { endAccess } from './access.ts'
import { removeFactors } from './factor-removal.ts'
import { endSignUps } from './tokens.ts'

/**
 * Gives an account to who proved its address by other means than the sign-up's link. Whoever signed up may have been somebody else, waiting in
 * it for the owner: what they left that would let them in is removed (password, factors, sessions, keys, links, identities). The caller has locked
 * the row; gives it as it is then.
 */
export async function claimAccount(
  tx: Tx<'auth'>,
  { id }: Row<'user'>,
  { name, provider }: { name: string; provider: string },
): Promise<Row<'user'>> {
  await tx.password.deleteMany({ where: { userId: id } })
  await removeFactors(tx, id)
  // Before they are deleted: the passwords in them are emptied, and what is deleted is not seen.
  await endSignUps(tx, id)
  await tx.verificationToken.deleteMany({ where: { userId: id, usedAt: null } })
  await endAccess(tx, id, 'REVOKED')
  const claimed = await tx.user.update({ where: { id }, data: { name, emailVerifiedAt: tx.now } })
  tx.record('auth.account.claimed', { user: id }, { provider })
  tx.record('auth.email.verified', { user: id }, {})
  return claimed
}
