/** Whose an address is. */
import type { Tx } from '#db'
import { letGo } from './unproven-accounts.ts'

/** Makes an address free for its owner: a sign-up that nobody has proven holds it against no one, and makes way. */
export async function freeAddress(tx: Tx<'auth'>, ownerId: string, email: string): Promise<void> {
  await letGo(tx, { email, id: { not: ownerId } })
}
