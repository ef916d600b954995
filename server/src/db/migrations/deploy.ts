/**
 * Applies migrations: plain SQL, one transaction each, under a lock that lets one deployer work at a time.
 * It needs nothing but `pg`: no schema engine, no development dependency.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { SetupError } from '../setup-error.ts'
import { readMigrations } from './files.ts'
import type { Migration } from './files.ts'
import { compare, ensureHistory, readHistory } from './history.ts'
import type { HistoryRow, Standing } from './history.ts'
import { statementsOf, withoutComments } from './statements.ts'

/** The key of Prisma's own migration lock: `prisma migrate deploy` and this wait for each other. */
const lockKey = 72_707_369

export interface DeployOptions {
  /** A direct connection (no pooler: the lock belongs to the session) as the role that owns the schemas. */
  readonly url: string
  readonly folder: string
  /** How long one statement waits for a lock before the migration lets everybody pass and tries again. Default 500 ms. */
  readonly lockTimeoutMs?: number
  /** How long a migration goes on trying, and a deployer waits for another. Default 120 s. */
  readonly patienceMs?: number
  /** Told of what happens, a line at a time. */
  readonly report?: (line: string) => void
}

/**
 * Applies every migration that the database lacks and returns their names. Two deployers at once: the second waits and finds nothing to do.
 * Throws a SetupError when an applied file was changed or is missing, or when a migration fails: of that one nothing remains.
 */
export async function deployMigrations(options: DeployOptions): Promise<string[]> {
  const migrations = readMigrations(options.folder)
  const client = new pg.Client({ connectionString: options.url, application_name: 'plinth deploy', keepAlive: true })
  client.on('error', () => undefined)
  await client.connect()
  try {
    await waitForTurn(client, options)
    await ensureHistory(client)
    const standing = compare(migrations, await readHistory(client))
    refuseTampering(standing)
    for (const migration of standing.pending) {
      await apply(
        client,
        migration,
        standing.failed.findLast((row) => row.migration_name === migration.name),
        options,
      )
      options.report?.(`applied ${migration.name}`)
    }
    return standing.pending.map((migration) => migration.name)
  } finally {
    await client.end()
  }
}

/** Asks again and again instead of waiting in the lock: a waiting statement holds a snapshot, for which CREATE INDEX CONCURRENTLY would wait. */
async function waitForTurn(client: pg.Client, { patienceMs = 120_000, report }: DeployOptions): Promise<void> {
  const deadline = Date.now() + patienceMs
  for (let waited = false; ; waited = true) {
    const { rows } = await client.query<{ mine: boolean }>('SELECT pg_try_advisory_lock($1) AS mine', [lockKey])
    if (rows[0]?.mine) return
    if (!waited) report?.('another deployer is at work: waiting')
    if (Date.now() > deadline) throw new SetupError(`Another deployer has held the migration lock for ${patienceMs / 1000} seconds.`)
    await sleep(100)
  }
}

function refuseTampering({ changed, missing }: Standing): void {
  if (changed[0])
    throw new SetupError(
      `The migration ${changed[0]} was applied and its file was changed since: put the file back and write a new migration.`,
    )
  if (missing[0])
    throw new SetupError(
      `The migration ${missing[0]} was applied and its file is missing: this code is older than the database, or the file was removed.`,
    )
}

async function apply(client: pg.Client, migration: Migration, failed: HistoryRow | undefined, options: DeployOptions): Promise<void> {
  const deadline = Date.now() + (options.patienceMs ?? 120_000)
  for (;;) {
    try {
      await client.query(
        `RESET ALL; SET statement_timeout = 0; SET client_min_messages = warning; SET lock_timeout = ${options.lockTimeoutMs ?? 500}`,
      )
      await (migration.transactional ? applyWhole(client, migration, failed) : applyInSteps(client, migration, failed))
      return
    } catch (error) {
      if ((error as { code?: string }).code !== '55P03' || !migration.transactional) throw explained(migration, error)
      if (Date.now() > deadline)
        throw new SetupError(`The migration ${migration.name} found no moment without locks in its way: ${(error as Error).message}.`)
      options.report?.(`${migration.name} stands behind another transaction: trying again`)
      await sleep(100 + Math.random() * 400)
    }
  }
}

