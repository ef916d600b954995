import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openBlog, type Blog } from '../../../test/fixtures/soft-delete/blog.ts'

let blog: Blog
let db: Blog['living']
let ann: string
let posts: { id: string; comments: { id: string }[] }[]

beforeAll(async () => {
  blog = await openBlog()
  db = blog.living
})
afterAll(() => blog.close())

beforeEach(async () => {
  const made = await db.author.create({
    data: {
      tenant: 'one',
      email: crypto.randomUUID(),
      name: 'Ann',
      profile: { create: { motto: 'write' } },
      posts: { create: [{ title: 'kept', comments: { create: [{ body: 'a' }, { body: 'b' }] } }, { title: 'other' }, { title: 'gone' }] },
    },
    include: { posts: { include: { comments: true }, orderBy: { id: 'asc' } } },
  })
  ann = made.id
  posts = made.posts
  await db.post.delete({ where: { id: posts[2]!.id } })
})

const kept = () => ({ id: posts[0]!.id })
const gone = () => ({ id: posts[2]!.id })
const noRow = { code: 'P2025' }

describe('delete', () => {
  test('keeps the row, marked with the time and a deletion of its own, and gives it back', async () => {
    const one = await db.post.delete({ where: kept() })
    const other = await db.post.delete({ where: { id: posts[1]!.id }, select: { title: true, deletedAt: true, deletionId: true } })
    expect(one).toMatchObject({ id: posts[0]!.id, title: 'kept' })
    expect(Math.abs(one.deletedAt!.getTime() - Date.now())).toBeLessThan(5_000)
    expect(one.deletionId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/)
    expect(other.deletionId).not.toBe(one.deletionId)
    expect(await blog.isDeleted('posts', posts[0]!.id)).toBe(true)
  })

  test('finds no row the second time', async () => {
    await expect(db.post.delete({ where: gone() })).rejects.toMatchObject(noRow)
  })

  test('takes along what requires the row, with the same time and id, on every level', async () => {
    const profile = await db.profile.findFirstOrThrow({ where: { authorId: ann } })
    const { deletionId, deletedAt } = await db.author.delete({ where: { id: ann } })
    const rows = await blog.sql(
      `SELECT deletion_id, deleted_at FROM blog.posts WHERE author_id = $1 AND id <> $2
       UNION ALL SELECT deletion_id, deleted_at FROM blog.comments WHERE post_id = $3`,
      [ann, gone().id, kept().id],
    )
    expect(rows).toHaveLength(4)
    expect(rows).toEqual(rows.map(() => ({ deletion_id: deletionId, deleted_at: deletedAt })))
    expect(await blog.isDeleted('profiles', profile.id)).toBe(false)
  })

  test('shows in its result what it took along, and nothing that was deleted before', async () => {
    await db.comment.delete({ where: { id: posts[0]!.comments[0]!.id } })
    const include = { posts: { include: { comments: true } }, _count: { select: { posts: true } } }
    const result = await db.author.delete({ where: { id: ann }, include })
    expect(result.posts).toHaveLength(2)
    expect(result._count.posts).toBe(2)
    expect(result.posts.flatMap((post) => post.comments)).toHaveLength(1)
  })

  test('gives no way on from its result into deleted rows', async () => {
    const deletion = db.post.delete({ where: kept() })
    expect(Reflect.get(deletion, 'comments')).toBeUndefined()
    await deletion
  })

  test('joins a transaction, shows in it, and goes with its rollback', async () => {
    const failing = db.$transaction(async (tx) => {
      await tx.post.delete({ where: kept() })
      expect(await tx.post.count({ where: { authorId: ann } })).toBe(1)
      expect(await db.post.count({ where: { authorId: ann } })).toBe(2)
      throw new Error('rollback')
    })
    await expect(failing).rejects.toThrow('rollback')
    expect(await db.post.count({ where: { authorId: ann } })).toBe(2)
  })

  test('joins a batch, in its order, and goes with its rollback', async () => {
    const [, count] = await db.$transaction([db.post.delete({ where: kept() }), db.post.count({ where: { authorId: ann } })])
    expect(count).toBe(1)
    const other = posts[1]!.id
    const failing = db.$transaction([
      db.post.delete({ where: { id: other } }),
      db.post.create({ data: { id: other, title: 'twice', authorId: ann } }),
    ])
    await expect(failing).rejects.toMatchObject({ code: 'P2002' })
    expect(await blog.isDeleted('posts', other)).toBe(false)
  })
})

describe('deleteMany', () => {
  test('marks the living alone, as one deletion, and counts them', async () => {
    expect(await db.post.deleteMany({ where: { authorId: ann } })).toEqual({ count: 2 })
    const deletions = await blog.sql('SELECT deletion_id, count(*)::int FROM blog.posts WHERE author_id = $1 GROUP BY 1 ORDER BY 2', [ann])
    expect(deletions.map((row) => row.count)).toEqual([1, 2])
  })

  test('keeps to its limit', async () => {
    expect(await db.post.deleteMany({ where: { authorId: ann }, limit: 1 })).toEqual({ count: 1 })
  })
})

