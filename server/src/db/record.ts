/** What happened, written with the commit: one row of activity and one of the outbox for each event, and where it came from. */
import { type Actor, actorId } from '#lib/actor.ts'
import { currentCall } from '#lib/call.ts'
import { definitionOf, type EventScope } from './events.ts'
import type { Service } from './models.ts'
import { timeOrderedId } from './time-ordered-id.ts'

/** An event as it is written. The names are those of the columns, for jsonb_to_recordset. */
export interface EventRecord {
  readonly id: string
  readonly service: Service
  readonly event: string
  readonly actor_kind: Actor['kind']
  readonly actor_id: string | null
  readonly api_key_id: string | null
  readonly impersonator_id: string | null
  readonly team_id: string | null
  readonly user_id: string | null
  readonly data: unknown
  readonly request_id: string | null
}

/** Makes the record of an event. Throws where the data is not what the event's schema says: nothing of the transaction remains then. */
export function recordOf(actor: Actor, now: Date, event: string, scope: EventScope, data: unknown): EventRecord {
  return {
    id: timeOrderedId(now),
    service: event.slice(0, event.indexOf('.')) as Service,
    event,
    actor_kind: actor.kind,
    actor_id: actorId(actor),
    api_key_id: actor.kind === 'USER' ? (actor.apiKeyId ?? null) : null,
    impersonator_id: actor.kind === 'USER' ? (actor.impersonatorId ?? null) : null,
    team_id: scope.team ?? null,
    user_id: scope.user ?? null,
    data: definitionOf(event).data.parse(data),
    request_id: currentCall()?.requestId ?? null,
  }
}

/** The part of the last statement that writes the records: $1 is their JSON, $2 the time, $3 the address and $4 the user agent. */
export const writeRecords = `
record AS MATERIALIZED (
  SELECT * FROM jsonb_to_recordset($1::jsonb) AS r
    (id uuid, service text, event text, actor_kind text, actor_id text, api_key_id uuid, impersonator_id text, team_id uuid, user_id text, data jsonb, request_id text)
), activity AS (
  INSERT INTO core.activity (service, id, created_at, event, actor_kind, actor_id, api_key_id, impersonator_id, team_id, user_id, data, request_id)
  SELECT service, id, $2::timestamptz, event, actor_kind, actor_id, api_key_id, impersonator_id, team_id, user_id, data, request_id FROM record
), origin AS (
  INSERT INTO core.activity_origins (service, activity_id, address, user_agent, created_at)
  SELECT service, id, $3::text, $4::text, $2 FROM record WHERE $3 IS NOT NULL OR $4 IS NOT NULL
), outbox AS (
  INSERT INTO core.outbox (service, event_id, event, actor_kind, actor_id, team_id, user_id, data, request_id, created_at)
  SELECT service, id, event, actor_kind, actor_id, team_id, user_id, data, request_id, $2 FROM record
)`

/** The values of `writeRecords`. */
export function recordValues(records: readonly EventRecord[], now: Date): unknown[] {
  const call = currentCall()
  if (call?.trace && records.length > 0) call.trace.left = true
  return [JSON.stringify(records), now, call?.address ?? null, call?.userAgent ?? null]
}
