import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openBlog, purge, restore, withDeleted, type Blog } from '../../../test/fixtures/soft-delete/blog.ts'

let blog: Blog
let db: Blog['living']
let ann: { id: string; tenant: string; email: string; posts: { id: string }[] }

beforeAll(async () => {
  blog = await openBlog()
  db = blog.living
})
afterAll(() => blog.close())

beforeEach(async () => {
  ann = await db.author.create({
    data: {
      tenant: 'one',
      email: crypto.randomUUID(),
      name: 'Ann',
      posts: { create: [{ title: 'kept', comments: { create: [{ body: 'a' }, { body: 'b' }] } }, { title: 'other' }] },
    },
    include: { posts: { orderBy: { id: 'asc' } } },
  })
  await db.review.create({ data: { stars: 5, authorId: ann.id, postId: ann.posts[0]!.id } })
})

const first = () => ann.posts[0]!.id
const living = () =>
  db.author.findUnique({ where: { id: ann.id }, select: { _count: { select: { posts: true, reviews: true, visits: true } } } })

describe('withDeleted', () => {
  test('shows deleted rows among the living, nested ones too, and offers no write', async () => {
    await db.comment.deleteMany({ where: { postId: first(), body: 'a' } })
    await db.post.delete({ where: { id: first() } })
    const everything = withDeleted(db)
    const include = { posts: { include: { comments: true }, orderBy: { title: 'asc' as const } } }
    expect((await everything.author.findUnique({ where: { id: ann.id }, include }))?.posts).toMatchObject([
      { title: 'kept', comments: [{}, {}] },
      { title: 'other', comments: [] },
    ])
    expect(await everything.post.count({ where: { authorId: ann.id, deletedAt: { not: null } } })).toBe(1)
    expect(Object.keys(everything.post)).toEqual(
      expect.not.arrayContaining(['create', 'update', 'updateMany', 'upsert', 'delete', 'deleteMany']) as unknown[],
    )
  })

  test('reads inside the transaction that it is given', async () => {
    await db.$transaction(async (tx) => {
      const { id } = await tx.post.create({ data: { title: 'new', authorId: ann.id } })
      await tx.post.delete({ where: { id } })
      expect(await withDeleted(tx).post.findUnique({ where: { id } })).toMatchObject({ title: 'new' })
      expect(await withDeleted(db).post.findUnique({ where: { id } })).toBeNull()
    })
  })
})

