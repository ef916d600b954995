import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openBlog, type Blog } from '../../../test/fixtures/soft-delete/blog.ts'
import type { Prisma } from '../../../test/fixtures/soft-delete/generated/client.ts'

let blog: Blog
let db: Blog['living']
let author: string
let posts: { id: string; title: string }[]

beforeAll(async () => {
  blog = await openBlog()
  db = blog.living
})
afterAll(() => blog.close())

beforeEach(async () => {
  const made = await db.author.create({
    data: { tenant: 'one', email: crypto.randomUUID(), name: 'Ann', posts: { create: [{ title: 'kept' }, { title: 'gone' }] } },
    include: { posts: { orderBy: { title: 'desc' } } },
  })
  author = made.id
  posts = made.posts
  await db.post.delete({ where: { id: posts[1]!.id } })
})

const authors = (where: Prisma.AuthorWhereInput) => db.author.count({ where: { id: author, ...where } })
const keptPost = (where: Prisma.PostWhereInput) => db.post.count({ where: { id: posts[0]!.id, ...where } })

describe('a filter on many', () => {
  test('some finds no deleted row', async () => {
    expect(await authors({ posts: { some: { title: 'gone' } } })).toBe(0)
    expect(await authors({ posts: { some: {} } })).toBe(1)
    expect(await authors({ posts: { some: { OR: [{ title: 'gone' }, { title: 'gone too' }] } } })).toBe(0)
  })

  test('every is not disturbed by a deleted row', async () => {
    expect(await authors({ posts: { every: { title: 'kept' } } })).toBe(1)
    expect(await authors({ posts: { every: { title: 'gone' } } })).toBe(0)
  })

  test('none is not disturbed by a deleted row', async () => {
    expect(await authors({ posts: { none: { title: 'gone' } } })).toBe(1)
    expect(await authors({ posts: { none: { title: 'kept' } } })).toBe(0)
    await db.post.delete({ where: { id: posts[0]!.id } })
    expect(await authors({ posts: { none: {} } })).toBe(1)
  })

  test('holds under NOT, AND and OR, and together with others', async () => {
    expect(await authors({ NOT: { posts: { some: { title: 'gone' } } } })).toBe(1)
    expect(await authors({ NOT: [{ posts: { none: {} } }] })).toBe(1)
    expect(await authors({ OR: [{ posts: { some: { title: 'gone' } } }, { name: 'nobody' }] })).toBe(0)
    expect(await authors({ AND: { posts: { some: { title: 'kept' }, none: { title: 'gone' } } } })).toBe(1)
  })

  test('holds through several levels', async () => {
    const comment = await db.comment.create({ data: { body: 'hello', postId: posts[0]!.id } })
    const hello = { posts: { some: { comments: { some: { body: 'hello' } } } } }
    expect(await authors(hello)).toBe(1)
    await db.comment.delete({ where: { id: comment.id } })
    expect(await authors(hello)).toBe(0)
    expect(await keptPost({ author: { posts: { some: { title: 'gone' } } } })).toBe(0)
  })

  test('holds in updateMany and deleteMany', async () => {
    const where = { id: author, posts: { some: { title: 'gone' } } }
    expect(await db.author.updateMany({ where, data: { name: 'wrong' } })).toEqual({ count: 0 })
    expect(await db.author.deleteMany({ where })).toEqual({ count: 0 })
  })
})

describe('a filter on an optional parent', () => {
  let category: string
  beforeEach(async () => {
    category = (await db.category.create({ data: { name: 'news', posts: { connect: { id: posts[0]!.id } } } })).id
  })

  test('finds it while it lives', async () => {
    expect(await keptPost({ category: { name: 'news' } })).toBe(1)
    expect(await keptPost({ category: { is: { name: 'news' } } })).toBe(1)
    expect(await keptPost({ category: { isNot: null } })).toBe(1)
    expect(await keptPost({ category: { isNot: { name: 'old' } } })).toBe(1)
    expect(await keptPost({ category: { isNot: { name: 'news' } } })).toBe(0)
    expect(await keptPost({ category: null })).toBe(0)
  })

  test('takes a deleted one for none', async () => {
    await db.category.delete({ where: { id: category } })
    expect(await keptPost({ category: { name: 'news' } })).toBe(0)
    expect(await keptPost({ category: { is: { name: 'news' } } })).toBe(0)
    expect(await keptPost({ category: { isNot: { name: 'news' } } })).toBe(1)
    expect(await keptPost({ category: { is: null } })).toBe(1)
    expect(await keptPost({ category: null })).toBe(1)
    expect(await keptPost({ category: { isNot: null } })).toBe(0)
    expect(await keptPost({ NOT: { category: null } })).toBe(0)
    expect(await keptPost({ category: null, AND: [{ title: 'other' }] })).toBe(0)
    expect(await keptPost({ AND: [{ title: 'other' }], category: { isNot: null } })).toBe(0)
  })

  test('reads it as null, and as itself again when it comes back', async () => {
    const read = async () => (await db.post.findUnique({ where: { id: posts[0]!.id }, include: { category: true } }))?.category?.name
    await db.category.delete({ where: { id: category } })
    expect(await read()).toBeUndefined()
    await blog.sql('UPDATE blog.categories SET deleted_at = NULL, deletion_id = NULL WHERE id = $1', [category])
    expect(await read()).toBe('news')
  })
})

describe('a filter on the one row of the far side', () => {
  const mottos = (where: Prisma.AuthorWhereInput) => db.author.findMany({ where: { id: author, ...where }, include: { profile: true } })

  // One living profile beside two deleted ones: the foreign key is no longer unique.
  beforeEach(async () => {
    for (const motto of ['oldest', 'older', 'present']) {
      await db.profile.deleteMany({ where: { authorId: author } })
      await db.profile.create({ data: { motto, authorId: author } })
    }
  })

  test('sees the living one alone, and finds its owner once', async () => {
    expect(await mottos({ profile: { motto: 'present' } })).toMatchObject([{ profile: { motto: 'present' } }])
    expect(await mottos({ profile: { isNot: null } })).toMatchObject([{ profile: { motto: 'present' } }])
    expect(await mottos({ AND: [{ profile: { is: { motto: 'present', author: { name: 'Ann' } } } }] })).toHaveLength(1)
    expect(await mottos({ profile: { is: { motto: 'older' } } })).toEqual([])
    expect(await db.author.count({ where: { id: author, profile: {} } })).toBe(1)
    expect(await db.post.count({ where: { authorId: author, author: { profile: { motto: 'present' } } } })).toBe(1)
  })

  test('is found from its own side whatever was deleted', async () => {
    expect(await db.profile.findMany({ where: { authorId: author, NOT: { motto: 'older' } }, include: { author: true } })).toMatchObject([
      { motto: 'present', author: { name: 'Ann' } },
    ])
    expect(await db.profile.count({ where: { author: { isNot: { name: 'Bob' } }, authorId: author } })).toBe(1)
  })

  test('sees none when all are deleted', async () => {
    await db.profile.deleteMany({ where: { authorId: author } })
    expect(await mottos({})).toMatchObject([{ profile: null }])
    expect(await mottos({ profile: { isNot: null } })).toEqual([])
    expect(await mottos({ profile: { is: { motto: 'present' } } })).toEqual([])
  })
})
