/** The scene of a campaign: people who can sign in, their teams, and the team that all of them share. */
import { createId } from '@paralleldrive/cuid2'
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { hashPassword } from '#lib/password-hash.ts'
import { createClient, createTeam, makeCall, signIn, type Arena, type Client, type Person } from './clients.ts'
import type { Random } from './random.ts'
import { effectsTable } from './snapshot.ts'

const password = 'correct horse battery staple of the faults'

/** What is still to be found out about a person by calling the server. */
const nobodyYet = { token: '', team: '', members: [], toy: '' }

/** Lays the table for the effects of the campaign's own consumer. */
export async function layEffectsTable(ownerUrl: string): Promise<void> {
  await asOwner(ownerUrl, async (client) => {
    await client.query(
      `CREATE TABLE ${effectsTable} (consumer text NOT NULL, event_id uuid NOT NULL, made_at timestamptz NOT NULL DEFAULT now())`,
    )
    await client.query(`GRANT SELECT, INSERT ON ${effectsTable} TO plinth_app`)
  })
}

/** What a campaign brings along before anybody is there. */
export type Stage = Omit<Arena, 'shared' | 'password'>

/**
 * Puts the people in by SQL, for they are not what is tested, and lets each sign in and make two teams by the same calls,
 * with the same log, as everything that follows. The first client's team is the shared one.
 */
export async function gather(ownerUrl: string, stage: Stage, random: Random, count: number): Promise<{ arena: Arena; clients: Client[] }> {
  const puppet = createId()
  const people = Array.from({ length: count }, (_, index) => ({
    userId: createId(),
    email: `client-${index + 1}@example.test`,
    ...nobodyYet,
  }))
  await asOwner(ownerUrl, (client) => insertPeople(client, [...people, { userId: puppet, email: 'puppet@example.test' }]))
  const early: Arena = { ...stage, password, shared: { team: '', member: puppet } }
  const alone = people.map((person, index) => createClient(String(index + 1), random.fork(`client ${index + 1}`), person))
  const clients = (await Promise.all(alone.map((client) => settle(early, client)))).map((client, index) => {
    const others = [1, 2, 3].map((step) => people[(index + step) % count]?.userId ?? puppet).filter((id) => id !== client.person.userId)
    return { ...client, person: { ...client.person, members: index === 0 ? [puppet] : [...new Set(others)] } }
  })
  const team = clients[0]?.person.team ?? ''
  await asOwner(ownerUrl, async (client) => {
    for (const { person } of clients) await insertMembers(client, person.team, person.members, 'MEMBER')
    await insertMembers(
      client,
      team,
      people.slice(1).map(({ userId }) => userId),
      'OWNER',
    )
  })
  return { arena: { ...early, shared: { team, member: puppet } }, clients }
}

/** Signs a client in and makes its two teams. */
async function settle(arena: Arena, client: Client): Promise<Client> {
  const session = await wanted<{ token: string }>(arena, client, signIn(client, password))
  const signedIn = { ...client, person: { ...client.person, token: session.token } }
  const team = await wanted<{ id: string }>(arena, signedIn, createTeam(signedIn))
  const toy = await wanted<{ id: string }>(arena, signedIn, createTeam(signedIn))
  return { ...signedIn, person: { ...signedIn.person, team: team.id, toy: toy.id } satisfies Person }
}

async function wanted<T>(arena: Arena, client: Client, order: Parameters<typeof makeCall>[2]): Promise<T> {
  const outcome = await makeCall(arena, client, order, { stubborn: false, calm: true })
  if (outcome.type !== 'ok') throw new Error(`${order.procedure} was answered ${outcome.code} before the first fault`)
  return (outcome.result as { json: T }).json
}

async function asOwner(url: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await work(client)
  } finally {
    await client.end()
  }
}

async function insertPeople(client: pg.Client, people: readonly { userId: string; email: string }[]): Promise<void> {
  const hash = await hashPassword(password)
  for (const { userId, email } of people) {
    await client.query(`INSERT INTO auth.users (id, email, name, email_verified_at, updated_at) VALUES ($1, $2, $3, now(), now())`, [
      userId,
      email,
      email,
    ])
    await client.query(`INSERT INTO auth.passwords (id, user_id, hash, updated_at) VALUES ($1, $2, $3, now())`, [
      randomUUID(),
      userId,
      hash,
    ])
  }
}

async function insertMembers(client: pg.Client, team: string, users: readonly string[], role: string): Promise<void> {
  for (const user of users) {
    await client.query(
      `INSERT INTO teams.members (id, team_id, user_id, role, updated_at) VALUES ($1, $2, $3, $4::teams.team_role, now())
       ON CONFLICT DO NOTHING`,
      [randomUUID(), team, user, role],
    )
  }
}
