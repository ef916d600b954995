import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openBlog, type Blog } from '../../../test/fixtures/soft-delete/blog.ts'

let blog: Blog
let db: Blog['living']
let serial = 0

beforeAll(async () => {
  blog = await openBlog()
  db = blog.living
})
afterAll(() => blog.close())

async function makeAuthor() {
  const tag = `${++serial}`
  return db.author.create({
    data: {
      tenant: 'one',
      email: `ann${tag}@example.org`,
      name: `Ann ${tag}`,
      profile: { create: { motto: 'write' } },
      posts: {
        create: [
          { title: 'first', comments: { create: [{ body: 'a' }, { body: 'b' }] } },
          { title: 'second' },
          { title: 'third', views: 100 },
        ],
      },
    },
    include: { posts: { orderBy: { title: 'asc' }, include: { comments: true } }, profile: true },
  })
}
type Author = Awaited<ReturnType<typeof makeAuthor>>

let ann: Author
let gone: Author['posts'][number]
let first: Author['posts'][number]

beforeEach(async () => {
  ann = await makeAuthor()
  first = ann.posts[0]!
  gone = ann.posts[2]!
  await db.post.delete({ where: { id: gone.id } })
})

describe('a deleted row is not found', () => {
  test('by findUnique, findUniqueOrThrow, findFirst or findFirstOrThrow', async () => {
    const where = { id: gone.id }
    expect(await db.post.findUnique({ where })).toBeNull()
    expect(await db.post.findFirst({ where })).toBeNull()
    await expect(db.post.findUniqueOrThrow({ where })).rejects.toMatchObject({ code: 'P2025' })
    await expect(db.post.findFirstOrThrow({ where })).rejects.toMatchObject({ code: 'P2025' })
  })

  test('by findMany, through AND, OR and NOT either', async () => {
    const either = [{ id: gone.id }, { id: first.id }]
    expect(await db.post.findMany({ where: { OR: either } })).toHaveLength(1)
    expect(await db.post.findMany({ where: { authorId: ann.id, AND: [{ OR: either }] } })).toHaveLength(1)
    expect(await db.post.findMany({ where: { authorId: ann.id, NOT: { title: 'first' } } })).toHaveLength(1)
    expect(await db.post.findMany({ where: { authorId: ann.id, deletedAt: { not: null } } })).toEqual([])
    expect(await db.post.findMany({ where: { authorId: ann.id, OR: [{ deletedAt: null }, { deletedAt: { not: null } }] } })).toHaveLength(2)
  })

  test('by its unique columns, also of a partial unique of several', async () => {
    const unique = { tenant_email: { tenant: ann.tenant, email: ann.email } }
    expect((await db.author.findUnique({ where: unique }))?.id).toBe(ann.id)
    await db.author.delete({ where: unique })
    expect(await db.author.findUnique({ where: unique })).toBeNull()
    const again = await db.author.create({ data: { tenant: ann.tenant, email: ann.email, name: 'again' } })
    expect((await db.author.findUnique({ where: unique }))?.id).toBe(again.id)
  })

  test('by count, aggregate or groupBy', async () => {
    const where = { authorId: ann.id }
    expect(await db.post.count({ where })).toBe(2)
    expect(await db.post.count({ where, select: { _all: true } })).toEqual({ _all: 2 })
    expect(await db.post.aggregate({ where, _count: true, _max: { views: true } })).toEqual({ _count: 2, _max: { views: 0 } })
    expect(await db.post.groupBy({ by: ['authorId'], where, _count: { _all: true }, _sum: { views: true } })).toEqual([
      { authorId: ann.id, _count: { _all: 2 }, _sum: { views: 0 } },
    ])
  })
})

