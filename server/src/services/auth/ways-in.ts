/** What a person can sign in by, of their own: the last of it is not taken away, or nobody but a mailbox could let them in again. */
import type { Tx } from '#db'

/**
 * Counts what a person signs in by: password, what they are at providers, and passkeys that are enough by themselves. Links by mail are not counted: a mailbox that is lost takes
 * them along. The caller has locked the account's row, or two at once would each take the last but one. Who adds a way adds it here.
 */
export async function countWaysIn(tx: Tx<'auth'>, userId: string): Promise<number> {
  const passwords = await tx.password.count({ where: { userId } })
  const linked = await tx.oauthAccount.count({ where: { userId } })
  const passkeys = await tx.passkey.count({ where: { userId, verifiesPerson: true } })
  return passwords + linked + passkeys
}
