/** Locks that a test holds, so that calls wait in the order that it wants. */
import pg from 'pg'
import { query } from './database.ts'
import { eventually } from './outbox.ts'

export interface Held extends AsyncDisposable {
  /** Waits until so many statements wait for a lock. */
  waiting(count: number): Promise<void>
  /** Runs a statement on the connection that holds them. */
  run(sql: string, values?: unknown[]): Promise<void>
  /** Lets go: whoever waited first goes on first. */
  release(): Promise<void>
}

/** Holds what this statement locks, on a connection of its own. `url` is the owner's. */
export async function hold(url: string, sql: string, values: unknown[] = []): Promise<Held> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query('BEGIN')
  await client.query(sql, values)
  let held = true
  const release = async () => {
    if (!held) return
    held = false
    await client.query('COMMIT')
    await client.end()
  }
  const waiters = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`
  return {
    // Asked on another connection: within a transaction the view stays as it was first seen.
    waiting: async (count) => void (await eventually(async () => (await query(url, waiters)).length >= count)),
    run: async (text, more = []) => void (await client.query(text, more)),
    release,
    [Symbol.asyncDispose]: release,
  }
}

/** Holds the row of an account, as whatever decides on it does. */
export function holdAccount(url: string, userId: string): Promise<Held> {
  return hold(url, 'SELECT FROM auth.users WHERE id = $1 FOR NO KEY UPDATE', [userId])
}
