/** The few connections that the dispatcher, the queue and the tail share, apart from the pool that answers requests. */
import pg from 'pg'
import type { Config } from '#lib/config.ts'
import type { log } from '#lib/log.ts'
import type { Service } from '#db'
import { models } from '#db/generated/metadata.ts'
import { startupOf } from '#db/startup-options.ts'

export type Log = Pick<typeof log, 'info' | 'warn' | 'error'>

export type PoolConfig = Pick<Config, 'DATABASE_URL' | 'DIRECT_URL' | 'DATABASE_ROLE' | 'STATEMENT_TIMEOUT_MS' | 'LOCK_TIMEOUT_MS'>

/** Every service that has a feed. */
export const services = [...new Set(Object.values(models).map((model) => model.service))].filter(
  (service): service is Service => (service as string) !== 'core',
)

/**
 * Opens a pool of at most `max` connections in the application's role. A request that waits for a connection never waits for a job,
 * nor the other way round. Its connections are direct: a pooler would drop the role and the timeouts.
 */
export function openPool(config: PoolConfig, max: number, log: Log): pg.Pool {
  const settings = {
    ...(config.DATABASE_ROLE && { role: config.DATABASE_ROLE }),
    statement_timeout: config.STATEMENT_TIMEOUT_MS,
    lock_timeout: config.LOCK_TIMEOUT_MS,
    idle_in_transaction_session_timeout: 5_000,
  }
  const pool = new pg.Pool({
    ...startupOf(config.DIRECT_URL ?? config.DATABASE_URL, settings),
    application_name: 'plinth jobs',
    max,
    idleTimeoutMillis: 30_000,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
  })
  pool.on('error', (error) => log.warn({ error }, 'An idle connection of the jobs was lost.'))
  return pool
}