describe('an update', () => {
  test('finds no deleted row', async () => {
    await expect(db.post.update({ where: gone(), data: { views: 1 } })).rejects.toMatchObject(noRow)
    expect(await db.post.updateMany({ where: { authorId: ann }, data: { views: 9 } })).toEqual({ count: 2 })
    expect(await db.post.updateManyAndReturn({ where: { authorId: ann }, data: { views: 8 }, select: { views: true } })).toHaveLength(2)
    expect(await blog.sql('SELECT views FROM blog.posts WHERE id = $1', [gone().id])).toEqual([{ views: 0 }])
  })

  test('reaches through its relations the living alone', async () => {
    const where = { id: ann }
    await expect(db.author.update({ where, data: { posts: { update: { where: gone(), data: { views: 1 } } } } })).rejects.toMatchObject(
      noRow,
    )
    await db.author.update({ where, data: { posts: { updateMany: { where: {}, data: { views: 7 } } } } })
    await db.author.update({
      where,
      data: { posts: { update: { where: kept(), data: { title: 'new', comments: { create: { body: 'c' } } } } } },
    })
    await db.post.update({ where: kept(), data: { author: { update: { name: 'Anna' } } } })
    expect(await blog.sql('SELECT title, views FROM blog.posts WHERE author_id = $1 ORDER BY id', [ann])).toEqual([
      { title: 'new', views: 7 },
      { title: 'other', views: 7 },
      { title: 'gone', views: 0 },
    ])
    expect((await db.author.findUnique({ where }))?.name).toBe('Anna')
  })

  test('reaches the one row of the far side beside deleted ones, and cuts none of them loose', async () => {
    await db.profile.deleteMany({ where: { authorId: ann } })
    const update = { where: { id: ann }, data: { profile: { update: { motto: 'new' } } } }
    await expect(db.author.update(update)).rejects.toMatchObject(noRow)
    await db.profile.create({ data: { motto: 'second', authorId: ann } })
    await db.author.update(update)
    await db.author.update({ where: { id: ann }, data: { profile: { disconnect: true } } })
    const left = await blog.sql('SELECT motto FROM blog.profiles WHERE author_id = $1', [ann])
    expect(left).toEqual([{ motto: 'write' }])
  })

  test('connects and disconnects an optional parent, unless it is deleted', async () => {
    const category = await db.category.create({ data: { name: 'news' } })
    await db.post.update({ where: kept(), data: { category: { connect: { id: category.id } } } })
    await db.category.delete({ where: { id: category.id } })
    const connect = { category: { connect: { id: category.id } } }
    await expect(db.post.update({ where: { id: posts[1]!.id }, data: connect })).rejects.toMatchObject(noRow)
    await expect(db.category.create({ data: { name: 'all', posts: { connect: gone() } } })).rejects.toMatchObject({ code: 'P2018' })
    await db.post.update({ where: kept(), data: { title: 'still', category: { disconnect: true } } })
    expect(await blog.sql('SELECT title, category_id FROM blog.posts WHERE id = $1', [kept().id])).toEqual([
      { title: 'still', category_id: null },
    ])
  })

  test('takes a column called data for what it is', async () => {
    const mark = { where: { id: crypto.randomUUID() }, data: { note: 'n', data: { a: 1 }, post: { connect: kept() } } }
    await db.mark.create({ data: { id: mark.where.id, ...mark.data } })
    await db.post.update({ where: kept(), data: { marks: { update: { where: mark.where, data: { data: { b: 2 } } } } } })
    expect((await db.mark.findUnique({ where: mark.where }))?.data).toEqual({ b: 2 })
  })
})

describe('an upsert', () => {
  const write = (email: string, name: string) =>
    db.author.upsert({
      where: { tenant_email: { tenant: 'two', email } },
      create: { tenant: 'two', email, name },
      update: { name: `${name} again` },
    })

  test('works on a partial unique, and makes anew what was deleted', async () => {
    const email = crypto.randomUUID()
    const first = await write(email, 'Bob')
    expect((await write(email, 'Bob')).name).toBe('Bob again')
    await db.author.delete({ where: { id: first.id } })
    const second = await write(email, 'Bert')
    expect(second).toMatchObject({ name: 'Bert' })
    expect(second.id).not.toBe(first.id)
  })

  test('works by id', async () => {
    const update = { where: kept(), create: { title: 'new', authorId: ann }, update: { title: 'updated' } }
    expect((await db.post.upsert(update)).title).toBe('updated')
  })
})

describe('a create', () => {
  test('takes a unique value again that a deleted row has', async () => {
    const { tenant, email } = await db.author.delete({ where: { id: ann } })
    const author = { tenant, email, name: 'Ann the second' }
    await db.author.create({ data: author })
    await expect(db.author.create({ data: author })).rejects.toMatchObject({ code: 'P2002' })
    expect(await db.author.createMany({ data: [author], skipDuplicates: true })).toEqual({ count: 0 })
  })

  test('is refused under a deleted parent, by connect and by key', async () => {
    await expect(db.comment.create({ data: { body: 'x', post: { connect: gone() } } })).rejects.toMatchObject(noRow)
    const byKey = db.comment.create({ data: { body: 'x', postId: gone().id } })
    await expect(byKey).rejects.toMatchObject({
      code: 'P2003',
      meta: { driverAdapterError: { cause: { kind: 'ForeignKeyConstraintViolation', constraint: { index: 'soft_delete_guard' } } } },
    })
    await expect(db.comment.createMany({ data: [{ body: 'x', postId: gone().id }] })).rejects.toMatchObject({ code: 'P2003' })
    await expect(db.post.create({ data: { title: 'x', authorId: 'nobody' } })).rejects.toMatchObject({
      meta: { driverAdapterError: { cause: { constraint: { index: 'posts_author_id_fkey' } } } },
    })
  })
})
