/** Figures that tell whether events arrive. */
import type pg from 'pg'
import { queueSchema } from './schema.ts'
import { deadLetterQueue } from './settings.ts'

export interface OutboxLag {
  readonly service: string
  /** Events that no dispatcher has moved. */
  readonly waiting: number
  /** The age of the oldest of them; 0 where none waits. More than a few seconds: no dispatcher runs. */
  readonly oldestMs: number
}

/** Gives how far each service's dispatcher is behind. */
export async function outboxLag(pool: pg.Pool): Promise<OutboxLag[]> {
  const { rows } = await pool.query<OutboxLag>(`
    SELECT sequencers.service, count(outbox.seq)::int AS waiting,
      coalesce(extract(epoch FROM core.clock() - min(outbox.created_at)) * 1000, 0)::float8 AS "oldestMs"
    FROM core.sequencers LEFT JOIN core.outbox ON outbox.service = sequencers.service
    GROUP BY sequencers.service ORDER BY sequencers.service`)
  return rows
}

export interface Backlog {
  readonly queue: string
  /** Jobs that nobody has taken yet, those that wait for another attempt among them. */
  readonly waiting: number
  /** Jobs that a process has taken. */
  readonly running: number
  /** Jobs whose last attempt failed. They wait for a person. */
  readonly dead: number
}

/** Gives what waits in each queue; none of those where nothing does. */
export async function backlogs(pool: pg.Pool): Promise<Backlog[]> {
  const { rows } = await pool.query<Backlog>(
    `SELECT coalesce(source_name, name) AS queue,
       count(*) FILTER (WHERE name <> $1 AND state <> 'active')::int AS waiting,
       count(*) FILTER (WHERE name <> $1 AND state = 'active')::int AS running,
       count(*) FILTER (WHERE name = $1)::int AS dead
     FROM ${queueSchema}.job WHERE state IN ('created', 'retry', 'active') GROUP BY 1 ORDER BY 1`,
    [deadLetterQueue],
  )
  return rows
}
