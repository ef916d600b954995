/** One turn of the dispatcher: a batch of events leaves the outbox, gets its positions in the feed, and a job for each subscriber. */
import pg from 'pg'
import { queueSchema } from './schema.ts'
import type { Service } from '#db'

/** How many events one turn moves. Below 1,000: the order of jobs within a turn is written in microseconds of one millisecond. */
export const batchSize = 500

export interface Turn {
  /** How many events were moved. */
  readonly moved: number
  /** The queues that have new jobs. */
  readonly queues: readonly string[]
  /** Events wait, and another process is at it. */
  readonly busyElsewhere: boolean
  /** The highest place in the outbox that was given out so far, to whatever transaction. */
  readonly top: bigint
}

/**
 * Moves at most `batchSize` events of a service whose place in the outbox is after `after`. The two statements travel as one message and run as one transaction: a process that is
 * killed, or frozen, between them holds nothing, for there is no between.
 */
export async function dispatch(pool: pg.Pool, service: Service, after = 0n): Promise<Turn> {
  // A message of several statements gives one result for each.
  const results = (await pool.query(`${takeTurn(service, after)};\n${move(service, after)}`)) as unknown as [
    pg.QueryResult,
    pg.QueryResult<Moved>,
  ]
  const { moved, waiting, queues, top } = results[1].rows[0] ?? { moved: 0, waiting: false, queues: null, top: 0 }
  return { moved, queues: queues ?? [], busyElsewhere: moved === 0 && waiting, top: BigInt(top) }
}

interface Moved {
  moved: number
  waiting: boolean
  queues: string[] | null
  top: string
}

/**
 * Locks the sequencer's row and keeps its position for the second statement. In a statement of its own, because under READ COMMITTED each
 * statement sees what was committed when it began: the second one must begin after the lock is ours.
 * SKIP LOCKED: whoever holds the turn drains the outbox, so the others have no reason to queue up (and to hold a connection each).
 * Nothing is locked, and so nothing written, where the outbox is empty.
 */
function takeTurn(service: Service, after: bigint): string {
  const name = pg.escapeLiteral(service)
  return `
    SELECT set_config('plinth.position', turn.position::text, true)
    FROM (
      SELECT position FROM core.sequencers
      WHERE service = ${name} AND EXISTS (SELECT FROM core.outbox WHERE service = ${name} AND seq > ${after})
      FOR NO KEY UPDATE SKIP LOCKED
    ) AS turn`
}

/**
 * Reads by `seq` whatever is committed, never by transaction id: one transaction that stays open delays its own events alone.
 * The sequencer's time never goes back, whatever the clock does, and jobs are created in its microseconds: so a queue that
 * keeps order keeps the order of positions. A job has the id of its event: the same event is never queued twice for a subscriber.
 */
function move(service: Service, after: bigint): string {
  const name = pg.escapeLiteral(service)
  return `
    WITH turn AS MATERIALIZED (
      SELECT nullif(current_setting('plinth.position', true), '')::bigint AS position
    ),
    taken AS (
      DELETE FROM core.outbox
      WHERE service = ${name} AND seq IN (
        SELECT seq FROM core.outbox, turn
        WHERE service = ${name} AND seq > ${after} AND turn.position IS NOT NULL
        ORDER BY seq LIMIT ${batchSize}
      )
      RETURNING *
    ),
    placed AS MATERIALIZED (
      SELECT row_number() OVER (ORDER BY taken.seq) AS place, turn.position + row_number() OVER (ORDER BY taken.seq) AS position, taken.*
      FROM taken, turn
    ),
    feed AS (
      INSERT INTO core.feed
        (service, position, event_id, event, actor_kind, actor_id, team_id, user_id, data, request_id, created_at)
      SELECT service, position, event_id, event, actor_kind, actor_id, team_id, user_id, data, request_id, created_at
      FROM placed
    ),
    sequencer AS (
      UPDATE core.sequencers
      SET position = (SELECT max(position) FROM placed), updated_at = greatest(clock_timestamp(), updated_at + interval '1 ms')
      WHERE service = ${name} AND EXISTS (SELECT FROM placed)
      RETURNING updated_at
    ),
    queued AS (
      INSERT INTO ${queueSchema}.job
        (id, name, data, created_on, singleton_key, start_after, keep_until, policy, dead_letter, retry_limit, retry_delay,
         retry_backoff, retry_delay_max, expire_seconds, deletion_seconds, heartbeat_seconds)
      SELECT
        event_id, queue.name, ${payload}, sequencer.updated_at + place * interval '1 microsecond',
        CASE queue.policy WHEN 'key_strict_fifo' THEN coalesce(team_id::text, user_id, event_id::text) END,
        now(), now() + retention_seconds * interval '1 s', policy, dead_letter, retry_limit, retry_delay,
        retry_backoff, retry_delay_max, expire_seconds, deletion_seconds, heartbeat_seconds
      FROM placed
      JOIN ${queueSchema}.subscription ON subscription.event = placed.event
      JOIN ${queueSchema}.queue ON queue.name = subscription.name
      CROSS JOIN sequencer
      ORDER BY place
      ON CONFLICT DO NOTHING
      RETURNING name
    )
    SELECT
      (SELECT count(*)::int FROM placed) AS moved,
      EXISTS (SELECT FROM core.outbox WHERE service = ${name} AND seq > ${after}) AS waiting,
      (SELECT last_value FROM core.outbox_seq_seq) AS top,
      (SELECT json_agg(DISTINCT name) FROM queued) AS queues`
}

/** The event travels in its job: a second copy of a few ids costs less than a read for each delivery. */
const payload = `
        jsonb_build_object('id', event_id, 'service', service, 'position', position::text, 'name', placed.event, 'data', placed.data,
          'actorKind', actor_kind, 'actorId', actor_id, 'team', team_id, 'user', user_id, 'requestId', request_id, 'at', created_at)`
