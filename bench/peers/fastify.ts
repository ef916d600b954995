/** Fastify and Drizzle as their documentations would have them fast: schemas for what comes in and goes out, statements prepared once. */
import { createHash, randomUUID } from 'node:crypto'
import { and, asc, eq, gt, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import { jsonb, pgTable, text, timestamp, uuid } from 'drizzle-orm/pg-core'
import Fastify, { type FastifyRequest } from 'fastify'
import pg from 'pg'

const at = (name: string) => timestamp(name, { withTimezone: true, precision: 3 })
const users = pgTable('users', { id: text('id').primaryKey(), email: text('email').notNull(), name: text('name').notNull(), emailVerifiedAt: at('email_verified_at') })
const sessions = pgTable('sessions', { token: text('token').notNull(), userId: text('user_id').notNull(), expiresAt: at('expires_at').notNull() })
const teams = pgTable('teams', { id: uuid('id').primaryKey() })
const members = pgTable('members', {
  id: uuid('id').primaryKey(),
  teamId: uuid('team_id').notNull(),
  userId: text('user_id').notNull(),
  role: text('role').notNull(),
  createdAt: at('created_at').notNull(),
  updatedAt: at('updated_at').notNull(),
})
const keys = pgTable('idempotency_keys', {
  owner: text('owner').notNull(),
  procedure: text('procedure').notNull(),
  key: text('key').notNull(),
  fingerprint: text('fingerprint').notNull(),
  result: jsonb('result'),
})
const happening = { event: text('event').notNull(), actorId: text('actor_id').notNull(), teamId: uuid('team_id').notNull(), userId: text('user_id').notNull(), data: jsonb('data').notNull() }
const activity = pgTable('activity', { id: uuid('id').primaryKey(), ...happening })
const outbox = pgTable('outbox', happening)

const db = drizzle(new pg.Pool({ connectionString: process.env['DATABASE_URL'] }))

const value = sql.placeholder
const findSession = db
  .select({ userId: users.id, emailVerifiedAt: users.emailVerifiedAt, expiresAt: sessions.expiresAt })
  .from(sessions)
  .innerJoin(users, eq(users.id, sessions.userId))
  .where(eq(sessions.token, value('token')))
  .prepare('find_session')
const findMembership = db
  .select({ role: members.role })
  .from(members)
  .where(and(eq(members.teamId, value('teamId')), eq(members.userId, value('userId'))))
  .prepare('find_membership')
const memberRow = { id: members.id, userId: users.id, name: users.name, email: users.email, role: members.role, joinedAt: members.createdAt }
const firstPage = db
  .select(memberRow)
  .from(members)
  .innerJoin(users, eq(users.id, members.userId))
  .where(eq(members.teamId, value('teamId')))
  .orderBy(asc(members.id))
  .limit(value('take'))
  .prepare('first_page')
const nextPage = db
  .select(memberRow)
  .from(members)
  .innerJoin(users, eq(users.id, members.userId))
  .where(and(eq(members.teamId, value('teamId')), gt(members.id, value('cursor'))))
  .orderBy(asc(members.id))
  .limit(value('take'))
  .prepare('next_page')

class Refusal extends Error {
  readonly statusCode: number
  constructor(statusCode: number) {
    super('refused')
    this.statusCode = statusCode
  }
}

const app = Fastify()
app.decorateRequest('userId', '')
app.addHook('preHandler', async (request) => {
  if (request.url === '/readyz') return
  const token = request.headers.authorization?.slice('Bearer '.length) ?? ''
  const [session] = await findSession.execute({ token })
  if (!session?.emailVerifiedAt || session.expiresAt < new Date()) throw new Refusal(401)
  const { teamId } = request.params as { teamId: string }
  const [membership] = await findMembership.execute({ teamId, userId: session.userId })
  if (!membership) throw new Refusal(404)
  request.setDecorator('userId', session.userId)
})

const string = { type: 'string' } as const
const role = { type: 'string', enum: ['OWNER', 'ADMIN', 'MEMBER', 'VIEWER'] } as const
const member = { type: 'object', properties: { userId: string, name: string, email: string, role: string, joinedAt: { type: 'string', format: 'date-time' } } } as const
const params = { type: 'object', properties: { teamId: { type: 'string', format: 'uuid' } }, required: ['teamId'] } as const

app.get('/readyz', async () => 'ok')

interface List {
  Params: { teamId: string }
  Querystring: { limit: number; cursor?: string }
}
app.get<List>(
  '/teams/:teamId/members',
  {
    schema: {
      params,
      querystring: { type: 'object', properties: { limit: { type: 'integer', minimum: 1, maximum: 100, default: 20 }, cursor: { type: 'string', format: 'uuid' } } },
      response: { 200: { type: 'object', properties: { items: { type: 'array', items: member }, nextCursor: { type: ['string', 'null'] } } } },
    },
  },
  async ({ params: { teamId }, query: { limit, cursor } }) => {
    const take = limit + 1
    const rows = cursor === undefined ? await firstPage.execute({ teamId, take }) : await nextPage.execute({ teamId, take, cursor })
    const items = rows.slice(0, limit)
    return { items, nextCursor: rows.length > limit ? (items.at(-1)?.id ?? null) : null }
  },
)

interface Change {
  Params: { teamId: string }
  Body: { userId: string; role: string }
}
const body = { type: 'object', properties: { userId: string, role }, required: ['userId', 'role'], additionalProperties: false } as const
app.post<Change>('/teams/:teamId/members/role', { schema: { params, body, response: { 200: member } } }, changeRole)

async function changeRole(request: FastifyRequest<Change>) {
  const { teamId } = request.params
  const { userId, role: to } = request.body
  const actorId = request.getDecorator<string>('userId')
  const place = { owner: actorId, procedure: 'changeRole', key: String(request.headers['idempotency-key']) }
  const fingerprint = createHash('sha256').update(JSON.stringify([teamId, userId, to])).digest('base64url')
  const here = and(eq(keys.owner, place.owner), eq(keys.procedure, place.procedure), eq(keys.key, place.key))
  return db.transaction(async (tx) => {
    const claimed = await tx.insert(keys).values({ ...place, fingerprint }).onConflictDoNothing().returning({ key: keys.key })
    if (claimed.length === 0) {
      const [known] = await tx.select().from(keys).where(here)
      if (known?.fingerprint !== fingerprint) throw new Refusal(409)
      return known.result
    }
    await tx.select({ id: teams.id }).from(teams).where(eq(teams.id, teamId)).for('update')
    const [me] = await tx.select({ role: members.role }).from(members).where(and(eq(members.teamId, teamId), eq(members.userId, actorId)))
    if (me?.role !== 'OWNER') throw new Refusal(403)
    const [found] = await tx
      .select(memberRow)
      .from(members)
      .innerJoin(users, eq(users.id, members.userId))
      .where(and(eq(members.teamId, teamId), eq(members.userId, userId)))
    if (!found) throw new Refusal(404)
    await tx.update(members).set({ role: sql`${to}::role`, updatedAt: new Date() }).where(eq(members.id, found.id))
    const happened = { event: 'role_changed', actorId, teamId, userId, data: { from: found.role, to } }
    await tx.insert(activity).values({ id: randomUUID(), ...happened })
    await tx.insert(outbox).values(happened)
    const result = { ...found, role: to }
    await tx.update(keys).set({ result }).where(here)
    return result
  })
}

await app.listen({ port: Number(process.env['PORT']), host: '127.0.0.1' })
