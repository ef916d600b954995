/** What a transaction's function holds in its hands. */
import type { Actor } from '#lib/actor.ts'
import type { EventName, Events, EventScope } from './events.ts'
import { type ModelOf, type Models, ownerOf, type Row, type Service, type Where } from './models.ts'
import { lockRow } from './lock.ts'
import type { Channel } from './notify.ts'
import { recordOf } from './record.ts'
import { type ModelProperty, purge, restore, type SoftDeletingTx } from './soft-delete/index.ts'
import type { Connection } from './connection.ts'
import type { Scope } from './unit.ts'

/** A transaction as a service's function sees it: the service's own models, and what only a transaction can do. */
export type Tx<S extends Service> = Models<S> & Verbs<S>

interface Verbs<S extends Service> {
  /** The database's clock when the transaction began. Expiry is decided by it. */
  readonly now: Date
  /** Records what happened, for the activity log and for whoever listens. Written with the commit, and with a refusal's. */
  record<E extends EventName & `${S}.${string}`>(event: E, scope: EventScope, data: Events[E]): void
  /** Reads one living row and locks it until the transaction ends: decisions about roles, money and deletion read their row so. */
  lock<M extends ModelOf<S>>(model: M, where: Partial<Row<M>>): Promise<Row<M> | null>
  /** Revives what this deletion took, from its root of this model. Gives the number of rows. */
  restore<M extends ModelOf<S>>(model: M, deletionId: string): Promise<number>
  /** Removes rows for good: the one way to. Gives the number of rows. */
  purge<M extends ModelOf<S>>(model: M, where: Where<M>): Promise<number>
  /** Sends a notification, or several, with the commit; this process hears it before `transaction()` gives its result. It makes commits wait for each other: for revocations alone. */
  notify(channel: Channel, payload: string | readonly string[]): Promise<void>
}

/** Makes the transaction that one function sees. After the function has ended, every use of it throws. */
export function txOf<S extends Service>(scope: Scope, service: S, actor: Actor): Tx<S> {
  const { unit } = scope
  const verbs: Record<string, unknown> = {
    now: unit.now,
    record: (event: string, about: EventScope, data: unknown) => {
      inUse(scope)
      scope.records.push(recordOf(actor, unit.now, event, about, data))
    },
    lock: async (model: ModelOf<S>, where: Readonly<Record<string, unknown>>) =>
      lockRow(inUse(scope).connection, unit, own(service, model), where),
    restore: async (model: ModelOf<S>, deletionId: string) => restore(inUse(scope).prisma, own(service, model), deletionId),
    purge: async (model: ModelOf<S>, where: Where<ModelOf<S>>) => purge(inUse(scope).prisma, own(service, model), where as never),
    notify: async (channel: Channel, payload: string | readonly string[]) => {
      const payloads = [payload].flat()
      await inUse(scope).connection.run(unit, 'SELECT pg_notify($1, each) FROM unnest($2::text[]) AS each', [channel, payloads])
      unit.news.push(...payloads.map((each) => ({ channel, payload: each })))
    },
  }
  // The view has each of the service's models and the verbs; TypeScript cannot see that through a Proxy.
  return new Proxy(verbs, { get: (target, key) => memberOf(scope, service, target, key) }) as unknown as Tx<S>
}

function memberOf(scope: Scope, service: Service, verbs: Record<string, unknown>, key: string | symbol): unknown {
  if (typeof key === 'symbol' || key in verbs) return verbs[key as string]
  // Any model stands for the one that `key` names: which it is, the type of Tx says.
  return ownerOf(key) && inUse(scope).prisma[own(service, key) as 'team']
}

/** @throws where the transaction has ended: what is done then would be in no transaction at all. */
function inUse(scope: Scope): { readonly connection: Connection; readonly prisma: SoftDeletingTx } {
  const { connection, prisma, open } = scope.unit
  if (!scope.open || !open || !connection || !prisma) {
    throw new Error('This transaction has ended: await everything that its function starts')
  }
  return { connection, prisma }
}

function own(service: Service, model: string): ModelProperty {
  if (ownerOf(model) === service) return model as ModelProperty
  throw new Error(`${model} is no model of ${service}: call the service that owns it`)
}
