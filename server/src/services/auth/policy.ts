/** Who may what, and for how long: pure functions of what is known. */
import type { Role } from './schema.ts'

interface Account {
  readonly emailVerifiedAt: Date | null
  readonly disabledAt: Date | null
  readonly deletedAt: Date | null
}

/** Whether this account may have a session: it can be used, and its address is proven. */
export function maySignIn(account: Account): boolean {
  return isUsable(account) && account.emailVerifiedAt !== null
}

/** Whether the account lives and is not disabled. A link by mail may be sent to such a one: it proves the address where that is not done yet. */
export function isUsable(account: Omit<Account, 'emailVerifiedAt'>): boolean {
  return account.deletedAt === null && account.disabledAt === null
}

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

export interface Lifetimes {
  /** A session that is not used for this long has ended. */
  readonly idleMs: number
  /** A session has ended after this long, however much it is used. */
  readonly absoluteMs: number
  /** How often its use is written down, at most. */
  readonly touchMs: number
}

/** How long a session lives: NIST 800-63B's for one factor; shorter for who runs the installation. */
export function lifetimesOf(role: Role): Lifetimes {
  const [idleMs, absoluteMs] = role === 'ADMIN' ? [hour, 24 * hour] : [14 * day, 30 * day]
  return { idleMs, absoluteMs, touchMs: Math.min(hour, idleMs / 10) }
}
