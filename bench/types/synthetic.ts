/**
 * Writes a synthetic project of any size: a Prisma schema, services that use it, and routers over them. It is what the
 * type-checker's cost is measured on, since the cost of a small project says nothing of a large one.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** How large. Every router belongs to one model; `perRouter` procedures each. */
export interface Size {
  models: number
  routers: number
  perRouter: number
}

const services = ['auth', 'teams', 'audits', 'payments', 'media', 'notify', 'admin']

/** Writes prisma/schema.prisma, src/trpc.ts, src/router.ts and one router a file under `folder`. */
export function writeProject(folder: string, size: Size): void {
  mkdirSync(join(folder, 'prisma'), { recursive: true })
  mkdirSync(join(folder, 'src'), { recursive: true })
  writeFileSync(join(folder, 'prisma/schema.prisma'), schema(size.models))
  writeFileSync(join(folder, 'src/trpc.ts'), trpc)
  for (let index = 0; index < size.routers; index++) writeFileSync(join(folder, `src/r${index}.ts`), router(index, size))
  writeFileSync(join(folder, 'src/router.ts'), rootRouter(size.routers))
}

function schema(models: number): string {
  const head = `generator client {
  provider = "prisma-client"
  output = "../generated"
  runtime = "nodejs"
  moduleFormat = "esm"
  generatedFileExtension = "ts"
  importFileExtension = "ts"
}
datasource db {
  provider = "postgresql"
  schemas = [${services.map((service) => `"${service}"`).join(', ')}]
}
enum Level {
  LOW
  MIDDLE
  HIGH
  @@schema("auth")
}
`
  return head + Array.from({ length: models }, (_, index) => model(index, models)).join('')
}

/** Three relations to other models, and the three that come back: as dense as a real schema gets. */
function model(index: number, models: number): string {
  const targets = [1, 7, 13].map((step) => (index + step) % models)
  const sources = [1, 7, 13].map((step) => (index - step + models) % models)
  return `model M${index} {
  id String @id @default(uuid(7)) @db.Uuid
  name String
  note String?
  count Int @default(0)
  amount BigInt
  level Level
  data Json?
  hash Bytes?
  createdAt DateTime @default(now())
  updatedAt DateTime @updatedAt
  deletedAt DateTime?
${targets.map((target, slot) => `  ref${slot}Id String @db.Uuid\n  ref${slot} M${target} @relation("m${index}s${slot}", fields: [ref${slot}Id], references: [id])`).join('\n')}
${sources.map((source, slot) => `  back${slot} M${source}[] @relation("m${source}s${slot}")`).join('\n')}
  @@unique([name, level])
  @@schema("${services[index % services.length]}")
}
`
}

const trpc = `import { initTRPC } from '@trpc/server'
import superjson from 'superjson'
import { PrismaClient } from '../generated/client.ts'
export interface Context { requestId: string }
const t = initTRPC.context<Context>().create({ transformer: superjson })
export const router = t.router
export const procedure = t.procedure
export declare const db: PrismaClient
`

function router(index: number, { models, perRouter }: Size): string {
  const m = `m${index % models}`
  const procedures = Array.from({ length: perRouter }, (_, slot) => `  p${slot}: ${procedure(m, slot % 5)},`)
  return `import { z } from 'zod'
import { db, procedure, router } from './trpc.ts'
const Id = z.strictObject({ id: z.uuid() })
const Row = z.object({ id: z.uuid(), name: z.string(), level: z.enum(['LOW', 'MIDDLE', 'HIGH']), createdAt: z.date() })
const Draft = z.strictObject({ name: z.string(), amount: z.bigint(), ref0Id: z.uuid(), ref1Id: z.uuid(), ref2Id: z.uuid() })
export const r${index} = router({
${procedures.join('\n')}
})
`
}

function procedure(m: string, kind: number): string {
  if (kind === 0)
    return `procedure.input(Id).output(Row).query(({ input }) => db.${m}.findUniqueOrThrow({ where: { id: input.id, deletedAt: null }, select: { id: true, name: true, level: true, createdAt: true } }))`
  if (kind === 1)
    return `procedure.input(z.strictObject({ name: z.string().exactOptional() })).output(z.array(Row)).query(({ input }) => db.${m}.findMany({ where: { name: { contains: input.name ?? '' }, back0: { some: { level: 'LOW' } }, OR: [{ note: null }, { count: { gt: 3 } }] }, include: { ref0: { select: { name: true } }, _count: { select: { back1: true } } }, orderBy: [{ createdAt: 'desc' }, { id: 'asc' }], take: 20 }))`
  if (kind === 2)
    return `procedure.input(Draft).output(Row).mutation(({ input }) => db.${m}.create({ data: { ...input, level: 'LOW', data: { a: [1, 'two'] } } }))`
  if (kind === 3)
    return `procedure.input(Id.extend({ name: z.string() })).output(Row).mutation(({ input }) => db.${m}.update({ where: { id: input.id }, data: { name: input.name, count: { increment: 1 }, ref0: { update: { note: null } } } }))`
  return `procedure.input(Id).output(z.object({ total: z.int(), groups: z.int() })).query(async ({ input }) => ({
    total: await db.${m}.count({ where: { ref0Id: input.id, NOT: { deletedAt: null } } }),
    groups: (await db.${m}.groupBy({ by: ['level'], where: { ref1Id: input.id }, _count: { _all: true } })).length,
  }))`
}

function rootRouter(routers: number): string {
  const all = Array.from({ length: routers }, (_, index) => index)
  return `import { router } from './trpc.ts'
${all.map((index) => `import { r${index} } from './r${index}.ts'`).join('\n')}
export const appRouter = router({ ${all.map((index) => `r${index}`).join(', ')} })
export type AppRouter = typeof appRouter
`
}
