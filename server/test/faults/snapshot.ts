/** What the database holds after a campaign, read as its owner by plain SQL: nothing of the code under test takes part. */
import pg from 'pg'

/** An event as it stands in core.activity, in core.feed and in core.outbox. */
export interface EventRow {
  readonly service: string
  readonly id: string
  readonly event: string
  readonly actorId: string | null
  readonly team: string | null
  readonly user: string | null
  readonly requestId: string | null
  readonly data: Record<string, unknown>
}

export interface KeyRow {
  readonly owner: string
  readonly procedure: string
  readonly key: string
  readonly result: unknown
}

export interface TeamRow {
  readonly id: string
  readonly slug: string
  readonly deletionId: string | null
  readonly deleted: boolean
}

export interface MemberRow extends Omit<TeamRow, 'slug'> {
  readonly team: string
  readonly user: string
  readonly role: string
}

/** A row that bears the mark of the call that made it. */
export interface MarkedRow {
  readonly id: string
  readonly mark: string
}

/** That a consumer had its effect: a row of the inbox, or of the table where the campaign's own consumer leaves its effects. */
export interface EffectRow {
  readonly consumer: string
  readonly event: string
}

export interface JobRow {
  readonly queue: string
  readonly state: string
  readonly count: number
}

export interface Snapshot {
  readonly activity: readonly EventRow[]
  readonly feed: readonly (EventRow & { readonly position: number })[]
  readonly outbox: readonly { readonly id: string }[]
  readonly sequencers: readonly { readonly service: string; readonly position: number }[]
  readonly keys: readonly KeyRow[]
  readonly teams: readonly TeamRow[]
  readonly members: readonly MemberRow[]
  readonly invitations: readonly MarkedRow[]
  readonly sessions: readonly MarkedRow[]
  readonly inbox: readonly EffectRow[]
  readonly effects: readonly EffectRow[]
  readonly jobs: readonly JobRow[]
}

/** Where the campaign's own consumer leaves one row per effect. No unique index: a second effect must be seen, not prevented. */
export const effectsTable = 'core.fault_effects'

const queries = {
  activity: `SELECT service, id, event, actor_id "actorId", team_id team, user_id "user", request_id "requestId", data FROM core.activity`,
  feed: `SELECT service, event_id id, event, actor_id "actorId", team_id team, user_id "user", request_id "requestId", data,
    position::float8 FROM core.feed ORDER BY service, position`,
  outbox: 'SELECT event_id id FROM core.outbox',
  sequencers: 'SELECT service, position::float8 FROM core.sequencers',
  keys: 'SELECT owner, procedure, key, result FROM core.idempotency_keys',
  teams: 'SELECT id, slug, deletion_id "deletionId", deleted_at IS NOT NULL deleted FROM teams.teams',
  members: 'SELECT id, team_id team, user_id "user", role, deletion_id "deletionId", deleted_at IS NOT NULL deleted FROM teams.members',
  invitations: 'SELECT id, email mark FROM teams.invitations',
  sessions: 'SELECT id, user_agent mark FROM auth.sessions WHERE user_agent IS NOT NULL',
  inbox: 'SELECT consumer, event_id event FROM core.inbox',
  effects: `SELECT consumer, event_id event FROM ${effectsTable}`,
  jobs: 'SELECT name queue, state::text, count(*)::int FROM jobs.job GROUP BY 1, 2 ORDER BY 1, 2',
} satisfies Record<keyof Snapshot, string>

/** Reads everything the checker needs, in one transaction of one moment. */
export async function takeSnapshot(ownerUrl: string): Promise<Snapshot> {
  const client = new pg.Client({ connectionString: ownerUrl, application_name: 'plinth faults checker' })
  await client.connect()
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
    const rows: Record<string, unknown[]> = {}
    for (const [name, sql] of Object.entries(queries)) rows[name] = (await client.query(sql)).rows
    return rows as unknown as Snapshot
  } finally {
    await client.end()
  }
}
