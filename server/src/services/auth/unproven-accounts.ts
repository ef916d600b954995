/**
 * Accounts whose address nobody ever proved. Anybody can sign up with anybody's address, so they hold it against no one and are not kept: they go as
 * everybody who leaves does, by the erasure, which takes what other services hold of them as well.
 */
import { db, transaction, type Tx } from '#db'
import type { SystemActor } from '#lib/actor.ts'
import { log } from '#lib/log.ts'
import { databaseNow } from './database-clock.ts'
import { countWaysIn } from './ways-in.ts'

const ourselves: SystemActor = { kind: 'SYSTEM', name: 'auth.unproven_accounts' }
const keptMs = 30 * 24 * 60 * 60 * 1000
const pageSize = 500

/**
 * Ends the accounts that were never proven and are thirty days old, and reports how many: the next erasure takes them. One stays while a link that
 * could prove it is under way, while there is anything to sign in by, and where an administrator disabled it: that keeps the address closed.
 */
export async function endUnprovenAccounts(): Promise<void> {
  const before = new Date((await databaseNow()).getTime() - keptMs)
  let unprovenAccounts = 0
  for (let page = await unprovenAfter('', before); page.length > 0; page = await unprovenAfter(page.at(-1)?.id ?? '', before)) {
    for (const { id } of page) if (await endUnproven(id)) unprovenAccounts += 1
  }
  log.info({ removed: { unprovenAccounts } }, 'Accounts that nobody ever proved were given to the erasure.')
}

async function unprovenAfter(id: string, before: Date): Promise<{ id: string }[]> {
  const where = { id: { gt: id }, emailVerifiedAt: null, disabledAt: null, createdAt: { lt: before } }
  return db('auth').user.findMany({ where, select: { id: true }, orderBy: { id: 'asc' }, take: pageSize })
}

/** Under the account's lock: a sign-up of the same moment comes before it, and is seen, or after it, and makes an account of its own. */
async function endUnproven(id: string): Promise<boolean> {
  return transaction('auth', ourselves, async (tx) => {
    const user = await tx.lock('user', { id })
    if (!user || user.emailVerifiedAt !== null || user.disabledAt !== null || (await isWaitedFor(tx, id))) return false
    await letGo(tx, { id })
    return true
  })
}

async function isWaitedFor(tx: Tx<'auth'>, userId: string): Promise<boolean> {
  const link = await tx.verificationToken.findFirst({ where: { userId, usedAt: null, expiresAt: { gt: tx.now } }, select: { id: true } })
  const session = await tx.session.findFirst({ where: { userId, revokedAt: null, expiresAt: { gt: tx.now } }, select: { id: true } })
  return link !== null || session !== null || (await countWaysIn(tx, userId)) > 0
}

/** Ends these accounts, as far as nobody has proven them: the next erasure takes what is held of them. */
export async function letGo(
  tx: Tx<'auth'>,
  whose: { readonly id: string | { readonly not: string }; readonly email?: string },
): Promise<void> {
  const where = { ...whose, emailVerifiedAt: null }
  await tx.user.updateMany({ where, data: { eraseAfter: tx.now } })
  await tx.user.deleteMany({ where })
}
