/** What a migration that was derived from the schema would do to the data that is there: counted in the database, before anybody runs it. */
import type pg from 'pg'
import { statementsOf, withoutComments } from '../src/db/migrations/statements.ts'

const name = String.raw`((?:"[^"]+"\.)?"[^"]+")`
const rules: readonly [
  pattern: RegExp,
  count: (table: string, column: string) => string,
  sentence: (table: string, column: string, rows: string) => string,
][] = [
  [
    /DROP COLUMN\s+("[^"]+")/g,
    (table, column) => `SELECT count(${column}) FROM ${table}`,
    (table, column, rows) => `drops ${column} of ${table}, where ${rows} a value`,
  ],
  [
    /ADD COLUMN\s+("[^"]+")(?=[^,]*NOT NULL)(?![^,]*DEFAULT)[^,]*/g,
    (table) => `SELECT count(*) FROM ${table}`,
    (table, column, rows) => `cannot add ${column} to ${table}: ${rows} no value for it; add it as optional, fill it, then require it`,
  ],
  [
    /ALTER COLUMN\s+("[^"]+") SET NOT NULL/g,
    (table, column) => `SELECT count(*) FROM ${table} WHERE ${column} IS NULL`,
    (table, column, rows) => `cannot require ${column} of ${table}: ${rows} none; fill it first`,
  ],
  [
    /ALTER COLUMN\s+("[^"]+") (?:SET DATA )?TYPE/g,
    (table, column) => `SELECT count(${column}) FROM ${table}`,
    (table, column, rows) => `changes the type of ${column} of ${table}, where ${rows} a value, and rewrites the table`,
  ],
]

/** Lists what the SQL would lose or could not do, one sentence each, with the number of rows. Empty where no row is touched. */
export async function lossesOf(client: pg.ClientBase, sql: string): Promise<string[]> {
  const losses: string[] = []
  for (const statement of statementsOf(sql).map(withoutComments)) {
    const dropped = new RegExp(`^DROP TABLE ${name}`).exec(statement)?.[1]
    if (dropped)
      losses.push(
        ...(await counted(client, `SELECT count(*) FROM ${dropped}`, (rows) => `drops the table ${dropped}: ${rows} to go with it`)),
      )
    const altered = new RegExp(`^ALTER TABLE ${name}`).exec(statement)?.[1]
    if (altered) losses.push(...(await lossesIn(client, altered, statement)))
  }
  return losses.map((loss) => loss.replaceAll('"', ''))
}

async function lossesIn(client: pg.ClientBase, table: string, statement: string): Promise<string[]> {
  const losses: string[] = []
  for (const [pattern, count, sentence] of rules) {
    for (const [, column = ''] of statement.matchAll(pattern)) {
      losses.push(...(await counted(client, count(table, column), (rows) => sentence(table, column, rows))))
    }
  }
  return losses
}

async function counted(client: pg.ClientBase, query: string, sentence: (rows: string) => string): Promise<string[]> {
  const { rows } = await client.query<{ count: string }>(query)
  const count = Number(rows[0]?.count ?? 0)
  return count === 0 ? [] : [sentence(count === 1 ? '1 row has' : `${count} rows have`)]
}
