/** Who may what, and for how long: pure functions of what is known. */
import type { Role } from './schema.ts'
import type { Level, SignInMethod } from './schema-sign-in.ts'

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

/** How long a session lives: NIST 800-63B's for its level; who runs the installation has the shorter ones of level 2 always. */
export function lifetimesOf(role: Role, level: Level): Lifetimes {
  const [idleMs, absoluteMs] = role === 'ADMIN' || level === 2 ? [hour, 24 * hour] : [14 * day, 30 * day]
  return { idleMs, absoluteMs, touchMs: Math.min(hour, idleMs / 10) }
}

/** Whether a session was proven so lately that it may do what is sensitive (identity research 4.5). `at` is by the clock of `authenticatedAt`. */
export function isFresh(authenticatedAt: Date, at: Date): boolean {
  return at.getTime() - authenticatedAt.getTime() < 10 * minute
}

/** The level that a number in the database stands for. */
export function levelOf(stored: number): Level {
  return stored >= 2 ? 2 : 1
}

const remembering: ReadonlySet<SignInMethod> = new Set(['REMEMBERED', 'PROVIDER', 'PLEX'])

/**
 * Whether one of these methods shows that the person is there: a device signs in by itself, and so does a provider that remembers whoever used
 * it last. What is sensitive is asked of such a session as of an old one.
 */
export function showsPerson(methods: readonly SignInMethod[]): boolean {
  return methods.some((method) => !remembering.has(method))
}

const secondFactors: ReadonlySet<SignInMethod> = new Set(['PASSKEY', 'TOTP', 'RECOVERY_CODE'])

/** Whether a method brings a session to level 2 when it is added to a first factor. */
export function isSecondFactor(method: SignInMethod): boolean {
  return secondFactors.has(method)
}
