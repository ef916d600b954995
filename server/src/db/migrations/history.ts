/** What a database says of its migrations: the table `_prisma_migrations`, in Prisma's layout, so that `prisma migrate` reads it too. */
import type pg from 'pg'
import type { Migration } from './files.ts'

/** One attempt to apply a migration. */
export interface HistoryRow {
  readonly id: string
  readonly migration_name: string
  readonly checksum: string
  readonly started_at: Date
  readonly finished_at: Date | null
  readonly rolled_back_at: Date | null
  readonly applied_steps_count: number
  readonly logs: string | null
}

/** How the files and a database stand to each other. All but `pending` and `failed` need a person. */
export interface Standing {
  readonly applied: string[]
  readonly pending: Migration[]
  /** Begun and not ended: killed, or stopped by an error outside a transaction. */
  readonly failed: HistoryRow[]
  /** Applied, and the file was edited since. */
  readonly changed: string[]
  /** Applied, and the file is gone. */
  readonly missing: string[]
}

/** Makes the table unless it exists. */
export async function ensureHistory(client: pg.ClientBase): Promise<void> {
  await client.query(`CREATE TABLE IF NOT EXISTS public._prisma_migrations (
    id varchar(36) PRIMARY KEY NOT NULL,
    checksum varchar(64) NOT NULL,
    finished_at timestamptz,
    migration_name varchar(255) NOT NULL,
    logs text,
    rolled_back_at timestamptz,
    started_at timestamptz NOT NULL DEFAULT now(),
    applied_steps_count integer NOT NULL DEFAULT 0
  )`)
}

/** Lists every attempt that still counts, oldest first; none in a database that was never migrated. */
export async function readHistory(client: pg.ClientBase): Promise<HistoryRow[]> {
  const { rows } = await client.query<{ there: boolean }>(`SELECT to_regclass('public._prisma_migrations') IS NOT NULL AS there`)
  if (!rows[0]?.there) return []
  const history = await client.query<HistoryRow>(
    'SELECT * FROM public._prisma_migrations WHERE rolled_back_at IS NULL ORDER BY started_at, migration_name',
  )
  return history.rows
}

/** Compares the files with the history of a database. */
export function compare(migrations: readonly Migration[], history: readonly HistoryRow[]): Standing {
  const files = new Map(migrations.map((migration) => [migration.name, migration]))
  const done = history.filter((row) => row.finished_at !== null)
  const applied = new Set(done.map((row) => row.migration_name))
  return {
    applied: [...applied],
    pending: migrations.filter((migration) => !applied.has(migration.name)),
    failed: history.filter((row) => row.finished_at === null && !applied.has(row.migration_name)),
    changed: done
      .filter((row) => files.has(row.migration_name) && files.get(row.migration_name)?.checksum !== row.checksum)
      .map((row) => row.migration_name),
    missing: [...applied].filter((name) => !files.has(name)),
  }
}
