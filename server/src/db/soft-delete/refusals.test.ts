/** What is refused is refused twice: by the compiler (each `@ts-expect-error` fails the build once it is no error) and by the client. */
import { PrismaPg } from '@prisma/adapter-pg'
import { describe, expect, test } from 'vitest'
import { PrismaClient as BlogClient } from '../../../test/fixtures/soft-delete/generated/client.ts'
import { models } from '../../../test/fixtures/soft-delete/generated/metadata.ts'
import { PrismaClient } from '../generated/client.ts'
import { extended, softDeleting } from './extension.ts'

// Nothing listens there: a refusal comes before any query.
const nowhere = () => new PrismaPg('postgresql://nobody@127.0.0.1:1/nowhere')
const plinth = softDeleting(new PrismaClient({ adapter: nowhere() }))
const blog = extended(new BlogClient({ adapter: nowhere() }), models)
const id = '01a1f89b-737a-73e9-9496-665151805bca'

async function refused(query: () => PromiseLike<unknown>, path: string): Promise<void> {
  const error = await query().then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toMatchObject({ name: 'SoftDeleteRefusal' })
  expect((error as Error).message).toContain(`refuses ${path}: `)
}

describe('a nested write that removes or decides by deleted rows is refused', () => {
  const where = { id }

  test('delete and deleteMany', async () => {
    // @ts-expect-error refused
    await refused(() => plinth.team.update({ where, data: { members: { delete: { id } } } }), 'team.update.data.members.delete')
    // @ts-expect-error refused
    await refused(() => plinth.user.update({ where, data: { sessions: { deleteMany: {} } } }), 'user.update.data.sessions.deleteMany')
    // @ts-expect-error refused
    await refused(() => blog.author.update({ where, data: { profile: { delete: true } } }), 'author.update.data.profile.delete')
    // @ts-expect-error refused
    await refused(() => blog.post.update({ where, data: { category: { delete: true } } }), 'post.update.data.category.delete')
    // @ts-expect-error refused
    await refused(() => blog.post.update({ where, data: { marks: { deleteMany: {} } } }), 'post.update.data.marks.deleteMany')
  })

  test('upsert and connectOrCreate, on any level', async () => {
    const create = { title: 'x' }
    await refused(
      // @ts-expect-error refused
      () => blog.author.update({ where, data: { posts: { upsert: { where, create, update: {} } } } }),
      'author.update.data.posts.upsert',
    )
    await refused(
      // @ts-expect-error refused
      () => blog.author.update({ where, data: { posts: { connectOrCreate: { where, create } } } }),
      'author.update.data.posts.connectOrCreate',
    )
    const deep = { posts: { create: { title: 'x', category: { connectOrCreate: { where, create: { name: 'c' } } } } } }
    await refused(
      // @ts-expect-error refused
      () => blog.author.create({ data: { tenant: 't', email: 'e', name: 'n', ...deep } }),
      'author.create.data.posts.create.category.connectOrCreate',
    )
    const comments = { upsert: { where, create: {}, update: {} } }
    await refused(
      // @ts-expect-error refused
      () => blog.author.update({ where, data: { posts: { update: { where, data: { comments } } } } }),
      'author.update.data.posts.update.comments.upsert',
    )
  })

  test('what would cut deleted rows loose', async () => {
    // @ts-expect-error refused
    await refused(() => blog.author.update({ where, data: { posts: { set: [] } } }), 'author.update.data.posts.set')
    // @ts-expect-error refused
    await refused(() => blog.author.update({ where, data: { profile: { create: { motto: 'm' } } } }), 'author.update.data.profile.create')
    // @ts-expect-error refused
    await refused(() => plinth.user.update({ where, data: { password: { connect: { id } } } }), 'user.update.data.password.connect')
    // @ts-expect-error refused
    await refused(() => plinth.password.create({ data: { hash: 'h', user: { connect: { id } } } }), 'password.create.data.user.connect')
  })
})

