/** Whom the invoices of a team go to: personal, and for its owners alone. */
import { db, transaction } from '#db'
import { AppError } from '#lib/errors.ts'
import { maySeeBilling } from './policy.ts'
import { lockTeam, refuseUpdate, type TeamActor } from './scope.ts'
import type { BillingContact, SetBillingContact } from './schema.ts'

/**
 * Gives the billing contact; null where none was set.
 *
 * @throws FORBIDDEN unless the actor owns the team.
 */
export async function getBillingContact(actor: TeamActor): Promise<BillingContact | null> {
  if (!maySeeBilling(actor.role)) throw new AppError('FORBIDDEN', 'Only owners see the billing contact.')
  return db('teams').teamBillingContact.findFirst({
    where: { teamId: actor.teamId },
    select: { name: true, email: true, address: true, taxId: true },
  })
}

/**
 * Sets whom invoices go to, in place of whom they went to.
 *
 * @throws FORBIDDEN unless the actor owns the team.
 */
export async function setBillingContact(actor: TeamActor, { teamId, ...contact }: SetBillingContact): Promise<BillingContact> {
  return transaction('teams', actor, async (tx) => {
    const { me } = await lockTeam(tx, actor)
    if (!maySeeBilling(me.role)) return refuseUpdate(tx, actor, 'Only an owner may set the billing contact.')
    const { count } = await tx.teamBillingContact.updateMany({ where: { teamId }, data: contact })
    if (count === 0) await tx.teamBillingContact.create({ data: { teamId, ...contact } })
    tx.record('teams.team.updated', { team: teamId }, { fields: ['billingContact'] })
    return contact
  })
}
