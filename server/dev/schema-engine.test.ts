import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { migrationsFolder, noTransaction, readMigrations } from '../src/db/migrations/files.ts'
import type { Migration } from '../src/db/migrations/files.ts'
import { createEmptyDatabase, createTestDatabase, query } from '../test/database.ts'
import type { TestDatabase } from '../test/database.ts'
import { root } from './environment.ts'
import { changeSince, faultsOfHistory, mendedAdapter, readSchema } from './schema-engine.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createEmptyDatabase()
})

afterAll(() => database.drop())

const schema = (models: string) => [{ path: 'a.prisma', content: `datasource db {\n provider = "postgresql"\n}\n${models}` }]
const migration = (sql: string): Migration => ({ name: '1_first', sql, checksum: '', transactional: true })

describe("Prisma's adapter, mended", () => {
  test('replays migrations in a database of its own, never in the one that the URL names, and leaves none', async () => {
    const change = await changeSince(database.url, schema('model A {\n id Int @id\n}'), [
      migration('CREATE TABLE "A" (id int PRIMARY KEY)'),
    ])
    expect(change).toBeNull()
    expect(await query(database.url, `SELECT tablename FROM pg_tables WHERE schemaname = 'public'`)).toEqual([])
    expect(await query(database.url, `SELECT datname FROM pg_database WHERE datname LIKE 'plinth_shadow%'`)).toEqual([])
  })

  test('runs a script whose function bodies hold semicolons', async () => {
    const adapter = await mendedAdapter(database.url).connect()
    await adapter.executeScript(
      `CREATE FUNCTION two() RETURNS int LANGUAGE plpgsql AS $$ BEGIN PERFORM 1; RETURN 2; END; $$; CREATE TABLE after_it (n int);`,
    )
    await adapter.dispose()
    expect(await query(database.url, 'SELECT two() AS n, (SELECT count(*)::int FROM after_it) AS rows')).toEqual([{ n: 2, rows: 0 }])
  })

  test('runs a script that works CONCURRENTLY, statement by statement', async () => {
    const adapter = await mendedAdapter(database.url).connect()
    await adapter.executeScript(`${noTransaction}\nCREATE TABLE c (n int);\nCREATE INDEX CONCURRENTLY IF NOT EXISTS i ON c (n);`)
    await adapter.dispose()
    expect(await query(database.url, `SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = 'i'::regclass`)).toEqual([
      { valid: true },
    ])
  })

  test('reads columns of the type "char", of which the catalogue is full', async () => {
    const adapter = await mendedAdapter(database.url).connect()
    const { rows, columnTypes } = await adapter.queryRaw({
      sql: `SELECT relname, relkind FROM pg_class WHERE relname = 'pg_class'`,
      args: [],
      argTypes: [],
    })
    await adapter.dispose()
    expect([rows, columnTypes]).toEqual([[['pg_class', 'r']], [7, 6]])
  })

  test('tells what PostgreSQL said of a migration that cannot be replayed', async () => {
    await expect(changeSince(database.url, schema('model A {\n id Int @id\n}'), [migration('SELECT * FROM nowhere')])).rejects.toThrow(
      'relation "nowhere" does not exist',
    )
  })
})

describe('the schema and the migrations', () => {
  test('say the same', async () => {
    expect(await changeSince(database.url, readSchema(root), readMigrations(migrationsFolder))).toBeNull()
  })

  test('differ by exactly what a changed model asks for', async () => {
    const files = readSchema(root).map(({ path, content }) => ({
      path,
      content: content.replace('  slug       String\n', '  slug       String\n  motto      String?\n'),
    }))
    expect((await changeSince(database.url, files, readMigrations(migrationsFolder)))?.trim()).toBe(
      '-- AlterTable\nALTER TABLE "teams"."teams" ADD COLUMN     "motto" TEXT;',
    )
  })

  test('still say the same after the migrations were applied to a real database', async () => {
    await using copy = await createTestDatabase()
    expect(await changeSince(copy.ownerUrl, readSchema(root), readMigrations(migrationsFolder))).toBeNull()
  })
})

test("Prisma's engine reads the history that our deployer wrote, and finds it in order", async () => {
  await using copy = await createTestDatabase()
  const migrations = readMigrations(migrationsFolder)
  expect(await faultsOfHistory(copy.ownerUrl, readSchema(root), migrations)).toEqual([])
  const edited = migrations.map((one, index) => (index === 0 ? { ...one, sql: `${one.sql} ` } : one))
  expect(await faultsOfHistory(copy.ownerUrl, readSchema(root), edited)).toEqual([migrations[0]?.name])
})
