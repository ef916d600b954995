/** What the house itself does by the clock: it makes room ahead and removes what has served. */
import type pg from 'pg'
import { purgeExpiredKeys } from '#db'
import { log } from '#lib/log.ts'
import type { Clockwork } from './scheduler.ts'

/**
 * How long each thing is kept. Idempotency keys have their day in db/idempotency.ts, activity its 13 months in core.drop_old_activity(); what belongs to
 * a service, its own schedule removes.
 */
export const retention = {
  /** Addresses and agents behind activities are personal: 30 days. */
  activityOrigins: '30 days',
  /** A subscription may resume from what it saw in the last 30 days, with some days to spare. */
  feed: '35 days',
  /** Longer than any job of an event can come again: a dead letter waits 30 days, and its redrive as long again. */
  inbox: '90 days',
  /** Long enough for a person to have looked. */
  errors: '30 days',
} as const

/** How many rows one statement removes: short locks, short transactions. */
const pageSize = 5_000

/** Something of the house that runs by the clock, as `schedule()` of a service would. */
export interface HouseSchedule extends Clockwork {
  readonly run: () => Promise<unknown>
}

/** Lists the schedules of the house. Each may run twice, or a day late, without harm. */
export function houseSchedules(pool: pg.Pool): HouseSchedule[] {
  return [
    { name: 'core.activity_partitions', cron: '23 1 * * *', run: () => pool.query('SELECT core.ensure_activity_partitions(3)') },
    { name: 'core.activity_retention', cron: '43 1 * * *', run: () => dropOldActivity(pool) },
    { name: 'core.idempotency_keys', cron: '7 * * * *', run: purgeExpiredKeys },
    { name: 'core.activity_origins', cron: '11 2 * * *', run: () => removeOld(pool, 'core.activity_origins', retention.activityOrigins) },
    { name: 'core.inbox', cron: '31 2 * * *', run: () => removeOld(pool, 'core.inbox', retention.inbox) },
    { name: 'core.error_log', cron: '41 2 * * *', run: () => removeOld(pool, 'core.error_log', retention.errors) },
    { name: 'core.feed', cron: '51 2 * * *', run: () => removeOldFeed(pool) },
  ]
}

/** Takes away the months of activity that have served. It names nobody who was erased; after 13 months nobody has a reason to look. */
async function dropOldActivity(pool: pg.Pool): Promise<void> {
  const { rows } = await pool.query<{ months: number }>('SELECT core.drop_old_activity() AS months')
  log.info({ months: rows[0]?.months }, 'Old months of activity were removed.')
}

/** Removes rows older than `age`, page by page. Gives how many. */
async function removeOld(pool: pg.Pool, table: string, age: string): Promise<number> {
  const statement = `
    DELETE FROM ${table} WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM ${table} WHERE created_at < core.clock() - $1::interval LIMIT ${pageSize}
    ))`
  return removeAll(() => pool.query(statement, [age]))
}

/**
 * Removes the feed's beginning. What stays begins right after what goes: an event that was committed late, and so is older than its
 * position says, stays with its neighbours, or else a resume could not tell that something is missing.
 */
async function removeOldFeed(pool: pg.Pool): Promise<number> {
  const statement = `
    DELETE FROM core.feed WHERE ctid = ANY (ARRAY(
      SELECT feed.ctid
      FROM core.sequencers
      CROSS JOIN LATERAL (
        SELECT coalesce(min(position), sequencers.position + 1) AS position FROM core.feed
        WHERE feed.service = sequencers.service AND created_at >= core.clock() - $1::interval
      ) AS kept
      JOIN core.feed ON feed.service = sequencers.service AND feed.position < kept.position
      LIMIT ${pageSize}
    ))`
  return removeAll(() => pool.query(statement, [retention.feed]))
}

async function removeAll(removePage: () => Promise<pg.QueryResult>): Promise<number> {
  let removed = 0
  for (let page = pageSize; page === pageSize; removed += page) page = (await removePage()).rowCount ?? 0
  return removed
}
