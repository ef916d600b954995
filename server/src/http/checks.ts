/** What must hold before traffic may come (http/health.ts). */
import { database } from '#db/client.ts'
import { migrationsFolder, readMigrations } from '#db/migrations/files.ts'
import { atMostEvery, type Check } from './health.ts'

const A_SECOND = 1_000

/** The names of the migrations that this code came with, read when they are first asked for. */
let known: readonly string[] | undefined

/** The pool has a connection and the server answers on it. */
export const databaseAnswers: Check = atMostEvery(A_SECOND, () => database().pool.query('SELECT 1'))

/** Every migration that this code knows has been applied. */
export const migrationsApplied: Check = atMostEvery(A_SECOND, async () => {
  known ??= readMigrations(migrationsFolder).map(({ name }) => name)
  const { rows } = await database().pool.query<{ name: string }>(
    'SELECT migration_name AS name FROM public._prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL',
  )
  const applied = new Set(rows.map(({ name }) => name))
  const pending = known.filter((name) => !applied.has(name))
  if (pending.length > 0) throw new Error(`${pending.length} migrations wait; db:deploy applies them`)
})
