/** Hono, tRPC, superjson and Prisma as their documentations put them together, with the session in the database. */
import { createHash } from 'node:crypto'
import { serve } from '@hono/node-server'
import { trpcServer } from '@hono/trpc-server'
import { PrismaPg } from '@prisma/adapter-pg'
import { initTRPC, TRPCError } from '@trpc/server'
import { Hono } from 'hono'
import superjson from 'superjson'
import { z } from 'zod'
import { type Member, Prisma, PrismaClient, type User } from './generated/client.ts'

const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: process.env['DATABASE_URL'] ?? '' }) })

interface Context extends Record<string, unknown> {
  user: User | null
  idempotencyKey: string | null
}

const t = initTRPC.context<Context>().create({ transformer: superjson })

const signedIn = t.procedure.use(({ ctx, next }) => {
  if (!ctx.user?.emailVerifiedAt) throw new TRPCError({ code: 'UNAUTHORIZED' })
  return next({ ctx: { user: ctx.user } })
})

const inTeam = signedIn.input(z.object({ teamId: z.uuid() })).use(async ({ ctx, input, next }) => {
  const membership = await prisma.member.findUnique({ where: { teamId_userId: { teamId: input.teamId, userId: ctx.user.id } } })
  if (!membership) throw new TRPCError({ code: 'NOT_FOUND' })
  return next({ ctx: { membership } })
})

const present = (member: Member, user: Pick<User, 'id' | 'name' | 'email'>) => ({
  userId: user.id,
  name: user.name,
  email: user.email,
  role: member.role,
  joinedAt: member.createdAt,
})

const ListMembers = z.object({ cursor: z.uuid().optional(), limit: z.number().int().min(1).max(100).default(20) })
const ChangeRole = z.object({ userId: z.string(), role: z.enum(['OWNER', 'ADMIN', 'MEMBER', 'VIEWER']) })

const router = t.router({
  member: t.router({
    list: inTeam.input(ListMembers).query(async ({ input: { teamId, cursor, limit } }) => {
      const members = await prisma.member.findMany({
        where: { teamId, ...(cursor && { id: { gt: cursor } }) },
        orderBy: { id: 'asc' },
        take: limit + 1,
        include: { user: { select: { id: true, name: true, email: true } } },
      })
      const items = members.slice(0, limit)
      return { items: items.map((member) => present(member, member.user)), nextCursor: members.length > limit ? items.at(-1)?.id : null }
    }),
    changeRole: inTeam.input(ChangeRole).mutation(async ({ ctx, input: { teamId, userId, role } }) => {
      const place = { owner: ctx.user.id, procedure: 'member.changeRole', key: ctx.idempotencyKey ?? '' }
      const fingerprint = createHash('sha256').update(JSON.stringify([teamId, userId, role])).digest('base64url')
      return prisma
        .$transaction(async (tx) => {
          await tx.idempotencyKey.create({ data: { ...place, fingerprint } })
          await tx.$queryRaw`SELECT id FROM teams WHERE id = ${teamId}::uuid FOR UPDATE`
          const me = await tx.member.findUnique({ where: { teamId_userId: { teamId, userId: ctx.user.id } } })
          if (me?.role !== 'OWNER') throw new TRPCError({ code: 'FORBIDDEN' })
          const member = await tx.member.findUnique({ where: { teamId_userId: { teamId, userId } }, include: { user: true } })
          if (!member) throw new TRPCError({ code: 'NOT_FOUND' })
          const changed = await tx.member.update({ where: { id: member.id }, data: { role } })
          const happened = { event: 'role_changed', actorId: ctx.user.id, teamId, userId, data: { from: member.role, to: role } }
          await tx.activity.create({ data: happened })
          await tx.outbox.create({ data: happened })
          const result = present(changed, member.user)
          await tx.idempotencyKey.update({ where: { owner_procedure_key: place }, data: { result: superjson.serialize(result) as unknown as Prisma.InputJsonObject } })
          return result
        })
        .catch(async (error: unknown) => {
          if (!(error instanceof Prisma.PrismaClientKnownRequestError) || error.code !== 'P2002') throw error
          const known = await prisma.idempotencyKey.findUniqueOrThrow({ where: { owner_procedure_key: place } })
          if (known.fingerprint !== fingerprint) throw new TRPCError({ code: 'CONFLICT' })
          return superjson.deserialize<ReturnType<typeof present>>(known.result as never)
        })
    }),
  }),
})

const app = new Hono()
app.get('/readyz', (c) => c.text('ok'))
app.use(
  '/trpc/*',
  trpcServer({
    router,
    createContext: async (_, c): Promise<Context> => {
      const token = c.req.header('authorization')?.slice('Bearer '.length)
      const session = token ? await prisma.session.findUnique({ where: { token }, include: { user: true } }) : null
      const isAlive = session !== null && session.expiresAt > new Date()
      return { user: isAlive ? session.user : null, idempotencyKey: c.req.header('idempotency-key') ?? null }
    },
  }),
)
serve({ fetch: app.fetch, port: Number(process.env['PORT']), hostname: '127.0.0.1' })
