/** Who administers the installation, and the rule that somebody always does. */
import { db, refuse, type Refusal, type Row, type Tx } from '#db'
import type { UserActor } from '#lib/actor.ts'
import { lockCaller, refuseCaller } from './caller.ts'
import { maySignIn } from './policy.ts'

/** Whoever has the role and may sign in. The role alone lets nobody do anything. */
const administers = { role: 'ADMIN', emailVerifiedAt: { not: null }, disabledAt: null } as const

/** Whether anybody administers the installation. Inside a transaction it reads in that transaction. */
export async function hasAdministrator(): Promise<boolean> {
  return (await db('auth').user.findFirst({ where: administers, select: { id: true } })) !== null
}

/** Whether nobody else administers. The others are locked, so that of two who take each other the role one is tried again, and sees it gone. */
export async function isLastAdministrator(tx: Tx<'auth'>, user: Row<'user'>): Promise<boolean> {
  if (user.role !== 'ADMIN') return false
  const others = await tx.user.findMany({
    where: { ...administers, id: { not: user.id } },
    select: { id: true },
    orderBy: { id: 'asc' },
  })
  for (const { id } of others) {
    const other = await tx.lock('user', { id })
    if (other && isAdministrator(other)) return false
  }
  return true
}

/** Refuses what would leave nobody who administers. The caller records it, and returns it from the transaction. */
export function refuseLastAdministrator(): Refusal {
  return refuse('CONFLICT', 'The installation would have no administrator: make somebody else one first.', { reason: 'LAST_ADMINISTRATOR' })
}

/** What somebody who administers asks for, and about whom. */
interface Asked {
  readonly userId: string
  readonly asked: string
}

/**
 * Locks whoever acts as an administrator, and refuses where they are one no more, or are let in no more; null where they may go on. Whoever takes them
 * the role or the access at this moment either comes first, or finds what was done. A refusal is to be returned from the transaction.
 */
export async function refuseOutsider(tx: Tx<'auth'>, actor: UserActor, { userId, asked }: Asked): Promise<Refusal | null> {
  const user = await lockCaller(tx, actor)
  if (!user) return refuseCaller()
  if (isAdministrator(user)) return null
  tx.record('auth.person.refused', { user: userId }, { asked, reason: 'NOT_ADMINISTRATOR' })
  return refuse('FORBIDDEN', 'Only administrators may do this.')
}

function isAdministrator(user: Row<'user'>): boolean {
  return user.role === 'ADMIN' && maySignIn(user)
}
