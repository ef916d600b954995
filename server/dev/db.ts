/** `pnpm db:...`: what is done to a database and its migrations by hand. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import pg from 'pg'
import { deploy } from '../src/deploy.ts'
import { SetupError } from '../src/db/setup-error.ts'
import { findDrift } from '../src/db/migrations/drift.ts'
import { migrationsFolder, readMigrations } from '../src/db/migrations/files.ts'
import { compare, readHistory } from '../src/db/migrations/history.ts'
import type { Standing } from '../src/db/migrations/history.ts'
import { queueSchema } from '../src/jobs/schema.ts'
import { checkEnvironment, command, developmentVariables, isDisposable, loadEnvironment, openDatabase, root } from './environment.ts'
import type { Database } from './environment.ts'
import { writeMigration } from './migration-file.ts'

const commands: Record<string, (database: Database, args: string[]) => Promise<void>> = {
  new: newMigration,
  deploy: applyAll,
  status: showStatus,
  drift: showDrift,
  reset,
  seed: (database, args) => seedUnlessElsewhere(database, args),
  studio,
}

/** Writes the migration that leads from the migrations to the schema. The engine it needs is a development dependency, loaded here alone. */
async function newMigration(database: Database, [name]: string[]): Promise<void> {
  if (!name || !/^[a-z][a-z0-9_]*$/.test(name)) throw new SetupError('Give the migration a name in lower case: pnpm db:new add_team_motto')
  const { changeSince, readSchema } = await import('./schema-engine.ts')
  const { lossesOf } = await import('./losses.ts')
  const { lintMigrations } = await import('./migration-rules/lint.ts')
  const migrations = readMigrations(migrationsFolder)
  const sql = await changeSince(database.ownerUrl, readSchema(root), migrations)
  if (sql === null) return console.log('schema unchanged: there is nothing to migrate')
  const losses = await connected(database.ownerUrl, async (client) => {
    const { pending } = compare(migrations, await readHistory(client))
    if (pending[0])
      throw new SetupError(
        `The migration ${pending[0].name} is not applied here: run pnpm db:deploy first, so that what the new one costs can be counted.`,
      )
    return lossesOf(client, sql)
  })
  console.log(writeMigration(name, sql))
  for (const loss of losses) console.log(`  ! ${loss}`)
  for (const fault of await lintMigrations(migrationsFolder)) console.log(`  ! ${fault}`)
  console.log('Read it, then apply it with pnpm db:deploy. A running pnpm dev applies it by itself.')
}

async function applyAll({ ownerUrl }: Database): Promise<void> {
  const applied = await deploy(ownerUrl, { report: (line) => console.log(line) })
  if (applied.length === 0) console.log('up to date')
}

async function showStatus({ ownerUrl }: Database): Promise<void> {
  const standing = await connected(ownerUrl, async (client) => compare(readMigrations(migrationsFolder), await readHistory(client)))
  const lines = linesOf(standing)
  for (const line of lines) console.log(line)
  console.log(`${standing.applied.length} applied, ${standing.pending.length} pending`)
  if (lines.length > 0) process.exitCode = 1
}

function linesOf({ pending, failed, changed, missing }: Standing): string[] {
  return [
    ...pending.map(({ name }) => `${name} is not applied: pnpm db:deploy`),
    ...failed.map(
      (row) => `${row.migration_name} began and did not end${row.logs ? ` (${row.logs})` : ''}: mend the cause and run pnpm db:deploy`,
    ),
    ...changed.map((name) => `${name} was changed after it was applied: put the file back`),
    ...missing.map((name) => `${name} was applied and its file is missing`),
  ]
}

async function showDrift({ ownerUrl }: Database): Promise<void> {
  const drift = await findDrift(ownerUrl, migrationsFolder, [queueSchema])
  console.log(drift.length === 0 ? 'no drift: the database is what the migrations make' : drift.join('\n'))
  if (drift.length > 0) process.exitCode = 1
}

async function reset(database: Database, args: string[]): Promise<void> {
  refuseUnlessDisposable(database, args.includes('--force'))
  await connected(database.ownerUrl, async (client) => {
    const schemas = ourSchemas()
      .map((name) => `DROP SCHEMA IF EXISTS ${name} CASCADE;`)
      .join('')
    await client.query(
      `SET client_min_messages = warning; SET lock_timeout = '10s'; BEGIN; ${schemas} DROP TABLE IF EXISTS public._prisma_migrations; COMMIT`,
    )
  })
  await applyAll(database)
  await seed(database.ownerUrl)
}

/** Other applications may share the database: theirs is left alone. */
function ourSchemas(): string[] {
  const named = /schemas\s*=\s*\[([^\]]*)\]/.exec(readFileSync(join(root, 'prisma/schema/base.prisma'), 'utf8'))?.[1] ?? ''
  return [...named.matchAll(/"(\w+)"/g)].map(([, name = '']) => name).concat(queueSchema)
}

function refuseUnlessDisposable(database: Database, force: boolean): void {
  if (database.embedded || force) return
  if (checkEnvironment().NODE_ENV === 'production')
    throw new SetupError('NODE_ENV is production: pnpm db:reset removes everything. Say --force if you mean it.')
  if (!isDisposable(database))
    throw new SetupError(
      `The database is on ${new URL(database.ownerUrl).hostname}, not on this machine: pnpm db:reset removes everything. Say --force if you mean it.`,
    )
}

/** The demonstration has an administrator whose password everybody knows. */
async function seedUnlessElsewhere(database: Database, args: string[]): Promise<void> {
  if (!isDisposable(database) && !args.includes('--force'))
    throw new SetupError('The database is not on this machine: the demonstration has a known password. Say --force if you mean it.')
  await seed(database.ownerUrl)
}

/** Runs prisma/seed.ts, which calls the services themselves. */
async function seed(ownerUrl: string): Promise<void> {
  await run([join(root, 'prisma/seed.ts')], { DATABASE_URL: ownerUrl, ...developmentVariables() })
}

async function studio({ ownerUrl }: Database): Promise<void> {
  const manifest = createRequire(join(root, 'server/package.json')).resolve('prisma/package.json')
  const { bin } = JSON.parse(readFileSync(manifest, 'utf8')) as { bin: { prisma: string } }
  console.log(
    'Prisma Studio acts as the owner of the tables: it shows deleted rows, and what it writes passes by the rules. Ctrl-C ends it.',
  )
  const options = { CHECKPOINT_DISABLE: '1', PRISMA_HIDE_UPDATE_MESSAGE: '1' }
  await run([join(manifest, '..', bin.prisma), 'studio', '--url', ownerUrl, '--browser', 'none'], { ...process.env, ...options })
}

async function run(args: string[], environment: NodeJS.ProcessEnv): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  process.on('SIGINT', () => undefined)
  const child = spawn(process.execPath, args, { cwd: root, stdio: 'inherit', env: environment })
  child.on('error', reject)
  child.on('close', (code, signal) =>
    code === 0 || signal === 'SIGINT' || code === 130
      ? resolve()
      : reject(new SetupError(`It ended with ${signal ?? `exit code ${code}`}.`)),
  )
  return promise
}

async function connected<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

await command(async () => {
  const [name = '', ...args] = process.argv.slice(2)
  const chosen = commands[name]
  if (!chosen)
    throw new SetupError(
      `db:${name} is none of ${Object.keys(commands)
        .map((known) => `db:${known}`)
        .join(', ')}.`,
    )
  loadEnvironment()
  const database = await openDatabase('command')
  try {
    await chosen(database, args)
  } finally {
    await database.close()
  }
})
