/** What a service does after the fact: on an event in its own tables, on an event in the outside world, by the clock. */
import { withCall } from '#lib/call.ts'
import type { EventName, Events } from './events.ts'
import type { Service } from './models.ts'
import { transaction, type Tx } from './transaction.ts'
import { currentScope } from './unit.ts'

/** What every event of the feed carries. */
export interface FeedHeader {
  /** The same at every delivery: what is sent outside bears it as its message id. */
  readonly id: string
  readonly service: Service
  /** Its place in the service's feed: without gaps, the resume id of a subscription. */
  readonly position: bigint
  readonly actorKind: string
  readonly actorId: string | null
  readonly team: string | null
  readonly user: string | null
  readonly requestId: string | null
  /** When it happened, not when it was dispatched. */
  readonly at: Date
}

/** An event as consumers and subscribers get it. Of several names: switch over `name`, `data` follows. */
export type FeedEvent<E extends EventName = EventName> = FeedHeader & { [N in E]: { readonly name: N; readonly data: Events[N] } }[E]

/** The events of one team (else of one user) are handled one after the other in the order of the feed: one given up holds back the later ones for a day. */
export type Order = 'PER_AGGREGATE'

/** What a service does in its own database when something happened. */
export interface Consumer {
  readonly kind: 'consumer'
  readonly service: Service
  readonly name: string
  readonly on: readonly string[]
  readonly order?: Order
  readonly inTransaction: (tx: never, event: FeedEvent) => Promise<unknown>
}

/** What is done in the outside world when something happened. */
export interface Effect {
  readonly kind: 'effect'
  readonly service: Service
  readonly name: string
  readonly on: readonly string[]
  readonly order?: Order
  readonly run: (event: FeedEvent) => Promise<unknown>
}

/** What is done by the clock. */
export interface Schedule {
  readonly kind: 'schedule'
  readonly service: Service
  readonly name: string
  readonly cron: string
  readonly run: () => Promise<unknown>
}

/** What a service's `jobs` holds. */
export type Job = Consumer | Effect | Schedule

/** Defines what a service does in its own database when something happened: exactly once, whatever the deliveries. */
export function consumer<S extends Service, const E extends EventName>(definition: {
  name: `${S}.${string}`
  on: readonly E[]
  order?: Order
  inTransaction: (tx: Tx<S>, event: NoInfer<FeedEvent<E>>) => Promise<unknown>
}): Consumer {
  return { ...definition, kind: 'consumer', service: serviceOf(definition.name) } as unknown as Consumer
}

/** Defines what is done outside when something happened (mail, webhooks): at least once, so `event.id` must make a repeat harmless. */
export function effect<const E extends EventName>(definition: {
  name: `${Service}.${string}`
  on: readonly E[]
  order?: Order
  run: (event: NoInfer<FeedEvent<E>>) => Promise<unknown>
}): Effect {
  return { ...definition, kind: 'effect', service: serviceOf(definition.name) } as unknown as Effect
}

/** Defines what is done by the clock. `cron` is in UTC. Only one process runs each turn. */
export function schedule(definition: { name: `${Service}.${string}`; cron: string; run: () => Promise<unknown> }): Schedule {
  return { ...definition, kind: 'schedule', service: serviceOf(definition.name) }
}

/**
 * Lets a consumer have its effect for an event, once: the inbox row and the effect are one transaction.
 * Gives false where it had its effect before. A refusal of the consumer counts as done.
 */
export async function runConsumer({ service, name, inTransaction }: Consumer, event: FeedEvent): Promise<boolean> {
  const cause = { requestId: event.requestId ?? event.id, procedure: name, address: null, userAgent: null, idempotency: null, output: null }
  return withCall(cause, () =>
    transaction(service, { kind: 'SYSTEM', name }, async (tx) => {
      if (!(await entered(service, name, event))) return false
      await inTransaction(tx as never, event)
      return true
    }),
  )
}

/** A second delivery under way waits here for the first: when that is rolled back, this one does the work. */
const enterInbox = 'INSERT INTO core.inbox (service, consumer, event_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING'

async function entered(service: Service, name: string, event: FeedEvent): Promise<boolean> {
  const unit = currentScope()?.unit
  const result = await unit?.connection?.run(unit, enterInbox, [service, name, event.id])
  return result?.rowCount === 1
}

function serviceOf(name: `${Service}.${string}`): Service {
  return name.slice(0, name.indexOf('.')) as Service
}
