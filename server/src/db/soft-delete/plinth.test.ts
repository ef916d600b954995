import { PrismaPg } from '@prisma/adapter-pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../../../test/database.ts'
import { PrismaClient } from '../generated/client.ts'
import { purge, restore, softDeleting, withDeleted } from './index.ts'

let database: TestDatabase
let plain: PrismaClient
let db: PrismaClient

beforeAll(async () => {
  database = await createTestDatabase()
  plain = new PrismaClient({ adapter: new PrismaPg({ connectionString: database.url, options: '-c role=plinth_app' }) })
  db = softDeleting(plain)
})
afterAll(async () => {
  await plain.$disconnect()
  await database.drop()
})

const anHour = new Date(Date.now() + 3_600_000)
const newSession = () => ({
  kind: 'COOKIE' as const,
  tokenHash: Uint8Array.from(crypto.getRandomValues(new Uint8Array(32))),
  authenticatedAt: new Date(),
  lastUsedAt: new Date(),
  idleExpiresAt: anHour,
  expiresAt: anHour,
})

describe("soft delete of Plinth's own models", () => {
  test('takes a person (CUID2) with password and sessions (uuid), frees the address, and gives all of it back', async () => {
    const email = 'ann@example.org'
    const user = await db.user.create({
      data: { email, name: 'Ann', password: { create: { hash: 'h' } }, sessions: { create: [newSession(), newSession()] } },
    })
    await db.verificationToken.create({
      data: { purpose: 'EMAIL_VERIFICATION', subject: user.id, userId: user.id, tokenHash: Uint8Array.of(1), expiresAt: anHour },
    })
    const { deletionId } = await db.user.delete({ where: { email } })
    expect(await db.user.findUnique({ where: { email } })).toBeNull()
    expect(await db.session.count({ where: { userId: user.id } })).toBe(0)
    expect(await db.verificationToken.findFirst({ include: { user: true } })).toMatchObject({ user: null })
    expect(await withDeleted(db).user.findUnique({ where: { id: user.id }, include: { password: true } })).toMatchObject({
      password: { hash: 'h' },
    })

    const second = await db.user.create({ data: { email, name: 'Ann the second' } })
    await expect(restore(db, 'user', deletionId!)).rejects.toMatchObject({ code: 'P2002' })
    await db.user.delete({ where: { id: second.id } })
    expect(await restore(db, 'user', deletionId!)).toBe(1)
    const back = await db.user.findUniqueOrThrow({ where: { email }, include: { password: true, _count: true } })
    expect(back).toMatchObject({ id: user.id, deletedAt: null, password: { hash: 'h' }, _count: { sessions: 2, verificationTokens: 1 } })
  })

  test('takes a team with its members and invitations, in one transaction with what else happens', async () => {
    const members = {
      create: [
        { userId: 'ann', role: 'OWNER' as const },
        { userId: 'bob', role: 'MEMBER' as const },
      ],
    }
    const team = await db.team.create({ data: { name: 'Team', slug: 'team', members } })
    await db.teamMember.deleteMany({ where: { teamId: team.id, userId: 'bob' } })
    const { deletionId } = await db.$transaction((tx) => tx.team.delete({ where: { slug: 'team' } }))
    await expect(db.teamMember.create({ data: { teamId: team.id, userId: 'eve', role: 'OWNER' } })).rejects.toMatchObject({ code: 'P2003' })
    await db.$transaction((tx) => restore(tx, 'team', deletionId!))
    expect(await db.teamMember.findMany({ where: { team: { slug: 'team' } } })).toMatchObject([{ userId: 'ann' }])
    await db.teamMember.create({ data: { teamId: team.id, userId: 'bob', role: 'VIEWER' } })
    expect(await db.teamMember.findUnique({ where: { teamId_userId: { teamId: team.id, userId: 'bob' } } })).toMatchObject({
      role: 'VIEWER',
    })
  })

  test('removes for good what purge is told to', async () => {
    const { id } = await db.user.create({ data: { email: 'old@example.org', name: 'Old', sessions: { create: [newSession()] } } })
    await db.session.deleteMany({ where: { userId: id } })
    expect(await purge(db, 'session', { userId: id })).toBe(1)
    expect(await purge(db, 'user', { id })).toBe(1)
    expect(await withDeleted(db).user.count({ where: { id } })).toBe(0)
  })
})
