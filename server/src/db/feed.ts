/** Reading core.feed: by position, which is without gaps and becomes visible in its order. */
import type pg from 'pg'
import { AppError } from '#lib/errors.ts'
import type { FeedEvent } from './consumers.ts'
import type { Service } from './models.ts'

/** How many events one read gives at most. */
export const pageSize = 200

export interface Range {
  /** Only this team's events; all of the service's where absent. */
  readonly team?: string | undefined
  readonly after: bigint
  readonly upTo?: bigint
}

interface FeedRow {
  event: string
  position: string
  event_id: string
  actor_kind: string
  actor_id: string | null
  team_id: string | null
  user_id: string | null
  data: unknown
  request_id: string | null
  created_at: Date
}

/** Gives the events after a position, oldest first, at most a page. */
export async function readFeed(pool: pg.Pool, service: Service, { team, after, upTo }: Range): Promise<FeedEvent[]> {
  const { rows } = await pool.query<FeedRow>({
    name: team === undefined ? 'feed' : 'team_feed',
    text: `
      SELECT position, event_id, event, actor_kind, actor_id, team_id, user_id, data, request_id, created_at
      FROM core.feed
      WHERE service = $1 AND position > $2 AND position <= $3 ${team === undefined ? '' : 'AND team_id = $4'}
      ORDER BY position
      LIMIT ${pageSize}`,
    values: [service, after, upTo ?? '9223372036854775807', ...(team === undefined ? [] : [team])],
  })
  return rows.map((row) => eventOf(service, row))
}

/** Gives the last position of a service's feed; 0 where nothing has happened. */
export async function lastPosition(pool: pg.Pool, service: Service): Promise<bigint> {
  const { rows } = await pool.query<{ position: string }>('SELECT position FROM core.sequencers WHERE service = $1', [service])
  return BigInt(rows[0]?.position ?? 0)
}

/**
 * Refuses a resume from a position that this feed cannot go on from: its successors were removed, or it was never given out
 * (the database was restored from before it). CONFLICT with the reason POSITION_GONE: load anew, then subscribe without a position.
 */
export async function assertResumable(pool: pg.Pool, service: Service, after: bigint): Promise<void> {
  const { rows } = await pool.query<{ resumable: boolean }>(
    `SELECT $2::bigint <= position
        AND $2::bigint + 1 >= coalesce((SELECT min(feed.position) FROM core.feed WHERE feed.service = sequencers.service), position + 1)
        AS resumable
     FROM core.sequencers WHERE service = $1`,
    [service, after],
  )
  if (rows[0]?.resumable ?? after === 0n) return
  throw new AppError('CONFLICT', 'The events after this position are no longer kept. Load the present state, then listen from now on.', {
    reason: 'POSITION_GONE',
  })
}

function eventOf(service: Service, row: FeedRow): FeedEvent {
  // What stands in the feed was checked against its event's schema when it was recorded.
  return {
    id: row.event_id,
    service,
    position: BigInt(row.position),
    name: row.event,
    data: row.data,
    actorKind: row.actor_kind,
    actorId: row.actor_id,
    team: row.team_id,
    user: row.user_id,
    requestId: row.request_id,
    at: row.created_at,
  } as unknown as FeedEvent
}
