/** Who is measured through HTTP: how each is started, and how each is asked for the same. */
import { randomUUID } from 'node:crypto'
import type { Call } from './load.ts'
import type { Program } from './processes.ts'
import type { Team } from './world.ts'

export interface Contestant {
  readonly name: 'plinth' | 'stock' | 'fastify' | 'floor'
  /** For the table. */
  readonly title: string
  /** The database it reads. */
  readonly database: 'plinth' | 'peers'
  readonly program: (url: string, port: number) => Program
  /** Reads 20 of the team's 25 members. */
  readonly read: (team: Team, cursor?: string) => Call
  /** Gives a member a role, under a key of its own. */
  readonly mutation: (team: Team, role: string, key: string) => Call
}

const json = { 'content-type': 'application/json' }
const bearer = ({ token }: Team) => ({ authorization: `Bearer ${token}` })
const batchOf = (input: object) => JSON.stringify({ 0: { json: input } })

/** The calls of tRPC as its httpBatchLink sends them. */
function trpc(prefix: string): Pick<Contestant, 'read' | 'mutation'> {
  return {
    read: (team, cursor) => ({
      method: 'GET',
      path: `/trpc/${prefix}member.list?batch=1&input=${encodeURIComponent(batchOf({ teamId: team.id, limit: 20, ...(cursor !== undefined && { cursor }) }))}`,
      headers: { ...json, ...bearer(team), 'x-plinth-device': 'f'.repeat(32) },
    }),
    mutation: (team, role, key) => ({
      method: 'POST',
      path: `/trpc/${prefix}member.changeRole?batch=1`,
      headers: { ...json, ...bearer(team), 'idempotency-key': key, 'x-plinth-device': 'f'.repeat(32) },
      body: batchOf({ teamId: team.id, userId: team.memberId, role }),
    }),
  }
}

const rest: Pick<Contestant, 'read' | 'mutation'> = {
  read: (team, cursor) => ({
    method: 'GET',
    path: `/teams/${team.id}/members?limit=20${cursor === undefined ? '' : `&cursor=${cursor}`}`,
    headers: bearer(team),
  }),
  mutation: (team, role, key) => ({
    method: 'POST',
    path: `/teams/${team.id}/members/role`,
    headers: { ...json, ...bearer(team), 'idempotency-key': key },
    body: JSON.stringify({ userId: team.memberId, role }),
  }),
}

/** Ours, as in production: every default, but for the limit of one person's calls, since a few people make them all. */
export function plinth(url: string, port: number, env: Record<string, string> = {}): Program {
  return {
    file: '../server/src/index.ts',
    env: {
      DATABASE_URL: url,
      PORT: String(port),
      HOST: '127.0.0.1',
      PLINTH_SECRET: 'a secret that measures alone may know, and everybody does',
      CALLS_PER_MINUTE: '1000000000',
      ...env,
    },
  }
}

const peer = (file: string) => (url: string, port: number) => ({ file, env: { DATABASE_URL: url, PORT: String(port) } })

export const contestants: readonly Contestant[] = [
  { name: 'plinth', title: 'Plinth', database: 'plinth', program: plinth, ...trpc('teams.') },
  { name: 'stock', title: 'Hono + tRPC + superjson + Prisma', database: 'peers', program: peer('peers/stock.ts'), ...trpc('') },
  { name: 'fastify', title: 'Fastify + Drizzle', database: 'peers', program: peer('peers/fastify.ts'), ...rest },
  { name: 'floor', title: 'node:http + pg, named statements', database: 'peers', program: peer('peers/floor.ts'), ...rest },
]

/** A key that no call had before. */
export function newKey(): string {
  return randomUUID().replaceAll('-', '')
}
