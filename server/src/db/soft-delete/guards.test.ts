import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openBlog, type Blog } from '../../../test/fixtures/soft-delete/blog.ts'
import { createTestDatabase, query, type TestDatabase } from '../../../test/database.ts'

const now = new Date()
const deletion = '01a1f89b-737a-73e9-9496-665151805bca'
const marks = `deleted_at = '${now.toISOString()}', deletion_id = '${deletion}'`
const refusal = { code: '23503', constraint: 'soft_delete_guard' }

describe("Plinth's own schema", () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createTestDatabase()
  })
  afterAll(() => database.drop())

  test('has every guard, on every foreign key between soft tables', async () => {
    expect(await query(database.ownerUrl, 'SELECT gap FROM core.soft_delete_gaps()')).toEqual([])
    const [links] = await query<{ count: number }>(database.ownerUrl, 'SELECT count(*)::int FROM core.soft_links()')
    expect(links?.count).toBeGreaterThanOrEqual(5)
  })

  test('is changed by the owner alone', async () => {
    const asApplication = query(database.url, 'BEGIN; SET LOCAL ROLE plinth_app; SELECT core.guard_soft_deletes()')
    await expect(asApplication).rejects.toMatchObject({ code: '42501' })
  })

  test('marks no row with half a deletion: a table with deleted_at that is pointed to has deletion_id too', async () => {
    const half = await query(
      database.ownerUrl,
      `SELECT DISTINCT confrelid::regclass FROM pg_constraint WHERE contype = 'f'
       AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = confrelid AND attname = 'deleted_at')
       AND NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = confrelid AND attname = 'deletion_id')`,
    )
    expect(half).toEqual([])
  })
})

describe('guard_soft_deletes', () => {
  let blog: Blog
  const gaps = async () => (await blog.sql<{ gap: string }>('SELECT gap FROM core.soft_delete_gaps()')).map((row) => row.gap)
  beforeEach(async () => {
    blog = await openBlog()
    return () => blog.close()
  })

  test('leaves alone what is right already', async () => {
    const triggers = 'SELECT oid FROM pg_trigger WHERE NOT tgisinternal ORDER BY oid'
    const before = await blog.sql(triggers)
    await blog.sql('SELECT core.guard_soft_deletes()')
    expect(await blog.sql(triggers)).toEqual(before)
  })

  test('finds what a foreign key lacks, and makes it', async () => {
    await blog.sql(
      `CREATE TABLE blog.notes (id uuid PRIMARY KEY, post_id uuid NOT NULL REFERENCES blog.posts, deleted_at timestamptz(3), deletion_id uuid)`,
    )
    expect(await gaps()).toHaveLength(3)
    await blog.sql('SELECT core.guard_soft_deletes()')
    expect(await gaps()).toEqual([])
  })

  test('notices a trigger that was dropped or switched off', async () => {
    const [trigger] = await blog.sql<{ name: string }>(
      `SELECT tgname AS name FROM pg_trigger WHERE tgname LIKE 'soft_delete_insert_comments%'`,
    )
    await blog.sql(`ALTER TABLE blog.comments DISABLE TRIGGER ${trigger!.name}`)
    expect(await gaps()).toEqual([`blog.comments lacks its trigger ${trigger!.name}`])
    await blog.sql(`DROP TRIGGER ${trigger!.name} ON blog.comments`)
    expect(await gaps()).toHaveLength(1)
  })

  test('replaces the triggers of a foreign key that changed, and drops those of one that went', async () => {
    await blog.sql('ALTER TABLE blog.posts ALTER COLUMN category_id SET NOT NULL')
    await blog.sql('SELECT core.guard_soft_deletes()')
    const cascades = `SELECT FROM pg_trigger WHERE tgname LIKE 'soft_delete_cascade_posts_category%'`
    expect(await blog.sql(cascades)).toHaveLength(1)
    await blog.sql('ALTER TABLE blog.posts DROP CONSTRAINT posts_category_id_fkey')
    await blog.sql('SELECT core.guard_soft_deletes()')
    expect(await blog.sql(cascades)).toHaveLength(0)
  })

  test('fails a migration whose soft parent has no unique index on (key, deleted_at)', async () => {
    await blog.sql('DROP INDEX blog.posts_id_deleted_at_idx')
    expect(await gaps()).toEqual(['blog.posts lacks a unique index on (its key, deleted_at)'])
    await blog.sql('CREATE UNIQUE INDEX ON blog.posts (id, deleted_at) WHERE deleted_at IS NULL')
    await blog.sql('CREATE INDEX ON blog.posts (id, deleted_at)')
    await expect(blog.sql('SELECT core.guard_soft_deletes()')).rejects.toThrow('blog.posts lacks a unique index on (its key, deleted_at)')
  })
})

