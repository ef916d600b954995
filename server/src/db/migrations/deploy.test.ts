import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createEmptyDatabase, createTestDatabase, query } from '../../../test/database.ts'
import type { TestDatabase } from '../../../test/database.ts'
import { deployMigrations } from './deploy.ts'
import { migrationsFolder, noTransaction, readMigrations } from './files.ts'

let folder: string
let database: TestDatabase

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'plinth-migrations-'))
  database = await createEmptyDatabase()
})

afterEach(async () => {
  await database.drop()
  rmSync(folder, { recursive: true, force: true })
})

function migration(name: string, sql: string): void {
  mkdirSync(join(folder, name), { recursive: true })
  writeFileSync(join(folder, name, 'migration.sql'), sql)
}

const deploy = (): Promise<string[]> => deployMigrations({ url: database.url, folder })
const tables = async (): Promise<string[]> => {
  const rows = await query<{ name: string }>(
    database.url,
    `SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' AND tablename !~ '^_' ORDER BY 1`,
  )
  return rows.map(({ name }) => name)
}
const history = () =>
  query<{ migration_name: string; checksum: string; applied_steps_count: number; done: boolean; undone: boolean; logs: string | null }>(
    database.url,
    'SELECT migration_name, checksum, applied_steps_count, finished_at IS NOT NULL AS done, rolled_back_at IS NOT NULL AS undone, logs FROM _prisma_migrations ORDER BY started_at',
  )

describe('a deploy', () => {
  test('applies what is missing in the order of the names, and nothing twice', async () => {
    migration('2_second', 'CREATE TABLE b AS SELECT * FROM a')
    migration('1_first', 'CREATE TABLE a (n int)')
    expect(await deploy()).toEqual(['1_first', '2_second'])
    expect(await deploy()).toEqual([])
    migration('3_third', 'CREATE TABLE c (n int)')
    expect(await deploy()).toEqual(['3_third'])
  })

  test("writes Prisma's own table: the sha256 of the file and one applied step", async () => {
    const sql = 'CREATE TABLE a (n int);\n-- ü\n'
    migration('1_first', sql)
    await deploy()
    expect(await history()).toEqual([
      {
        migration_name: '1_first',
        checksum: createHash('sha256').update(sql).digest('hex'),
        applied_steps_count: 1,
        done: true,
        undone: false,
        logs: null,
      },
    ])
  })

  test('refuses when the file of an applied migration was changed, and names it', async () => {
    migration('1_first', 'CREATE TABLE a (n int)')
    await deploy()
    migration('1_first', 'CREATE TABLE a (n bigint)')
    migration('2_second', 'CREATE TABLE b (n int)')
    await expect(deploy()).rejects.toThrow('The migration 1_first was applied and its file was changed since')
    expect(await tables()).toEqual(['a'])
  })

  test('refuses when the file of an applied migration is missing, and names it', async () => {
    migration('1_first', 'CREATE TABLE a (n int)')
    await deploy()
    rmSync(join(folder, '1_first'), { recursive: true })
    await expect(deploy()).rejects.toThrow('The migration 1_first was applied and its file is missing')
  })

  test('leaves nothing of a migration that fails, names the line, and applies it once it is mended', async () => {
    migration('1_first', 'CREATE TABLE a (n int);\nINSERT INTO a VALUES (1);\nINSERT INTO nowhere VALUES (1);')
    await expect(deploy()).rejects.toThrow(
      'The migration 1_first failed in line 3 and left nothing behind: relation "nowhere" does not exist (42P01).',
    )
    expect(await tables()).toEqual([])
    expect(await history()).toEqual([])
    migration('1_first', 'CREATE TABLE a (n int)')
    expect(await deploy()).toEqual(['1_first'])
  })

  test('lets the second of two deployers wait and find nothing to do', async () => {
    migration('1_first', 'CREATE TABLE a (n int); SELECT pg_sleep(0.5)')
    const lines: string[] = []
    const both = await Promise.all([
      deploy(),
      sleep(200).then(() => deployMigrations({ url: database.url, folder, report: (line) => lines.push(line) })),
    ])
    expect(both).toEqual([['1_first'], []])
    expect(lines).toEqual(['another deployer is at work: waiting'])
  })

  test('lets many deployers of an empty database end with each migration applied once', async () => {
    for (let n = 1; n <= 5; n++) migration(`${n}_m`, `CREATE TABLE t${n} (n int)`)
    const all = await Promise.all(Array.from({ length: 6 }, deploy))
    expect(all.flat().toSorted()).toEqual(['1_m', '2_m', '3_m', '4_m', '5_m'])
  })

  test('gives way to a transaction that stands before it, and tries again', { retry: 3 }, async () => {
    migration('1_first', 'CREATE TABLE a (n int)')
    await deploy()
    const reader = new pg.Client({ connectionString: database.url })
    await reader.connect()
    await reader.query('BEGIN; SELECT * FROM a')
    migration('2_second', 'ALTER TABLE a ADD COLUMN m int')
    const lines: string[] = []
    const deployed = deployMigrations({ url: database.url, folder, lockTimeoutMs: 50, report: (line) => lines.push(line) })
    await sleep(600)
    const begun = performance.now()
    await query(database.url, 'INSERT INTO a VALUES (1)')
    expect(performance.now() - begun).toBeLessThan(500)
    await reader.query('COMMIT')
    await reader.end()
    expect(await deployed).toEqual(['2_second'])
    expect(lines[0]).toBe('2_second stands behind another transaction: trying again')
  })

  test('leaves nothing half done when the deployer is killed in the middle, and the next one goes on', async () => {
    migration('1_first', 'CREATE TABLE a (n int)')
    migration('2_second', 'CREATE TABLE b (n int); SELECT pg_sleep(1.5); CREATE TABLE c (n int)')
    const script = `import { deployMigrations } from ${JSON.stringify(join(import.meta.dirname, 'deploy.ts'))}
      await deployMigrations({ url: process.env.URL, folder: process.env.FOLDER, report: (line) => console.log(line) })`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      env: { ...process.env, URL: database.url, FOLDER: folder },
    })
    await new Promise((resolve) => child.stdout.once('data', resolve))
    await sleep(200)
    child.kill('SIGKILL')
    expect(await tables()).toEqual(['a'])
    expect(await deploy()).toEqual(['2_second'])
    expect(await tables()).toEqual(['a', 'b', 'c'])
    expect((await history()).map(({ migration_name, done }) => [migration_name, done])).toEqual([
      ['1_first', true],
      ['2_second', true],
    ])
  })

  test('refuses a migration that ends its own transaction or works CONCURRENTLY inside one', async () => {
    migration('1_first', 'CREATE TABLE a (n int); COMMIT;')
    await expect(deploy()).rejects.toThrow('The migration 1_first must not say COMMIT')
    migration('1_first', 'CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON a (n)')
    await expect(deploy()).rejects.toThrow(`let it begin with "${noTransaction}"`)
    migration('1_first', `${noTransaction}\nCREATE INDEX CONCURRENTLY i ON a (n)`)
    await expect(deploy()).rejects.toThrow('must say IF NOT EXISTS')
  })
})

