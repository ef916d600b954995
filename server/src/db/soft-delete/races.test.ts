import { randomInt } from 'node:crypto'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openBlog, type Blog } from '../../../test/fixtures/soft-delete/blog.ts'

let blog: Blog
let pool: pg.Pool

beforeAll(async () => {
  blog = await openBlog()
  pool = blog.pool(16)
})
afterAll(() => blog.close())

const orphans = () =>
  blog.sql(`SELECT FROM blog.posts AS child JOIN blog.authors AS parent ON parent.id = child.author_id
            WHERE child.deleted_at IS NULL AND parent.deleted_at IS NOT NULL
            UNION ALL
            SELECT FROM blog.comments AS child JOIN blog.posts AS parent ON parent.id = child.post_id
            WHERE child.deleted_at IS NULL AND parent.deleted_at IS NOT NULL`)

const newAuthor = () => blog.living.author.create({ data: { tenant: 't', email: crypto.randomUUID(), name: 'n' } })

/** Runs the statements in a transaction on a connection of its own, waiting a little in between. Gives the SQLSTATE of what failed. */
async function attempt(...statements: [sql: string, values: unknown[]][]): Promise<string> {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    for (const [sql, values] of statements) {
      await client.query(sql, values)
      if (randomInt(2) === 0) await new Promise((resolve) => setTimeout(resolve, randomInt(3)))
    }
    await client.query('COMMIT')
    return 'done'
  } catch (error) {
    await client.query('ROLLBACK')
    return (error as { code: string }).code
  } finally {
    client.release()
  }
}

const insertPost = (author: string): [string, unknown[]] => [
  'INSERT INTO blog.posts (id, author_id, title) VALUES ($1, $2, $3)',
  [crypto.randomUUID(), author, 'race'],
]
const deleteAuthor = (author: string): [string, unknown[]] => [
  'UPDATE blog.authors SET deleted_at = now(), deletion_id = gen_random_uuid() WHERE id = $1',
  [author],
]

function tally(outcomes: string[]): Record<string, number> {
  return Object.fromEntries([...Map.groupBy(outcomes, (outcome) => outcome)].map(([outcome, all]) => [outcome, all.length]))
}

describe('no orphan and no deadlock', () => {
  test('when children are inserted while their parent is deleted', async () => {
    const inserts: string[] = []
    const deletes: string[] = []
    for (let round = 0; round < 150; round++) {
      const { id } = await newAuthor()
      const inserting = Array.from({ length: 6 }, () => attempt(insertPost(id)))
      const deleting = attempt(deleteAuthor(id))
      inserts.push(...(await Promise.all([...inserting, ...Array.from({ length: 4 }, () => attempt(insertPost(id)))])))
      deletes.push(await deleting)
    }
    console.log('inserts', tally(inserts), 'deletes', tally(deletes))
    expect(tally(deletes)).toEqual({ done: 150 })
    expect(Object.keys(tally(inserts)).toSorted()).toEqual(['23503', 'done'])
    expect(await orphans()).toEqual([])
  })

  test('when sixteen writers insert a child and then touch its parent, beside deletions', async () => {
    const authors = await Promise.all(Array.from({ length: 3 }, newAuthor))
    const outcomes: string[] = []
    const until = Date.now() + 4_000
    const writer = async (): Promise<void> => {
      while (Date.now() < until) {
        const author = authors[randomInt(authors.length)]!.id
        outcomes.push(
          await attempt(insertPost(author), ['UPDATE blog.authors SET name = $2 WHERE id = $1', [author, `n${randomInt(1e6)}`]]),
        )
      }
    }
    const remover = async (): Promise<void> => {
      for (let index = 0; index < 8 && Date.now() < until; index++) {
        await new Promise((resolve) => setTimeout(resolve, 400))
        const old = authors[index % authors.length]!.id
        authors[index % authors.length] = await newAuthor()
        await blog.living.author.delete({ where: { id: old } })
      }
    }
    await Promise.all([...Array.from({ length: 16 }, writer), remover()])
    console.log('writers', tally(outcomes))
    expect(tally(outcomes).done).toBeGreaterThan(500)
    expect(Object.keys(tally(outcomes)).filter((outcome) => outcome !== 'done' && outcome !== '23503')).toEqual([])
    expect(await orphans()).toEqual([])
  })

  test('when a row is restored while its parent is deleted', async () => {
    const outcomes: string[] = []
    for (let round = 0; round < 60; round++) {
      const { id } = await newAuthor()
      const post = await blog.living.post.create({ data: { title: 'r', authorId: id, comments: { create: [{ body: 'a' }] } } })
      await blog.living.post.delete({ where: { id: post.id } })
      const revive: [string, unknown[]] = ['UPDATE blog.posts SET deleted_at = NULL, deletion_id = NULL WHERE id = $1', [post.id]]
      outcomes.push(...(await Promise.all([attempt(revive), attempt(deleteAuthor(id))])))
    }
    console.log('restores', tally(outcomes))
    expect(Object.keys(tally(outcomes)).filter((outcome) => outcome !== 'done' && outcome !== '23503')).toEqual([])
    expect(await orphans()).toEqual([])
  })
})
