/** People and teams for tests, made through the API alone. */
import { createClient, type Client, type RouterOutputs } from '@plinth/client'
import pg from 'pg'
import { eventually } from './outbox.ts'
import type { TestServer } from './server.ts'

export type Team = RouterOutputs['teams']['create']

export interface Somebody {
  readonly name: string
  readonly email: string
  readonly userId: RouterOutputs['auth']['me']['id']
  readonly token: string
  readonly client: Client
  /** A client of their own for one call, so that parallel calls do not travel in one batch. */
  alone(): Client
}

/** Makes a person: signed up, verified and signed in. */
export async function person(server: TestServer, name: string): Promise<Somebody> {
  const email = `${name.toLowerCase()}@example.com`
  const { client, token, me } = await server.signUpAs(email, { name })
  return { name, email, token, client, userId: me.id, alone: () => createClient({ url: server.url, token }) }
}

let made = 0

/** Makes a team that the person owns. */
export async function newTeam(owner: Somebody, slug = `team-${++made}`): Promise<Team> {
  return owner.client.teams.create.mutate({ name: `Team ${slug}`, slug })
}

/** Invites a person by mail, and lets them accept. */
export async function joinTeam(server: TestServer, inviter: Somebody, invited: Somebody, team: Team, role: Team['role']): Promise<void> {
  const newest = async () => (await server.mailsTo(invited.email)).find(({ text }) => text.includes(`to the team ${team.name}.`))?.messageId
  const older = await newest()
  const invitation = await inviter.client.teams.invitation.create.mutate({ teamId: team.id, email: invited.email, role })
  await eventually(async () => (await newest()) !== older)
  await invited.client.teams.invitation.accept.mutate({ token: await invitationToken(server, invited.email, team.name) })
  if (invitation.role !== role) throw new Error('The invitation is for another role')
}

/** The token in the newest invitation to a team that was mailed to an address. */
export async function invitationToken(server: TestServer, email: string, teamName: string): Promise<string> {
  return server.tokenMailedTo(email, new RegExp(`to the team ${teamName}\\.`))
}

export interface ActivityRow {
  readonly event: string
  readonly actor_id: string | null
  readonly user_id: string | null
  readonly data: object
}

/** The activity of a team as it stands in the table, oldest first. */
export async function activityOf(server: TestServer, teamId: string): Promise<ActivityRow[]> {
  return query<ActivityRow>(server, 'SELECT event, actor_id, user_id, data FROM core.activity WHERE team_id = $1 ORDER BY id', [teamId])
}

/** Asks the database directly, as its owner. */
export async function query<R extends pg.QueryResultRow>(server: TestServer, sql: string, values: unknown[] = []): Promise<R[]> {
  const client = new pg.Client({ connectionString: server.database.ownerUrl })
  await client.connect()
  try {
    return (await client.query<R>(sql, values)).rows
  } finally {
    await client.end()
  }
}

/** Waits until the stream has given this many events, and gives them. */
export async function first<T>(items: readonly T[], count: number, ms?: number): Promise<T[]> {
  return eventually(() => items.length >= count && items.slice(0, count), ms)
}