describe('a migration without a transaction', () => {
  test('builds an index CONCURRENTLY while another deployer waits', async () => {
    migration('1_first', 'CREATE TABLE a (n int)')
    migration(
      '2_index',
      `${noTransaction}\nCREATE INDEX CONCURRENTLY IF NOT EXISTS i ON a (n);\nCREATE INDEX CONCURRENTLY IF NOT EXISTS j ON a (n);`,
    )
    const both = await Promise.all([deploy(), deploy()])
    expect(both.flat()).toEqual(['1_first', '2_index'])
    expect((await history()).map((row) => row.applied_steps_count)).toEqual([1, 2])
  })

  test('that fails leaves a row that says why, and the next deploy goes on with the statement that failed', async () => {
    migration('1_first', 'CREATE TABLE a (n int); INSERT INTO a VALUES (1), (1)')
    await deploy()
    migration('2_index', `${noTransaction}\nCREATE TABLE b (n int);\nCREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON a (n);`)
    await expect(deploy()).rejects.toThrow('The migration 2_index stopped, statement 2 of 2 failed: could not create unique index "i"')
    expect((await history()).at(-1)).toMatchObject({ migration_name: '2_index', done: false, undone: false, applied_steps_count: 1 })
    await query(database.url, 'DELETE FROM a')
    expect(await deploy()).toEqual(['2_index'])
    const [index] = await query(database.url, `SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = 'i'::regclass`)
    expect(index).toEqual({ valid: true })
    expect((await history()).map(({ done, undone }) => [done, undone])).toEqual([
      [true, false],
      [false, true],
      [true, false],
    ])
  })
})

describe("the project's migrations", () => {
  test('are all applied in the template that tests copy', async () => {
    await using copy = await createTestDatabase()
    expect(await deployMigrations({ url: copy.ownerUrl, folder: migrationsFolder })).toEqual([])
    expect(await query(copy.ownerUrl, 'SELECT count(*)::int AS n FROM _prisma_migrations')).toEqual([
      { n: readMigrations(migrationsFolder).length },
    ])
  })

  test('say nothing that PostgreSQL 15 does not know', () => {
    const newer =
      /\b(uuidv7|uuidv4|transaction_timeout|json_table|merge_action|array_shuffle|any_value|NOT ENFORCED|VIRTUAL|WITHOUT OVERLAPS)\b/i
    for (const { name, sql } of readMigrations(migrationsFolder)) expect([name, newer.exec(sql)?.[0]]).toEqual([name, undefined])
  })
})