describe('a deleted row is in no result', () => {
  test('of an include or a select, on any level', async () => {
    const where = { id: ann.id }
    await db.comment.delete({ where: { id: first.comments[0]!.id } })
    expect((await db.author.findUnique({ where, include: { posts: true } }))?.posts).toHaveLength(2)
    const selected = await db.author.findUnique({
      where,
      select: { posts: { where: { title: { in: ['first', 'third'] } }, select: { comments: true } } },
    })
    expect(selected?.posts.map((post) => post.comments.length)).toEqual([1])
    const found = await db.author.findMany({
      where,
      include: { posts: { include: { comments: true, author: { include: { posts: true } } } } },
    })
    expect(found[0]?.posts.map((post) => post.author.posts.length)).toEqual([2, 2])
  })

  test('of the fluent API', async () => {
    expect(await db.author.findUnique({ where: { id: ann.id } }).posts()).toHaveLength(2)
    expect(
      await db.post
        .findUnique({ where: { id: first.id } })
        .author()
        .posts({ where: { title: 'third' } }),
    ).toEqual([])
    expect(await db.author.update({ where: { id: ann.id }, data: { name: 'new' } }).posts()).toHaveLength(2)
  })

  test('of what a create, an update or an upsert gives back', async () => {
    const include = { posts: true }
    expect((await db.author.update({ where: { id: ann.id }, data: { name: 'x' }, include })).posts).toHaveLength(2)
    const created = await db.comment.create({
      data: { body: 'c', postId: first.id },
      include: { post: { include: { author: { include } } } },
    })
    expect(created.post.author.posts).toHaveLength(2)
    const many = await db.comment.createManyAndReturn({ data: [{ body: 'd', postId: first.id }], include: { post: true } })
    expect(many[0]?.post.title).toBe('first')
    const updated = await db.author.updateManyAndReturn({ where: { id: ann.id }, data: { name: 'y' }, select: { name: true } })
    expect(updated).toEqual([{ name: 'y' }])
    const upserted = await db.author.upsert({ where: { id: ann.id }, create: { tenant: '', email: '', name: '' }, update: {}, include })
    expect(upserted.posts).toHaveLength(2)
  })

  test('and is not counted among the relations', async () => {
    const where = { id: ann.id }
    const counts = (value: unknown) => (value as { _count: Record<string, number> })._count
    expect(counts(await db.author.findUnique({ where, include: { _count: { select: { posts: true } } } })).posts).toBe(2)
    expect(counts(await db.author.findUnique({ where, include: { _count: true } })).posts).toBe(2)
    expect(
      counts(await db.author.findUnique({ where, select: { _count: { select: { posts: { where: { views: { gt: 1 } } } } } } })).posts,
    ).toBe(0)
  })

  test('of a many-to-many relation', async () => {
    const tag = await db.tag.create({ data: { name: 'sql', posts: { connect: [{ id: first.id }, { id: ann.posts[1]!.id }] } } })
    await db.post.delete({ where: { id: first.id } })
    const read = await db.tag.findUnique({ where: { id: tag.id }, include: { posts: true, _count: { select: { posts: true } } } })
    expect([read?.posts.length, read?._count.posts]).toEqual([1, 1])
    await db.tag.delete({ where: { id: tag.id } })
    expect((await db.post.findUnique({ where: { id: ann.posts[1]!.id }, include: { tags: true } }))?.tags).toEqual([])
  })
})

describe('what is found stays right beside deleted rows', () => {
  test('findUnique of one tick is still one query', async () => {
    const before = blog.statements.length
    const found = await Promise.all(ann.posts.map((post) => db.post.findUnique({ where: { id: post.id } })))
    expect(found.map((post) => post?.title)).toEqual(['first', 'second', undefined])
    expect(blog.statements.slice(before)).toHaveLength(1)
  })

  test('a page goes on after a row that was deleted meanwhile', async () => {
    const page = await db.post.findMany({ where: { authorId: ann.id }, cursor: { id: gone.id }, skip: 0, take: -5, orderBy: { id: 'asc' } })
    expect(page.map((post) => post.title)).toEqual(['first', 'second'])
  })
})
