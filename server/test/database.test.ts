import { describe, expect, test } from 'vitest'
import { createTestDatabase, query } from './database.ts'
import { advance } from './clock.ts'

describe('a test database', () => {
  test("has every migration applied and is nobody else's", async () => {
    await using one = await createTestDatabase()
    await using other = await createTestDatabase()
    await query(one.ownerUrl, `INSERT INTO teams.teams (id, name, slug, updated_at) VALUES (gen_random_uuid(), 'A', 'a', now())`)
    expect(await query(one.ownerUrl, 'SELECT slug FROM teams.teams')).toEqual([{ slug: 'a' }])
    expect(await query(other.ownerUrl, 'SELECT slug FROM teams.teams')).toEqual([])
  })

  test('has a clock that moves on demand, and partitions for where it moves to', async () => {
    await using database = await createTestDatabase()
    await advance(database.ownerUrl, 3_600_000)
    await advance(database.ownerUrl, 400 * 86_400_000)
    const [row] = await query<{ ahead: number }>(database.ownerUrl, 'SELECT extract(epoch FROM core.clock() - now())::float8 AS ahead')
    expect(row?.ahead).toBeCloseTo(3_600 + 400 * 86_400, -1)
    await query(
      database.ownerUrl,
      `INSERT INTO core.activity (service, id, created_at, event, actor_kind, data) VALUES ('auth', gen_random_uuid(), core.clock(), 'x', 'SYSTEM', '{}')`,
    )
  })
})