describe('raw SQL of the application', () => {
  let blog: Blog
  let ids: { author: string; post: string; category: string }
  let run: (sql: string, values?: unknown[]) => Promise<unknown>

  beforeAll(async () => {
    blog = await openBlog()
    const pool = blog.pool(2)
    run = (sql, values) => pool.query(sql, values)
  })
  afterAll(() => blog.close())

  beforeEach(async () => {
    const author = await blog.living.author.create({
      data: { tenant: 't', email: crypto.randomUUID(), name: 'n', posts: { create: { title: 'p', category: { create: { name: 'c' } } } } },
      include: { posts: true },
    })
    ids = { author: author.id, post: author.posts[0]!.id, category: author.posts[0]!.categoryId! }
  })

  test('may not put a living row under a deleted parent, nor move one there', async () => {
    const other = await blog.living.author.create({ data: { tenant: 't', email: crypto.randomUUID(), name: 'n' } })
    await run(`UPDATE blog.authors SET ${marks} WHERE id = $1`, [other.id])
    await expect(
      run(`INSERT INTO blog.posts (id, author_id, title) VALUES (gen_random_uuid(), $1, 't')`, [other.id]),
    ).rejects.toMatchObject(refusal)
    await expect(run('UPDATE blog.posts SET author_id = $1 WHERE id = $2', [other.id, ids.post])).rejects.toMatchObject({
      ...refusal,
      detail: 'soft_delete_guard: posts_author_id_fkey',
    })
  })

  test('may not revive a row under a deleted parent', async () => {
    await blog.living.author.delete({ where: { id: ids.author } })
    await expect(run('UPDATE blog.posts SET deleted_at = NULL, deletion_id = NULL WHERE id = $1', [ids.post])).rejects.toMatchObject(
      refusal,
    )
  })

  test('may change what else a row holds whose optional parent is deleted, and revive it', async () => {
    await run(`UPDATE blog.categories SET ${marks} WHERE id = $1`, [ids.category])
    await run('UPDATE blog.posts SET title = $2, category_id = category_id WHERE id = $1', [ids.post, 'new'])
    await blog.living.post.delete({ where: { id: ids.post } })
    await run('UPDATE blog.posts SET deleted_at = NULL, deletion_id = NULL WHERE id = $1', [ids.post])
    expect(await blog.isDeleted('posts', ids.post)).toBe(false)
    await expect(
      run('INSERT INTO blog.categories (id, name, parent_id) VALUES (gen_random_uuid(), $1, $2)', ['d', ids.category]),
    ).rejects.toMatchObject(refusal)
  })

  test('deletes with the cascade, in one statement with its parent too', async () => {
    await run(
      `WITH author AS (INSERT INTO blog.authors (id, tenant, email, name, updated_at) VALUES ($1, 't', $1, 'n', now()) RETURNING id)
       INSERT INTO blog.posts (id, author_id, title) SELECT gen_random_uuid(), id, 'p' FROM author`,
      [`x${crypto.randomUUID()}`],
    )
    await run(`UPDATE blog.authors SET ${marks} WHERE id = $1`, [ids.author])
    expect(await blog.sql('SELECT deleted_at, deletion_id FROM blog.posts WHERE id = $1', [ids.post])).toEqual([
      { deleted_at: now, deletion_id: deletion },
    ])
  })

  test.each(['REPEATABLE READ', 'SERIALIZABLE'])('may not delete in %s, whose snapshot could miss a child', async (level) => {
    const deleting = blog.living.$transaction((tx) => tx.post.delete({ where: { id: ids.post } }), {
      isolationLevel: level === 'SERIALIZABLE' ? 'Serializable' : 'RepeatableRead',
    })
    await expect(deleting).rejects.toThrow('soft delete needs READ COMMITTED')
  })
})
