/** The clock by which everything expires: the database's, which all processes have in common. */
import { database } from '#db/client.ts'
import { statementName } from '#db/statements.ts'
import { currentScope } from '#db/unit.ts'

const read = 'SELECT core.clock() AS now'

/** Gives what it shows: inside a transaction what it showed when that began, as `tx.now`. */
export async function databaseNow(): Promise<Date> {
  const unit = currentScope()?.unit
  if (unit?.open) return unit.now
  const { rows } = await database().pool.query<{ now: Date }>({ name: statementName(read), text: read })
  return rows[0]?.now ?? new Date(Number.NaN)
}
