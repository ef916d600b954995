/** Statements of our own for hot paths: prepared, one trip, past Prisma. Raw SQL is not filtered: it names `deleted_at` itself. */
import { database } from './client.ts'
import { statementName } from './statements.ts'
import { currentScope } from './unit.ts'

/**
 * Runs a statement and gives its rows: in the transaction that this code runs in, outside of one on any connection of the pool. For what a
 * benchmark shows to be worth it (docs/bench.md); what `db()` gives costs three to five times the CPU for a row, and the same for many.
 */
export async function prepared<R extends object>(text: string, values: unknown[]): Promise<R[]> {
  const unit = currentScope()?.unit
  if (!unit?.open || !unit.connection) {
    const { rows } = await database().pool.query<R & Record<string, unknown>>({ name: statementName(text), text, values })
    return rows
  }
  const { rows } = await unit.connection.run(unit, text, values)
  return rows as R[]
}