describe('restore', () => {
  test('revives exactly what a deletion took, the row and the cascade, and nothing that was deleted before', async () => {
    await db.post.delete({ where: { id: ann.posts[1]!.id } })
    await db.comment.deleteMany({ where: { postId: first(), body: 'a' } })
    const { deletionId } = await db.author.delete({ where: { id: ann.id } })
    expect(await restore(db, 'author', deletionId!)).toBe(1)
    expect(await living()).toEqual({ _count: { posts: 1, reviews: 1, visits: 0 } })
    expect(await db.comment.findMany({ where: { postId: first() } })).toMatchObject([{ body: 'b', deletedAt: null, deletionId: null }])
    expect(await restore(db, 'author', deletionId!)).toBe(0)
  })

  test('revives all that one deleteMany took, also what hangs on two of its rows', async () => {
    const bob = await db.author.create({ data: { tenant: 'one', email: crypto.randomUUID(), name: 'Bob' } })
    await db.review.create({ data: { stars: 1, authorId: bob.id, postId: first() } })
    await db.author.deleteMany({ where: { id: { in: [ann.id, bob.id] } } })
    const deleted = await withDeleted(db).author.findUnique({ where: { id: bob.id } })
    expect(await db.review.count({ where: { postId: first() } })).toBe(0)
    expect(await restore(db, 'author', deleted!.deletionId!)).toBe(2)
    expect(await db.review.count({ where: { postId: first() } })).toBe(2)
  })

  test('leaves no living row below a deleted one when SQL revives a part of a deletion', async () => {
    const bob = await db.author.create({ data: { tenant: 'one', email: crypto.randomUUID(), name: 'Bob' } })
    const review = await db.review.create({ data: { stars: 1, authorId: bob.id, postId: first() } })
    await db.author.deleteMany({ where: { id: { in: [ann.id, bob.id] } } })
    await blog.sql('UPDATE blog.authors SET deleted_at = NULL, deletion_id = NULL WHERE id = $1', [bob.id])
    expect(await blog.isDeleted('reviews', review.id)).toBe(true)
    await blog.sql('UPDATE blog.authors SET deleted_at = NULL, deletion_id = NULL WHERE id = $1', [ann.id])
    expect(await blog.isDeleted('reviews', review.id)).toBe(false)
  })

  test('is refused while a parent is still deleted, and leaves nothing half revived', async () => {
    const { deletionId } = await db.post.delete({ where: { id: first() } })
    const author = await db.author.delete({ where: { id: ann.id } })
    await expect(restore(db, 'post', deletionId!)).rejects.toMatchObject({ code: 'P2003' })
    expect(await blog.isDeleted('posts', first())).toBe(true)
    expect(await restore(db, 'author', author.deletionId!)).toBe(1)
    expect(await restore(db, 'post', deletionId!)).toBe(1)
    expect(await db.comment.count({ where: { postId: first() } })).toBe(2)
  })

  test('is refused while the other parent of a row in the cascade was deleted on its own', async () => {
    const post = await db.post.delete({ where: { id: first() } })
    await db.review.create({ data: { stars: 2, authorId: ann.id, postId: ann.posts[1]!.id } })
    const author = await db.author.delete({ where: { id: ann.id } })
    await blog.sql('UPDATE blog.reviews SET post_id = $1 WHERE author_id = $2 AND stars = 2', [first(), ann.id])
    await expect(restore(db, 'author', author.deletionId!)).rejects.toMatchObject({ code: 'P2003' })
    expect(post.deletionId).not.toBe(author.deletionId)
  })

  test('surfaces a name that was taken meanwhile as the unique violation', async () => {
    const { deletionId } = await db.author.delete({ where: { id: ann.id } })
    const again = await db.author.create({ data: { tenant: ann.tenant, email: ann.email, name: 'Ann the second' } })
    await expect(restore(db, 'author', deletionId!)).rejects.toMatchObject({ code: 'P2002' })
    await db.author.delete({ where: { id: again.id } })
    expect(await restore(db, 'author', deletionId!)).toBe(1)
  })

  test('joins the transaction that it is given', async () => {
    const { deletionId } = await db.author.delete({ where: { id: ann.id } })
    const failing = db.$transaction(async (tx) => {
      expect(await restore(tx, 'author', deletionId!)).toBe(1)
      expect(await tx.post.count({ where: { authorId: ann.id } })).toBe(2)
      throw new Error('rollback')
    })
    await expect(failing).rejects.toThrow('rollback')
    expect(await living()).toBeNull()
  })

  test('works for a key of several columns', async () => {
    const place = { country: 'DE', code: Math.floor(Math.random() * 1e9) }
    await db.place.create({ data: { ...place, name: 'Ulm', visits: { create: [{ authorId: ann.id }] } } })
    const { deletionId } = await db.place.delete({ where: { country_code: place } })
    expect((await living())?._count.visits).toBe(0)
    await expect(db.visit.create({ data: { authorId: ann.id, ...place } })).rejects.toMatchObject({ code: 'P2003' })
    expect(await restore(db, 'place', deletionId!)).toBe(1)
    expect((await living())?._count.visits).toBe(1)
  })
})

describe('purge', () => {
  test('removes living and deleted rows for good, of soft and of plain models', async () => {
    await db.mark.create({ data: { postId: first(), note: 'n' } })
    await db.comment.deleteMany({ where: { postId: first(), body: 'a' } })
    expect(await purge(db, 'comment', { postId: first() })).toBe(2)
    expect(await purge(db, 'mark', { postId: first() })).toBe(1)
    expect(await blog.sql('SELECT FROM blog.comments WHERE post_id = $1', [first()])).toEqual([])
    await expect(purge(db, 'author', { id: ann.id })).rejects.toMatchObject({ code: 'P2003' })
  })

  test('joins the transaction that it is given', async () => {
    const failing = db.$transaction(async (tx) => {
      expect(await purge(tx, 'comment', { postId: first() })).toBe(2)
      throw new Error('rollback')
    })
    await expect(failing).rejects.toThrow('rollback')
    expect(await db.comment.count({ where: { postId: first() } })).toBe(2)
  })

  test.each<[string, object]>([
    ['nothing', {}],
    ['an undefined', { postId: undefined }],
    ['an undefined beside a condition', { postId: 'x', body: undefined }],
    ['an undefined further in', { body: { contains: undefined } }],
    ['an empty condition', { body: {} }],
    ['an empty AND', { AND: [] }],
    ['an AND of nothing', { AND: [{}, {}] }],
    ['a NOT of nothing', { NOT: {} }],
    ['an OR with nothing among it', { OR: [{ body: 'a' }, {}] }],
  ])('is refused with a where that holds %s', async (_, where) => {
    await expect(purge(db, 'comment', where)).rejects.toMatchObject({ name: 'SoftDeleteRefusal' })
    expect(await db.comment.count({ where: { postId: first() } })).toBe(2)
  })
})