async function applyWhole(client: pg.Client, migration: Migration, failed: HistoryRow | undefined): Promise<void> {
  await client.query('BEGIN')
  try {
    if (failed) await markRolledBack(client, failed.id)
    const id = await begin(client, migration, 0)
    await client.query(migration.sql)
    await finish(client, id, 1)
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined)
    throw error
  }
}

/** Each statement commits by itself. After a failure the next deploy goes on with the statement that failed. */
async function applyInSteps(client: pg.Client, migration: Migration, failed: HistoryRow | undefined): Promise<void> {
  const statements = statementsOf(migration.sql)
  const from = failed?.checksum === migration.checksum ? failed.applied_steps_count : 0
  if (failed) await markRolledBack(client, failed.id)
  const id = await begin(client, migration, from)
  await client.query('SET lock_timeout = 0')
  for (const [index, statement] of statements.entries()) {
    if (index < from) continue
    try {
      await dropInvalidIndex(client, statement)
      await client.query(statement)
    } catch (error) {
      const why = `statement ${index + 1} of ${statements.length} failed: ${(error as Error).message}`
      await client.query('UPDATE public._prisma_migrations SET logs = $2 WHERE id = $1', [id, why])
      throw new SetupError(
        `The migration ${migration.name} stopped, ${why}. What ran before it stays. Mend the cause and deploy again: it goes on from there.`,
      )
    }
    await client.query('UPDATE public._prisma_migrations SET applied_steps_count = $2 WHERE id = $1', [id, index + 1])
  }
  await finish(client, id, statements.length)
}

/** CREATE INDEX CONCURRENTLY that failed or was killed leaves an index that serves nobody and that IF NOT EXISTS would take for done. */
async function dropInvalidIndex(client: pg.Client, statement: string): Promise<void> {
  const name = /^CREATE\s+(?:UNIQUE\s+)?INDEX\s+CONCURRENTLY\s+IF\s+NOT\s+EXISTS\s+("[^"]+"|\w+)/i.exec(withoutComments(statement))?.[1]
  if (!name) return
  const plain = name.startsWith('"') ? name.slice(1, -1) : name.toLowerCase()
  const { rows } = await client.query<{ index: string }>(
    `SELECT i.indexrelid::regclass::text AS index FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relname = $1 AND NOT i.indisvalid`,
    [plain],
  )
  for (const { index } of rows) await client.query(`DROP INDEX CONCURRENTLY IF EXISTS ${index}`)
}

async function begin(client: pg.Client, { name, checksum }: Migration, steps: number): Promise<string> {
  const id = randomUUID()
  await client.query(
    'INSERT INTO public._prisma_migrations (id, checksum, migration_name, started_at, applied_steps_count) VALUES ($1, $2, $3, clock_timestamp(), $4)',
    [id, checksum, name, steps],
  )
  return id
}

async function finish(client: pg.Client, id: string, steps: number): Promise<void> {
  await client.query(
    'UPDATE public._prisma_migrations SET finished_at = clock_timestamp(), applied_steps_count = $2, logs = NULL WHERE id = $1',
    [id, steps],
  )
}

async function markRolledBack(client: pg.Client, id: string): Promise<void> {
  await client.query('UPDATE public._prisma_migrations SET rolled_back_at = clock_timestamp() WHERE id = $1', [id])
}

function explained(migration: Migration, error: unknown): Error {
  if (error instanceof SetupError) return error
  const { code, message, position, hint } = error as { code?: string; message: string; position?: string; hint?: string }
  if (code === undefined) return error as Error
  const line = position ? ` in line ${migration.sql.slice(0, Number(position)).split('\n').length}` : ''
  return new SetupError(
    `The migration ${migration.name} failed${line} and left nothing behind: ${message} (${code}).${hint ? ` ${hint}` : ''}`,
  )
}
