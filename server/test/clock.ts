/** Time travel: what expires is tested by moving the clock, never by waiting. */
import pg from 'pg'
import { advanceClock } from '#lib/clock.ts'
import { query } from './database.ts'

const offsets = new Map<string, number>()

/** Moves the clock of a test database and of this process forward by `ms`, and makes the partitions that the new month needs. `url` is the owner's. */
export async function advance(url: string, ms: number): Promise<void> {
  const offset = (offsets.get(url) ?? 0) + ms
  offsets.set(url, offset)
  await query(url, `${clockOf(running(offset))}; SELECT core.ensure_activity_partitions(3)`)
  advanceClock(ms)
}

/** Moves them forward by `ms` so many times, and does this after each. Over one connection: many small steps cost little. */
export async function advanceInSteps(url: string, ms: number, count: number, work: () => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    for (let step = 0; step < count; step += 1) {
      const offset = (offsets.get(url) ?? 0) + ms
      offsets.set(url, offset)
      await client.query(clockOf(running(offset)))
      advanceClock(ms)
      await work()
    }
  } finally {
    await client.end()
  }
  await advance(url, 0)
}

/** Stops the clock of a test database while this runs: on a busy machine a pause of two seconds would be over in the middle of a race. */
export async function stopped<T>(url: string, work: () => Promise<T>): Promise<T> {
  const offset = offsets.get(url) ?? 0
  await query(url, clockOf(`timestamptz '${new Date(Date.now() + offset).toISOString()}'`))
  try {
    return await work()
  } finally {
    await query(url, clockOf(running(offset)))
  }
}

function running(offset: number): string {
  return `date_trunc('milliseconds', clock_timestamp()) + interval '${offset} milliseconds'`
}

function clockOf(time: string): string {
  return `CREATE OR REPLACE FUNCTION core.clock() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS $$ SELECT ${time} $$`
}
