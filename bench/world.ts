/** The databases of a run: a PostgreSQL of its own, and in it the same people and teams in our tables and in the peers'. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openEmbedded, removeEmbedded } from '../server/src/db/embedded.ts'
import { deploy } from '../server/src/deploy.ts'
import { requireFromServer } from './packages.ts'

const pg = requireFromServer('pg') as typeof import('../server/node_modules/@types/pg/index.d.ts')

/** How many teams the contestants read and write, each with an owner who is signed in. */
export const TEAMS = 64
export const MEMBERS = 25

/** PostgreSQL as it comes, durable, but for memory that fits a small server. The same for everybody. */
export const settings = { max_connections: '300', shared_buffers: '512MB', max_wal_size: '4GB' }

export interface Team {
  readonly id: string
  /** The owner's token, as our sessions and as the peers' have it. */
  readonly token: string
  /** A member who is no owner: whose role is changed. */
  readonly memberId: string
}

export interface World {
  /** The URL of a database of this name. */
  url(database: string): string
  /** Runs a statement, or several, as the superuser. */
  sql(database: string, text: string, values?: unknown[]): Promise<Record<string, unknown>[]>
  close(): Promise<void>
}

/** Starts PostgreSQL in a folder of this run alone. */
export async function openWorld(): Promise<World> {
  const folder = join(import.meta.dirname, '../.plinth/bench', String(process.pid), 'postgres')
  const server = await openEmbedded({ folder, database: 'postgres', purpose: 'command', settings })
  const url = (database: string): string => server.url.replace(/\/[^/?]*(\?|$)/, `/${database}$1`)
  return {
    url,
    async sql(database, text, values) {
      const client = new pg.Client({ connectionString: url(database) })
      await client.connect()
      try {
        const result = (await client.query(text, values)) as { rows: Record<string, unknown>[] } | { rows: Record<string, unknown>[] }[]
        return (Array.isArray(result) ? result.at(-1) : result)?.rows ?? []
      } finally {
        await client.end()
      }
    },
    close: () => removeEmbedded(folder),
  }
}

const hex = (text: string, length: number): string => createHash('sha256').update(text).digest('hex').slice(0, length)
const uuid = (text: string): string => hex(text, 32).replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-7$3-8$4-$5')
const userId = (team: number, member: number): string => `u${hex(`user ${team} ${member}`, 23)}`

/** The teams, alike in every database. */
export const teams: readonly Team[] = Array.from({ length: TEAMS }, (_, at) => ({
  id: uuid(`team ${at}`),
  token: `pln_t_${createHash('sha256').update(`token ${at}`).digest('base64url')}`,
  memberId: userId(at, 1),
}))

interface Seeds {
  /** Users and members, in the order of joining. */
  readonly ids: string[]
  readonly users: string[]
  readonly teams: string[]
  readonly roles: string[]
}

function seeds(): Seeds {
  const rows = teams.flatMap((team, at) =>
    Array.from({ length: MEMBERS }, (_, member) => ({
      id: `${(member + 1).toString(16).padStart(8, '0')}-0000-7000-8000-${hex(`member ${at} ${member}`, 12)}`,
      user: userId(at, member),
      team: team.id,
      role: member === 0 ? 'OWNER' : 'MEMBER',
    })),
  )
  return { ids: rows.map((row) => row.id), users: rows.map((row) => row.user), teams: rows.map((row) => row.team), roles: rows.map((row) => row.role) }
}

const sessionIds = teams.map((_, at) => uuid(`session ${at}`))
const owners = teams.map((_, at) => userId(at, 0))

