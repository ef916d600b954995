/** Figures that tell whether events arrive. */
import type pg from 'pg'
import { reading } from '#lib/metrics.ts'
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

/** A scrape asks for three figures at a time, and two who scrape at once need not be answered apart. */
const freshMs = 1_000

/** Declares the figures of the outboxes and queues. They are the same in every process: those of one that works are shown. */
export function showJobFigures(poolOf: () => pg.Pool | undefined): void {
  const lags = seldom(poolOf, outboxLag)
  const queues = seldom(poolOf, backlogs)
  const once = 'ONCE' as const
  const perService = { labels: ['service'], across: once }
  reading(
    'plinth_outbox_waiting',
    'Events that no dispatcher has moved yet.',
    async () => each(await lags(), (lag) => [[lag.service], lag.waiting]),
    perService,
  )
  reading(
    'plinth_outbox_oldest_seconds',
    'The age of the oldest of them: how far the dispatcher is behind.',
    async () => each(await lags(), (lag) => [[lag.service], lag.oldestMs / 1_000]),
    perService,
  )
  reading(
    'plinth_queue_jobs',
    'Jobs by queue: waiting (for another attempt too), running, and dead, which wait for a person.',
    async () =>
      (await queues())?.flatMap(({ queue, waiting, running, dead }) =>
        Object.entries({ waiting, running, dead }).map(([state, count]) => [[queue, state], count] as const),
      ),
    { labels: ['queue', 'state'], across: once },
  )
}

function each<T>(rows: readonly T[] | undefined, pick: (row: T) => readonly [string[], number]) {
  return rows?.map(pick)
}

/** Asks the database at most once in `freshMs`; nothing where the jobs do not run here. */
function seldom<T>(poolOf: () => pg.Pool | undefined, ask: (pool: pg.Pool) => Promise<T>): () => Promise<T | undefined> {
  let answer: Promise<T> | undefined
  let askedAt = -Infinity
  return async () => {
    const pool = poolOf()
    if (!pool) return undefined
    if (answer && performance.now() - askedAt < freshMs) return answer
    askedAt = performance.now()
    return (answer = ask(pool))
  }
}
