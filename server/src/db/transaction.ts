/** One transaction: rows, activity and outbox, exactly once. */
import type { Actor } from '#lib/actor.ts'
import type { EventName, Events, EventScope } from './events.ts'
import type { ModelOf, Models, Row, Service, Where } from './models.ts'
import type { Refusal } from './refusal.ts'

/** A transaction as a service's function sees it: the service's own models, and what only a transaction can do. */
export type Tx<S extends Service> = Models<S> & {
  /** The database's clock when the transaction began. Expiry is decided by it. */
  readonly now: Date
  /** Records what happened, for the activity log and for whoever listens. Written with the commit, and with a refusal's. */
  record<E extends EventName & `${S}.${string}`>(event: E, scope: EventScope, data: Events[E]): void
  /** Reads one living row and locks it until the transaction ends: decisions about roles, money and deletion read their row so. */
  lock<M extends ModelOf<S>>(model: M, where: Partial<Row<M>>): Promise<Row<M> | null>
  /** Revives what this deletion took. Gives the number of rows. */
  restore<M extends ModelOf<S>>(model: M, deletionId: string): Promise<number>
  /** Removes rows for good: the one way to. Gives the number of rows. */
  purge<M extends ModelOf<S>>(model: M, where: Where<M>): Promise<number>
  /** Sends a notification with the commit. It serialises commits: for revocations alone. */
  notify(channel: string, payload: string): Promise<void>
}

export async function transaction<S extends Service, T>(_service: S, _actor: Actor, _fn: (tx: Tx<S>) => Promise<T | Refusal>): Promise<T> {
  throw new Error('not written yet')
}
