/** The one Prisma client of a process, and its pool. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import type { Config } from '#lib/config.ts'
import { checkDatabase } from './budget.ts'
import { Connection, giveUpAfter } from './connection.ts'
import { PrismaClient } from './generated/client.ts'
import { showPool } from './pool-figures.ts'
import { useSlowQueryLimit } from './queries.ts'
import { softDeleting, type SoftDeletingClient } from './soft-delete/index.ts'
import { startupOf } from './startup-options.ts'
import { statementName, usePreparedStatements } from './statements.ts'

/** The settings that a connection is made by. */
export type DatabaseConfig = Pick<
  Config,
  | 'NODE_ENV'
  | 'DATABASE_URL'
  | 'DATABASE_ROLE'
  | 'PREPARED_STATEMENTS'
  | 'POOL_MAX'
  | 'POOL_WAIT_MS'
  | 'POOL_IDLE_MS'
  | 'STATEMENT_TIMEOUT_MS'
  | 'LOCK_TIMEOUT_MS'
  | 'TRANSACTION_TIMEOUT_MS'
  | 'SLOW_QUERY_MS'
  | 'PLINTH_PROCESSES'
>

/** What a process has of its database. */
export interface Database {
  readonly pool: pg.Pool
  readonly prisma: SoftDeletingClient
  /** Prisma's limits of a transaction, in milliseconds: until it has a connection, and until it must have ended. */
  readonly limits: { readonly maxWait: number; readonly timeout: number }
}

/** On globalThis, so that a module loaded again in development finds the connections that are there. */
const store = globalThis as { [key: symbol]: Database | undefined }
const place = Symbol.for('plinth.database')
showPool('calls', () => store[place]?.pool)

/** How much longer the outer of two limits waits, so that the inner one speaks. */
const graceMs = 2_000
/** What setTimeout can count to: 24 days. */
const longestTimer = 2 ** 31 - 1

/**
 * Connects this process to its database: once, at start. Gives sentences about what may become a problem, for the log.
 *
 * @throws SetupError in one sentence that names the variable: nobody answers, the role is missing, the pool is larger than the server allows.
 */
export async function connectDatabase(config: DatabaseConfig): Promise<{ warnings: string[] }> {
  if (store[place]) return { warnings: [] }
  usePreparedStatements(config.PREPARED_STATEMENTS)
  giveUpAfter(beyond(config.STATEMENT_TIMEOUT_MS))
  useSlowQueryLimit(config.SLOW_QUERY_MS)
  const pool = poolOf(config)
  const warnings = await checkDatabase(pool, config).catch(async (error: unknown) => {
    await pool.end()
    throw error
  })
  const adapter = new PrismaPg(pool, { statementNameGenerator: ({ sql }) => statementName(sql) })
  const limits = { maxWait: beyond(config.POOL_WAIT_MS), timeout: config.TRANSACTION_TIMEOUT_MS || longestTimer }
  // Minimal also spares each query the look at who asked.
  store[place] = { pool, prisma: softDeleting(new PrismaClient({ adapter, errorFormat: 'minimal' })), limits }
  return { warnings }
}

/** PostgreSQL and pg take 0 for no limit. */
function beyond(limitMs: number): number {
  return limitMs === 0 ? longestTimer : limitMs + graceMs
}

/** Closes every connection, after the statements under way. Nothing happens where none is open. */
export async function disconnectDatabase(): Promise<void> {
  const open = store[place]
  store[place] = undefined
  await open?.prisma.$disconnect()
  await open?.pool.end()
}

/** Gives the database of this process. */
export function database(): Database {
  const open = store[place]
  if (!open) throw new Error('connectDatabase() has not been called')
  return open
}

/** How many connections a process takes where POOL_MAX does not say. */
export function poolMax(config: Pick<Config, 'NODE_ENV' | 'POOL_MAX'>): number {
  return config.POOL_MAX ?? (config.NODE_ENV === 'production' ? 20 : 5)
}

function poolOf(config: DatabaseConfig): pg.Pool {
  const pool = new pg.Pool({
    Client: Connection,
    ...startupOf(config.DATABASE_URL, settingsOf(config)),
    application_name: 'plinth',
    max: poolMax(config),
    connectionTimeoutMillis: config.POOL_WAIT_MS,
    idleTimeoutMillis: config.POOL_IDLE_MS,
    keepAlive: true,
  })
  // A connection that breaks while idle is replaced when one is needed. Without a listener it would end the process.
  pool.on('error', () => undefined)
  return keepingTheCall(pool)
}

/** Who waited for a connection goes on in their own call, not in that of whoever gave the connection back. */
function keepingTheCall(pool: pg.Pool): pg.Pool {
  const connect = pool.connect.bind(pool) as (callback?: Parameters<pg.Pool['connect']>[0]) => Promise<pg.PoolClient>
  return Object.assign(pool, {
    connect: (callback?: Parameters<pg.Pool['connect']>[0]) => connect(callback && AsyncLocalStorage.bind(callback)),
  })
}

function settingsOf(config: DatabaseConfig): Record<string, string | number> {
  return {
    ...(config.DATABASE_ROLE && { role: config.DATABASE_ROLE }),
    statement_timeout: config.STATEMENT_TIMEOUT_MS,
    lock_timeout: config.LOCK_TIMEOUT_MS,
    idle_in_transaction_session_timeout: config.TRANSACTION_TIMEOUT_MS,
    timezone: 'UTC',
  }
}
