/** What becomes of teams when a person leaves altogether. */
import { refuse, transaction, type Refusal, type Tx } from '#db'
import type { SystemActor } from '#lib/actor.ts'
import { UserId } from '#lib/ids.ts'
import { usersByIds } from '../auth/index.ts'

const ourselves: SystemActor = { kind: 'SYSTEM', name: 'teams.leaving' }

/**
 * Refuses while the person is the only owner of a team. Each team is locked, so that of two owners who leave at once the second sees the first gone.
 *
 * @throws CONFLICT LAST_OWNER
 */
export async function keepOwned(userId: string): Promise<void> {
  await transaction('teams', ourselves, async (tx): Promise<Refusal | undefined> => {
    const owned = await tx.teamMember.findMany({ where: { userId, role: 'OWNER' }, select: { teamId: true }, orderBy: { teamId: 'asc' } })
    for (const { teamId } of owned) {
      if ((await tx.lock('team', { id: teamId })) && (await isOnlyOwner(tx, teamId, userId))) {
        return refuse('CONFLICT', 'A team would be left without an owner: make somebody else its owner first, or delete it.', {
          reason: 'LAST_OWNER',
        })
      }
    }
    return undefined
  })
}

async function isOnlyOwner(tx: Tx<'teams'>, teamId: string, userId: string): Promise<boolean> {
  const others = await tx.teamMember.findMany({ where: { teamId, role: 'OWNER', userId: { not: userId } }, select: { userId: true } })
  return (await usersByIds(others.map((owner) => UserId.parse(owner.userId)))).size === 0
}
