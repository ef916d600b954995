/** What a release and the one who watches it say to each other. */

/** To a release: how many writes of each kind it makes a second by itself, from now on. */
export interface Rates {
  /** Through the transactions and the Prisma client of its code. */
  readonly transactions: number
  /** Plain statements on its pool. */
  readonly statements: number
}

/** When a write began and when it was acknowledged, in milliseconds since the epoch. */
export type Acknowledged = readonly [beganAt: number, doneAt: number]

/** From a release. */
export type Message =
  | { readonly kind: 'ready'; readonly url: string; readonly setupCode: string | null }
  | { readonly kind: 'writes'; readonly acknowledged: readonly Acknowledged[]; readonly failures: readonly string[] }
  /** Said once, before it ends: the name that each of its teams was given last, as it was acknowledged. */
  | { readonly kind: 'names'; readonly names: readonly (readonly [id: string, name: string])[] }
