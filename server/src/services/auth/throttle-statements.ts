/**
 * The statements of the throttles, in SQL: to count and to refuse must be one statement, or parallel attempts pass together, and Prisma's
 * `upsert` takes no condition. Attempts are counted on a connection of their own, never in a transaction, so that no rollback uncounts one.
 */
import { prepared } from '#db'
import { database } from '#db/client.ts'
import { statementName } from '#db/statements.ts'

/** $1 bucket, $2 limit, $3 seconds. Gives no row when the window is full. */
const inWindow = `
  INSERT INTO auth.throttles AS t (bucket, count, window_ends_at, updated_at)
  VALUES ($1, 1, core.clock() + $3 * interval '1 second', core.clock())
  ON CONFLICT (bucket) DO UPDATE SET
    count = CASE WHEN t.window_ends_at <= core.clock() THEN 1 ELSE t.count + 1 END,
    window_ends_at = CASE WHEN t.window_ends_at <= core.clock() THEN excluded.window_ends_at ELSE t.window_ends_at END,
    updated_at = excluded.updated_at
  WHERE t.window_ends_at <= core.clock() OR t.count < $2
  RETURNING count`

/**
 * $1 bucket. Four attempts are free; each from the fifth on is followed by a pause of 2, 4, 8 ... seconds, at most fifteen minutes,
 * and the hundredth by a year: NIST 800-63B allows a hundred in a row. Gives no row during a pause, and does not lengthen it.
 */
const withBackoff = `
  INSERT INTO auth.throttles AS t (bucket, count, window_ends_at, updated_at)
  VALUES ($1, 1, core.clock() + interval '1 year', core.clock())
  ON CONFLICT (bucket) DO UPDATE SET
    count = t.count + 1,
    window_ends_at = excluded.window_ends_at,
    blocked_until = CASE
      WHEN t.count + 1 >= 100 THEN excluded.window_ends_at
      WHEN t.count + 1 >= 5 THEN core.clock() + least(2 ^ (t.count - 3), 900) * interval '1 second'
    END,
    updated_at = excluded.updated_at
  WHERE t.blocked_until IS NULL OR t.blocked_until <= core.clock()
  RETURNING count`

const pause = `
  SELECT greatest(1, ceil(extract(epoch FROM coalesce(blocked_until, window_ends_at) - core.clock())))::int AS seconds
  FROM auth.throttles WHERE bucket = $1`

/** Counts one in a window of `seconds`. Gives null when it may go on, otherwise the seconds until the window ends. */
export async function takeFromWindow(bucket: string, limit: number, seconds: number): Promise<number | null> {
  return (await runs(inWindow, [bucket, limit, seconds])) ? null : pauseOf(bucket)
}

/** Counts as `takeFromWindow` does, in the transaction under way: for what was not done where that rolls back. */
export async function takeInTransaction(bucket: string, limit: number, seconds: number): Promise<number | null> {
  if ((await prepared(inWindow, [bucket, limit, seconds])).length > 0) return null
  const [full] = await prepared<{ seconds: number }>(pause, [bucket])
  return full?.seconds ?? 1
}

/** Counts one attempt at an account. Gives null when it may go on, otherwise the seconds until the next may. */
export async function takeWithBackoff(bucket: string): Promise<number | null> {
  return (await runs(withBackoff, [bucket])) ? null : pauseOf(bucket)
}

async function runs(text: string, values: unknown[]): Promise<boolean> {
  const { rowCount } = await database().pool.query({ name: statementName(text), text, values })
  return rowCount === 1
}

async function pauseOf(bucket: string): Promise<number> {
  const { rows } = await database().pool.query<{ seconds: number }>({ name: statementName(pause), text: pause, values: [bucket] })
  return rows[0]?.seconds ?? 1
}