/** Makes a database with our migrations, and the people in it. */
export async function makePlinth(world: World, database: string): Promise<void> {
  await world.sql('postgres', `CREATE DATABASE ${database}`)
  await deploy(world.url(database))
  const { ids, users, teams: of, roles } = seeds()
  await world.sql(database, "INSERT INTO auth.users (id, email, name, role, email_verified_at, updated_at) SELECT id, id || '@example.com', 'Person ' || i, 'USER', now(), now() FROM unnest($1::text[]) WITH ORDINALITY AS u(id, i)", [users])
  await world.sql(database, "INSERT INTO teams.teams (id, name, slug, updated_at) SELECT id, 'Team ' || i, 'team-' || i, now() FROM unnest($1::uuid[]) WITH ORDINALITY AS t(id, i)", [teams.map(({ id }) => id)])
  await world.sql(database, 'INSERT INTO teams.members (id, team_id, user_id, role, updated_at) SELECT id, team_id, user_id, role, now() FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::teams.team_role[]) AS m(id, team_id, user_id, role)', [ids, of, users, roles])
  await makeSessions(world, database, sessionIds, owners, teams.map(({ token }) => token))
  await world.sql(database, 'VACUUM ANALYZE')
}

/** Signs people in: sessions of our own, of the given tokens. */
export async function makeSessions(world: World, database: string, ids: string[], users: string[], tokens: string[]): Promise<void> {
  await world.sql(
    database,
    `INSERT INTO auth.sessions (id, user_id, kind, token_hash, authenticated_at, last_used_at, idle_expires_at, expires_at, updated_at)
     SELECT id, user_id, 'BEARER', sha256(token::bytea), now(), now(), now() + interval '14 days', now() + interval '30 days', now()
     FROM unnest($1::uuid[], $2::text[], $3::text[]) AS s(id, user_id, token)`,
    [ids, users, tokens],
  )
}

/** Makes the peers' database. */
export async function makePeers(world: World, database: string): Promise<void> {
  await world.sql('postgres', `CREATE DATABASE ${database}`)
  await world.sql(database, readFileSync(join(import.meta.dirname, 'peers/tables.sql'), 'utf8'))
  const { ids, users, teams: of, roles } = seeds()
  await world.sql(database, "INSERT INTO users (id, email, name, email_verified_at) SELECT id, id || '@example.com', 'Person ' || i, now() FROM unnest($1::text[]) WITH ORDINALITY AS u(id, i)", [users])
  await world.sql(database, "INSERT INTO teams (id, name) SELECT id, 'Team ' || i FROM unnest($1::uuid[]) WITH ORDINALITY AS t(id, i)", [teams.map(({ id }) => id)])
  await world.sql(database, 'INSERT INTO members (id, team_id, user_id, role) SELECT id, team_id, user_id, role FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::role[]) AS m(id, team_id, user_id, role)', [ids, of, users, roles])
  await world.sql(database, "INSERT INTO sessions (id, token, user_id, expires_at) SELECT id, token, user_id, now() + interval '30 days' FROM unnest($1::uuid[], $2::text[], $3::text[]) AS s(id, token, user_id)", [sessionIds, teams.map(({ token }) => token), owners])
  await world.sql(database, 'VACUUM ANALYZE')
}

/**
 * Lets a team have this many members more, each a person of their own. Past the triggers, which look at every row: what they guard is right here.
 * Gives the id of the member at nine tenths of the list.
 */
export async function lengthen(world: World, database: string, team: Team, size: number): Promise<string> {
  const joined = (at: string): string => `(lpad(to_hex(${at} + 1000), 8, '0') || '-0000-7000-8000-000000000000')::uuid`
  await world.sql(
    database,
    // The trigrams by which administrators search take most of the time of filling, and no page of a team reads them.
    `DROP INDEX auth.users_email_idx, auth.users_name_idx;
     SET session_replication_role = replica;
     INSERT INTO auth.users (id, email, name, role, email_verified_at, updated_at)
       SELECT 'v' || md5(i::text), 'many' || i || '@example.com', 'Person ' || i, 'USER', now(), now() FROM generate_series(1, ${size}) AS i;
     INSERT INTO teams.members (id, team_id, user_id, role, updated_at)
       SELECT ${joined('i')}, '${team.id}', 'v' || md5(i::text), 'MEMBER', now() FROM generate_series(1, ${size}) AS i;`,
  )
  await world.sql(database, 'VACUUM ANALYZE auth.users')
  await world.sql(database, 'VACUUM ANALYZE teams.members')
  const [row] = await world.sql(database, `SELECT ${joined(String(Math.floor(size * 0.9)))}::text AS id`)
  return String(row?.['id'])
}
