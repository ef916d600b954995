/**
 * Leaving. A deactivated account is gone at once for everybody, and can be taken back for thirty days by the link from a mail; after that it is
 * erased (erasure.ts). The days of grace are for accounts that were deactivated by somebody else, or in anger.
 */
import { conflictOn, refuse, transaction, type Tx } from '#db'
import { anonymous, type UserActor } from '#lib/actor.ts'
import { isAppError } from '#lib/errors.ts'
import { endAccess } from './access.ts'
import { isLastAdministrator, refuseLastAdministrator } from './administrators.ts'
import { soleOwnerships } from './application-owners.ts'
import { lockCaller, refuseCaller } from './caller.ts'
import { lockDeactivated } from './deactivated.ts'
import { freeAddress } from './free-address.ts'
import { sourcesOfPersonalData } from './personal-data-sources.ts'
import type { AccountDeactivated, AccountReactivated, Reactivate } from './schema-account.ts'
import { insertToken, peekToken, refuseToken, takeToken } from './tokens.ts'

const graceMs = 30 * 24 * 60 * 60 * 1000

/**
 * Deactivates the account: it is invisible, and every session has ended. What was the account's alone ends with it.
 *
 * @throws CONFLICT LAST_OWNER while a team or an application would be left without an owner: hand it over or delete it first;
 *   LAST_ADMINISTRATOR while the installation would be left without one.
 */
export async function deactivateAccount(actor: UserActor): Promise<AccountDeactivated> {
  return transaction('auth', actor, async (tx) => {
    const user = await lockCaller(tx, actor)
    if (!user) return refuseCaller()
    if (await isLastAdministrator(tx, user)) {
      recordRefusal(tx, user.id, 'LAST_ADMINISTRATOR')
      return refuseLastAdministrator()
    }
    if ((await soleOwnerships(tx, user.id)).length > 0) {
      recordRefusal(tx, user.id, 'LAST_OWNER')
      return refuse('CONFLICT', 'An application would be left without an owner: make somebody else its owner first, or delete it.', {
        reason: 'LAST_OWNER',
      })
    }
    for (const { beforeLeaving } of sourcesOfPersonalData()) await beforeLeaving?.(user.id).catch(passOn(actor))
    await endAccess(tx, user.id, 'DEACTIVATED')
    const erasedAfter = new Date(tx.now.getTime() + graceMs)
    await tx.user.update({ where: { id: user.id }, data: { eraseAfter: erasedAfter } })
    await tx.user.delete({ where: { id: user.id } })
    // Of nobody, as far as the database can see: what belongs to a deleted account is deleted.
    const tokenId = await insertToken(tx, { purpose: 'ACCOUNT_REACTIVATION', subject: user.id, email: user.email, ttlMs: graceMs })
    tx.record('auth.account.deactivated', { user: user.id }, { tokenId })
    return { status: 'DEACTIVATED', erasedAfter }
  })
}

function recordRefusal(tx: Tx<'auth'>, userId: string, reason: 'LAST_OWNER' | 'LAST_ADMINISTRATOR'): void {
  tx.record('auth.account.refused', { user: userId }, { asked: 'account.deactivate', reason })
}

/** What another service refuses is refused, and nothing of what came before it stays but the trace. */
function passOn(actor: UserActor): (refusal: unknown) => Promise<void> {
  return async (refusal) => {
    if (!isAppError(refusal, 'CONFLICT')) throw refusal
    await transaction('auth', actor, async (tx) => {
      recordRefusal(tx, actor.userId, 'LAST_OWNER')
      return refuse('CONFLICT', refusal.message, refusal.details)
    })
  }
}

/**
 * Takes a deactivation back by the link from its mail. Nobody is signed in by it: that takes all that a sign-in takes.
 *
 * @throws INVALID_TOKEN when the link is unknown, used, or older than thirty days, and while the account is disabled; CONFLICT NAME_TAKEN at `email` when the address has a new
 *   account meanwhile.
 */
export async function reactivateAccount({ token }: Reactivate): Promise<AccountReactivated> {
  return transaction('auth', anonymous, async (tx) => {
    const peeked = await peekToken('ACCOUNT_REACTIVATION', token)
    const user = peeked && (await lockDeactivated(tx, peeked.subject))
    // The link of who is disabled stays good, for when they are not.
    const taken = user?.disabledAt === null ? await takeToken(tx, 'ACCOUNT_REACTIVATION', token) : null
    if (!user?.deletionId || !taken) return refuseToken(tx, 'ACCOUNT_REACTIVATION', token)
    await freeAddress(tx, user.id, user.email)
    const { deletionId } = user
    await conflictOn({ email: 'This address has a new account.' }, () => tx.restore('user', deletionId))
    await tx.user.update({ where: { id: user.id }, data: { eraseAfter: null } })
    tx.record('auth.account.reactivated', { user: user.id }, {})
    return { status: 'REACTIVATED' }
  })
}
