/** Taking back what was added to sign in by, by the link from the mail about it (decision 030). */
import { transaction } from '#db'
import { anonymous } from '#lib/actor.ts'
import { endAccess } from './access.ts'
import { addedBehind } from './added-factors.ts'
import { removeAdded } from './factor-removal.ts'
import type { FactorUndone, UndoFactor } from './schema-account.ts'
import { peekToken, refuseToken, takeToken } from './tokens.ts'

/**
 * Takes a passkey, an authenticator app or a linked provider back by the link from the mail about it, and ends every session and API key, for whoever
 * added it was in the account. Nobody needs to be signed in: the mailbox is what is shown here, and it can do no more than before it was added.
 *
 * @throws INVALID_TOKEN when the link is unknown, used, or older than seven days.
 */
export async function undoFactor({ token }: UndoFactor): Promise<FactorUndone> {
  return transaction('auth', anonymous, async (tx) => {
    const peeked = await peekToken('FACTOR_UNDO', token)
    const user = peeked?.userId ? await tx.lock('user', { id: peeked.userId }) : null
    const taken = user && (await takeToken(tx, 'FACTOR_UNDO', token))
    if (!user || !taken) return refuseToken(tx, 'FACTOR_UNDO', token)
    const added = addedBehind(taken)
    await removeAdded(tx, user.id, added, taken.createdAt)
    await endAccess(tx, user.id, 'REVOKED')
    tx.record('auth.factor.undone', { user: user.id }, { factor: added.kind })
    return { status: 'UNDONE', factor: added.kind }
  })
}
