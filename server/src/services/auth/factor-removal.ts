/** Taking away what a person signs in by beside the password: by a link from a mail, by an administrator, or since somebody carried the account away. */
import { withDeleted, type Tx } from '#db'
import type { AddedFactor } from './added-factors.ts'
import { dropLinks } from './linked-accounts.ts'
import { purgeIdleRecoveryCodes, purgeRecoveryCodes } from './recovery-codes.ts'

/**
 * Takes one away that was added at that time, where it is still there, and the recovery codes that were made since: whoever added the one has seen the
 * others. Second factors that were taken away since come back: without them whoever has the mailbox would be further than before. The caller has
 * locked the account.
 */
export async function removeAdded(tx: Tx<'auth'>, userId: string, { kind, id }: AddedFactor, since: Date): Promise<void> {
  await purgeRecoveryCodes(tx, userId, since)
  if (kind === 'PROVIDER') await dropLinks(tx, { id, userId })
  const wasPasskey = kind === 'PASSKEY' && (await removePasskey(tx, userId, id))
  const wasApp = kind === 'TOTP' && (await removeApp(tx, userId, id, since))
  if (wasPasskey || wasApp) await bringBack(tx, userId, since)
  await purgeIdleRecoveryCodes(tx, userId)
}

/** Takes away all that was added since then, and brings the second factors back that were taken away since. The caller has locked the account. */
export async function removeAddedSince(tx: Tx<'auth'>, userId: string, since: Date): Promise<void> {
  const added = { userId, createdAt: { gte: since } }
  await tx.purge('passkey', added)
  await dropLinks(tx, added)
  await purgeApps(tx, userId, since)
  await bringBack(tx, userId, since)
  await purgeRecoveryCodes(tx, userId, since)
  await purgeIdleRecoveryCodes(tx, userId)
}

/** What was taken away. */
export interface RemovedFactors {
  readonly passkeys: number
  readonly apps: number
  readonly providers: number
}

/** Takes all of it away for good, and the recovery codes: the password and the mailbox are left. The caller has locked the account. */
export async function removeFactors(tx: Tx<'auth'>, userId: string): Promise<RemovedFactors> {
  const passkeys = await tx.passkey.count({ where: { userId } })
  const apps = await tx.totpFactor.count({ where: { userId, confirmedAt: { not: null } } })
  // Those too that could come back.
  await tx.purge('passkey', { userId })
  await tx.purge('totpFactor', { userId })
  const providers = await dropLinks(tx, { userId })
  await purgeRecoveryCodes(tx, userId)
  return { passkeys, apps, providers }
}

/** Says whether it was there. What was taken away in this way never comes back. */
async function removePasskey(tx: Tx<'auth'>, userId: string, id: string): Promise<boolean> {
  const isThere = (await tx.passkey.count({ where: { id, userId } })) > 0
  await tx.purge('passkey', { id, userId })
  return isThere
}

/** An app goes with those that took its place. Says whether it, or one of those, was asked for. */
async function removeApp(tx: Tx<'auth'>, userId: string, id: string, since: Date): Promise<boolean> {
  const isKept = (await withDeleted('auth').totpFactor.count({ where: { id, userId } })) > 0
  const isAsked = isKept && (await tx.totpFactor.count({ where: { userId, confirmedAt: { gte: since } } })) > 0
  if (isKept) await purgeApps(tx, userId, since)
  return isAsked
}

/** An enrolment that nobody confirmed goes along: whoever made it has its secret. */
async function purgeApps(tx: Tx<'auth'>, userId: string, since: Date): Promise<void> {
  await tx.purge('totpFactor', { userId, OR: [{ confirmedAt: { gte: since } }, { confirmedAt: null }] })
}

/** Brings back what was asked for then and was taken away since: passkeys, and the app, where no other is asked for. */
async function bringBack(tx: Tx<'auth'>, userId: string, since: Date): Promise<void> {
  const gone = { userId, removedAt: { gte: since }, deletedAt: { not: null } }
  const passkeys = await withDeleted('auth').passkey.findMany({ where: { ...gone, createdAt: { lt: since } } })
  for (const { credentialId, deletionId } of passkeys) {
    const isRegisteredAnew = (await tx.passkey.count({ where: { credentialId } })) > 0
    if (deletionId !== null && !isRegisteredAnew) await tx.restore('passkey', deletionId)
  }
  const isAsked = (await tx.totpFactor.count({ where: { userId, confirmedAt: { not: null } } })) > 0
  const newest = { orderBy: { confirmedAt: 'desc' } } as const
  const app = isAsked ? null : await withDeleted('auth').totpFactor.findFirst({ where: { ...gone, confirmedAt: { lt: since } }, ...newest })
  if (app?.deletionId) await tx.restore('totpFactor', app.deletionId)
  await tx.passkey.updateMany({ where: { userId, removedAt: { not: null } }, data: { removedAt: null } })
  await tx.totpFactor.updateMany({ where: { userId, removedAt: { not: null } }, data: { removedAt: null } })
}
