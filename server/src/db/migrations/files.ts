/** The migrations as they lie in prisma/migrations: a folder each, in the order of their names. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { SetupError } from '../setup-error.ts'
import { statementsOf, withoutComments } from './statements.ts'

/** The first line of a migration that must run outside a transaction, statement by statement. */
export const noTransaction = '-- plinth: no-transaction'

export interface Migration {
  /** The name of its folder, which begins with its time. */
  readonly name: string
  readonly sql: string
  /** sha256 of the file, in hex: what Prisma writes too. */
  readonly checksum: string
  /** One transaction for all of it, or statement by statement. */
  readonly transactional: boolean
}

/** The migrations of this project. */
export const migrationsFolder = join(import.meta.dirname, '../../../../prisma/migrations')

/** Lists the migrations in the order in which they apply. Throws a SetupError for one that could not be applied safely. */
export function readMigrations(folder: string): Migration[] {
  const folders = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  return folders.map((entry) => readMigration(folder, entry.name)).toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

function readMigration(folder: string, name: string): Migration {
  const file = join(folder, name, 'migration.sql')
  if (!existsSync(file)) throw new SetupError(`The migration ${name} has no migration.sql.`)
  const content = readFileSync(file)
  const sql = content.toString('utf8')
  const checksum = createHash('sha256').update(content).digest('hex')
  const transactional = sql.split(/\r?\n/, 1)[0]?.trim() !== noTransaction
  const fault = statementsOf(sql)
    .map((statement) => faultOf(withoutComments(statement), transactional))
    .find((found) => found !== null)
  if (fault) throw new SetupError(`The migration ${name} ${fault}.`)
  return { name, sql, checksum, transactional }
}

function faultOf(statement: string, transactional: boolean): string | null {
  const concurrently = /^(CREATE\s+(UNIQUE\s+)?|DROP\s+|RE)INDEX\b[^;]*?\bCONCURRENTLY\b/i.test(statement)
  if (/^(BEGIN|START\s+TRANSACTION|COMMIT|ROLLBACK|END|ABORT)\b/i.test(statement))
    return `must not say ${statement.split(/\s/, 1)[0]}: it runs in a transaction of its own`
  if (transactional && concurrently) return `works CONCURRENTLY, which no transaction can: let it begin with "${noTransaction}"`
  if (!transactional && concurrently && !/\bIF\s+(NOT\s+)?EXISTS\b/i.test(statement) && !/^RE/i.test(statement))
    return 'must say IF NOT EXISTS or IF EXISTS with CONCURRENTLY, so that it can be run again after a failure'
  return null
}
