/** The one Prisma client of a database. */
import type { Config } from '#lib/config.ts'
import type { Models, Service } from './models.ts'

export type DatabaseConfig = Pick<
  Config,
  | 'NODE_ENV' | 'DATABASE_URL' | 'DIRECT_URL' | 'DATABASE_ROLE' | 'PREPARED_STATEMENTS' | 'POOL_MAX' | 'POOL_WAIT_MS' | 'POOL_IDLE_MS'
  | 'STATEMENT_TIMEOUT_MS' | 'LOCK_TIMEOUT_MS' | 'TRANSACTION_TIMEOUT_MS'
>

/** Connects this process to its database: once, at start. */
export async function connectDatabase(_config: DatabaseConfig): Promise<void> {
  throw new Error('not written yet')
}

/** Closes every connection, after the transactions under way. */
export async function disconnectDatabase(): Promise<void> {
  throw new Error('not written yet')
}

/** Gives the models of a service, living rows alone. Inside a transaction it reads in that transaction: no second connection. */
export function db<S extends Service>(_service: S): Models<S> {
  throw new Error('not written yet')
}

/** Gives the models of a service with deleted rows among them: the deliberate way to see them. For reading. */
export function withDeleted<S extends Service>(_service: S): Models<S> {
  throw new Error('not written yet')
}