describe('the marks of a deletion are not written by hand', () => {
  const where = { id }
  const team = { name: 'n', slug: 's' }

  test('in no create and no update', async () => {
    // @ts-expect-error refused
    await refused(() => plinth.team.create({ data: { ...team, deletedAt: new Date() } }), 'team.create.data.deletedAt')
    // @ts-expect-error refused
    await refused(() => plinth.team.createMany({ data: [team, { ...team, deletionId: id }] }), 'team.createMany.data.deletionId')
    // @ts-expect-error refused
    await refused(() => plinth.team.createManyAndReturn({ data: { ...team, deletedAt: null } }), 'team.createManyAndReturn.data.deletedAt')
    // @ts-expect-error refused
    await refused(() => plinth.team.update({ where, data: { deletedAt: null } }), 'team.update.data.deletedAt')
    // @ts-expect-error refused
    await refused(() => plinth.team.updateMany({ data: { deletedAt: { set: null } } }), 'team.updateMany.data.deletedAt')
    // @ts-expect-error refused
    await refused(() => plinth.team.updateManyAndReturn({ data: { deletionId: null } }), 'team.updateManyAndReturn.data.deletionId')
    // @ts-expect-error refused
    await refused(() => plinth.team.upsert({ where, create: { ...team, deletedAt: null }, update: {} }), 'team.upsert.create.deletedAt')
    // @ts-expect-error refused
    await refused(() => plinth.team.upsert({ where, create: team, update: { deletedAt: null } }), 'team.upsert.update.deletedAt')
  })

  test('in no nested write', async () => {
    const nested = { createMany: { data: [{ userId: 'u', role: 'OWNER' as const, deletedAt: new Date() }] } }
    // @ts-expect-error refused
    await refused(() => plinth.team.create({ data: { ...team, members: nested } }), 'team.create.data.members.createMany.deletedAt')
    const many = { updateMany: { where: {}, data: { deletedAt: null } } }
    // @ts-expect-error refused
    await refused(() => plinth.team.update({ where, data: { members: many } }), 'team.update.data.members.updateMany.deletedAt')
    await refused(
      // @ts-expect-error refused
      () => blog.post.update({ where, data: { author: { update: { deletedAt: null } } } }),
      'post.update.data.author.update.deletedAt',
    )
  })
})

describe('what Prisma cannot answer without deleted rows is refused', () => {
  test('an order by how many rows a relation has, or by a row that may be deleted', async () => {
    // @ts-expect-error refused
    await refused(() => plinth.team.findMany({ orderBy: { members: { _count: 'desc' } } }), 'team.findMany.orderBy.members')
    await refused(
      // @ts-expect-error refused
      () => blog.post.findMany({ orderBy: [{ title: 'asc' }, { category: { name: 'asc' } }] }),
      'post.findMany.orderBy.category',
    )
    await refused(
      // @ts-expect-error refused
      () => blog.comment.findFirst({ orderBy: { post: { author: { profile: { motto: 'asc' } } } } }),
      'comment.findFirst.orderBy.post.author.profile',
    )
    const nested = { posts: { orderBy: { comments: { _count: 'asc' as const } } } }
    // @ts-expect-error refused
    await refused(() => blog.author.findMany({ include: nested }), 'author.findMany.include.posts.orderBy.comments')
    // @ts-expect-error refused
    await refused(() => blog.author.aggregate({ orderBy: { posts: { _count: 'asc' } }, _count: true }), 'author.aggregate.orderBy.posts')
    await refused(() => blog.mark.findMany({ orderBy: { post: { title: 'asc' } } }), 'mark.findMany.orderBy.post')
  })

  test('a negation of the one row on the far side', async () => {
    // @ts-expect-error refused
    await refused(() => plinth.user.findMany({ where: { password: null } }), 'user.findMany.where.password')
    // @ts-expect-error refused
    await refused(() => blog.author.count({ where: { profile: { is: null } } }), 'author.count.where.profile')
    // @ts-expect-error refused
    await refused(() => blog.author.count({ where: { profile: { isNot: { motto: 'm' } } } }), 'author.count.where.profile')
    await refused(() => blog.author.count({ where: { NOT: { profile: { motto: 'm' } } } }), 'author.count.where.NOT.profile')
    await refused(() => blog.author.count({ where: { OR: [{ profile: { motto: 'm' } }, { name: 'n' }] } }), 'author.count.where.OR.profile')
    await refused(
      () => blog.post.count({ where: { category: { posts: { every: { author: { profile: {} } } } } } }),
      'post.count.where.category.posts.every.author.profile',
    )
    await refused(() => blog.author.deleteMany({ where: { NOT: { profile: {} } } }), 'author.deleteMany.where.NOT.profile')
  })

  test('a required parent that may be deleted while its plain child is not', async () => {
    await refused(() => blog.mark.findMany({ include: { post: true } }), 'mark.findMany.include.post')
  })
})

describe('rows are removed for good by purge alone', () => {
  test('so a plain model has no delete', async () => {
    // @ts-expect-error refused
    await refused(() => blog.mark.delete({ where: { id } }), 'mark.delete')
    // @ts-expect-error refused
    await refused(() => plinth.idempotencyKey.deleteMany({ where: { service: 'auth' } }), 'idempotencyKey.deleteMany')
  })
})
