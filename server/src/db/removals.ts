/**
 * Removing for good what has served, deleted rows too. In SQL, page by page, each page a transaction of its own: Prisma's `deleteMany` takes no
 * limit, and one statement over a year's rows would outlast its time and never succeed.
 */
import { log } from '#lib/log.ts'
import { database } from './client.ts'

/** How many rows one statement removes: short locks, short transactions. */
const pageSize = 5_000

/** Gives the statement that removes a page of the rows that the condition is true of. It needs an index to go by. */
export function pageOf(table: string, condition: string): string {
  return `DELETE FROM ${table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${table} WHERE ${condition} LIMIT ${pageSize}))`
}

/** Removes all that each of these statements of `pageOf` finds, and reports how many rows each had. */
export async function removeRows(statements: Readonly<Record<string, string>>): Promise<void> {
  const removed: Record<string, number> = {}
  for (const [name, statement] of Object.entries(statements)) removed[name] = await removeAll(statement)
  log.info({ removed }, 'What had served was removed.')
}

async function removeAll(statement: string): Promise<number> {
  let removed = 0
  for (let page = pageSize; page === pageSize; removed += page) page = (await database().pool.query(statement)).rowCount ?? 0
  return removed
}
