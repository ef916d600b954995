/** Who owns an application, and the rule that somebody always does. */
import type { Tx } from '#db'
import { ApplicationId } from '#lib/ids.ts'

/** An application that would be nobody's. */
export interface SoleOwnership {
  readonly applicationId: ApplicationId
  readonly name: string
}

/**
 * Whether nobody but this person owns the application. An owner whose account is gone or disabled, or whose membership is not active, owns
 * nothing. The caller holds the application's lock (`lockApplication`).
 */
export async function isLastOwner(tx: Tx<'auth'>, applicationId: string, userId: string): Promise<boolean> {
  const other = await tx.membership.findFirst({
    where: { applicationId, userId: { not: userId }, role: 'OWNER', active: true, user: { disabledAt: null } },
    select: { id: true },
  })
  return other === null
}

/**
 * Gives the applications that would be nobody's without this person: they transfer or delete them before the account is deactivated or
 * erased. Locks every application that the person owns until the transaction ends, so that two owners who leave at once see each other.
 */
export async function soleOwnerships(tx: Tx<'auth'>, userId: string): Promise<SoleOwnership[]> {
  const owned = await tx.membership.findMany({
    where: { userId, role: 'OWNER' },
    select: { applicationId: true },
    // In one order, whoever asks: two who lock the same applications do not wait for each other.
    orderBy: { applicationId: 'asc' },
  })
  const sole: SoleOwnership[] = []
  for (const { applicationId } of owned) {
    const application = await tx.lock('application', { id: applicationId })
    const owns = application && (await tx.membership.findFirst({ where: { applicationId, userId, role: 'OWNER' } }))
    if (!owns || !(await isLastOwner(tx, applicationId, userId))) continue
    sole.push({ applicationId: ApplicationId.parse(applicationId), name: application.name })
  }
  return sole
}
