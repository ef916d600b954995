import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createEmptyDatabase, query } from '../test/database.ts'
import type { TestDatabase } from '../test/database.ts'
import { root } from './environment.ts'

let database: TestDatabase
let folder: string

beforeAll(async () => {
  database = await createEmptyDatabase()
  folder = mkdtempSync(join(tmpdir(), 'plinth-db-'))
})

afterAll(async () => {
  await database.drop()
  rmSync(folder, { recursive: true, force: true })
})

interface Outcome {
  readonly code: number | null
  readonly output: string
}

/** Runs `pnpm db:<words>` on the test's database. */
async function db(words: string, variables: Record<string, string> = {}, options: readonly string[] = []): Promise<Outcome> {
  // Set, though empty: a variable that is set prevails over the .env of whoever runs the tests, whose database must not be reset.
  const env = { ...process.env, NODE_ENV: 'development', DATABASE_URL: database.ownerUrl, DIRECT_URL: '', OWNER_URL: '', ...variables }
  const child = spawn(process.execPath, [...options, join(import.meta.dirname, 'db.ts'), ...words.split(' ')], { env })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { code, output: output.trim() }
}

/** A hook that refuses every development dependency, as an installation for production would. */
function withoutDevelopment(): readonly string[] {
  const manifest = JSON.parse(readFileSync(join(root, 'server/package.json'), 'utf8')) as { devDependencies: Record<string, string> }
  const file = join(folder, 'production.mjs')
  const missing = JSON.stringify(Object.keys(manifest.devDependencies))
  writeFileSync(
    file,
    `import { registerHooks } from 'node:module'
     registerHooks({ resolve(name, context, next) { if (${missing}.some((one) => name === one || name.startsWith(one + '/'))) throw new Error(name + ' is not installed'); return next(name, context) } })`,
  )
  return ['--import', file]
}

describe('the database commands', () => {
  test('deploy in production needs no development dependency and no secret, and then has nothing to do', async () => {
    const production = { NODE_ENV: 'production', PLINTH_SECRET: '' }
    const first = await db('deploy', production, withoutDevelopment())
    expect(first).toMatchObject({ code: 0, output: expect.stringContaining('applied 20261120000000_foundation') })
    expect(await db('deploy', production, withoutDevelopment())).toEqual({ code: 0, output: 'up to date' })
  })

  test('status and drift agree that all is well, and new has nothing to write', async () => {
    expect(await db('status')).toMatchObject({ code: 0, output: expect.stringMatching(/^\d+ applied, 0 pending$/) })
    expect(await db('drift')).toEqual({ code: 0, output: 'no drift: the database is what the migrations make' })
    expect(await db('new nothing')).toEqual({ code: 0, output: 'schema unchanged: there is nothing to migrate' })
  })

  test('reset refuses what is not on this machine and what is in production, and begins anew otherwise', async () => {
    const production = await db('reset', { NODE_ENV: 'production' })
    expect(production).toEqual({ code: 1, output: 'NODE_ENV is production: pnpm db:reset removes everything. Say --force if you mean it.' })
    await query(database.ownerUrl, 'DELETE FROM core.sequencers')
    const { code, output } = await db('reset')
    expect([code, output.split('\n').at(-1)]).toEqual([0, 'made a small demonstration: owner@example.com owns the team "demo"'])
    expect(await query(database.ownerUrl, 'SELECT count(*)::int AS n FROM core.sequencers')).toEqual([{ n: 2 }])
    expect(await db('seed')).toEqual({ code: 0, output: 'somebody has an account here: nothing to seed' })
  })

  test.each([
    ['a word that is none', 'undo', {}, /^db:undo is none of db:new, /],
    ['a name that is none', 'new Add-Motto', {}, /^Give the migration a name in lower case/],
    ['a URL of another kind', 'status', { DATABASE_URL: 'mysql://a@b/c' }, /^DATABASE_URL is not a PostgreSQL URL like [^\n]+$/],
    [
      'a database that is down',
      'status',
      { DATABASE_URL: 'postgresql://a@127.0.0.1:1/b' },
      /^DATABASE_URL: no database answers at 127\.0\.0\.1:1\.$/,
    ],
    [
      'a host that is not there',
      'status',
      { OWNER_URL: 'postgresql://a@nowhere.invalid/b' },
      /^OWNER_URL: there is no host nowhere\.invalid\.$/,
    ],
    [
      'no database in production',
      'status',
      { NODE_ENV: 'production', DATABASE_URL: '' },
      /^DATABASE_URL is not set: in production the database is named\.$/,
    ],
    ['another variable that is wrong', 'status', { PORT: 'http' }, /^PORT is not a whole number\.$/],
  ])('%s is answered with one sentence and exit code 1', async (_case, words, variables, sentence) => {
    expect(await db(words, variables)).toEqual({ code: 1, output: expect.stringMatching(sentence) })
  })

  test('a database that is not there is named', async () => {
    const url = new URL(database.ownerUrl)
    url.pathname = '/nothing_here'
    expect(await db('status', { DATABASE_URL: url.href })).toEqual({
      code: 1,
      output: `DATABASE_URL: there is no database nothing_here at ${url.host}.`,
    })
  })
})
