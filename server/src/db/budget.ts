/** Whether this process, and those beside it, can live with the server they found: asked once, at start, so that nobody finds out at night. */
import type pg from 'pg'
import type { DatabaseConfig } from './client.ts'
import { sqlStateOf } from './errors.ts'
import { SetupError } from './setup-error.ts'

/** Beside the pool, in each process: LISTEN, notifications, and the job queue's own few. docs/operations.md has the whole budget. */
const besidePool = 6

interface Server {
  readonly role: string
  readonly most: number
  readonly reserved: number
  readonly taken: number
}

const ask = `
SELECT current_user AS role, current_setting('max_connections')::int AS most,
  current_setting('superuser_reserved_connections')::int + coalesce(current_setting('reserved_connections', true), '0')::int AS reserved,
  (SELECT sum(numbackends)::int - 1 FROM pg_stat_database) AS taken`

/**
 * Makes the first connection and looks around. Gives warnings.
 *
 * @throws SetupError naming the variable that is wrong.
 */
export async function checkDatabase(pool: pg.Pool, config: DatabaseConfig): Promise<string[]> {
  const server = await pool.query<Server>(ask).then(
    ({ rows }) => rows[0] as Server,
    (error: unknown) => explain(error, config),
  )
  if (config.DATABASE_ROLE && server.role !== config.DATABASE_ROLE) {
    throw new SetupError(
      `DATABASE_ROLE is ${config.DATABASE_ROLE}, but the connection acts as ${server.role}: a pooler between drops the startup options.`,
    )
  }
  const [most, processes] = [pool.options.max, config.PLINTH_PROCESSES]
  const wanted = processes * (most + besidePool)
  const free = server.most - server.reserved
  const ofEach = processes === 1 ? '' : ` in each of ${processes} processes (PLINTH_PROCESSES)`
  if (wanted > free) {
    throw new SetupError(
      `POOL_MAX is ${most}: with ${besidePool} more for jobs and notifications${ofEach} that exceeds the ${free} connections that the server allows.`,
    )
  }
  if (server.taken + wanted <= free) return []
  const taker = processes === 1 ? 'this process' : `these ${processes} processes`
  return [
    `Only ${Math.max(0, free - server.taken)} of the server's ${free} connections are free; ${taker} may take ${wanted} (POOL_MAX ${most}).`,
  ]
}

function explain(error: unknown, { DATABASE_URL, DATABASE_ROLE }: DatabaseConfig): never {
  const { hostname, port, pathname, username } = new URL(DATABASE_URL)
  const where = `${hostname}:${port || 5432}`
  const { code = '', message = '' } = error as { code?: string; message?: string }
  const sentences: Record<string, string> = {
    '22023': `DATABASE_ROLE: the role ${DATABASE_ROLE} does not exist. db:deploy makes it.`,
    '42501': `DATABASE_ROLE: ${username} may not act as ${DATABASE_ROLE}. Grant it: GRANT ${DATABASE_ROLE} TO ${username}`,
    '28P01': `DATABASE_URL: the server at ${where} does not accept the password of ${username}.`,
    '28000': `DATABASE_URL: the server at ${where} does not let ${username} in.`,
    '3D000': `DATABASE_URL: the server at ${where} has no database ${pathname.slice(1)}.`,
    '53300': `DATABASE_URL: the server at ${where} has no connection left.`,
  }
  const sentence =
    sentences[sqlStateOf(error) ?? ''] ?? `DATABASE_URL: no database answers at ${where} (${code || message || 'no reason given'}).`
  throw new SetupError(sentence, { cause: error })
}
