/** Everything that the services keep, to compare: what is refused changes none of it. */
import { query } from './database.ts'

/** What is not the services' own: the traces of calls, and the jobs. */
const aside = ['pg_catalog', 'information_schema', 'core', 'jobs']

/** Gives a mark of each table that changes with any change in it. `url` is the owner's. */
export async function wholeState(url: string): Promise<Record<string, string>> {
  const tables = await query<{ name: string }>(
    url,
    `SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables
     WHERE table_type = 'BASE TABLE' AND NOT table_schema = ANY ($1) ORDER BY 1`,
    [aside],
  )
  const marks = tables.map(
    ({ name }) => `SELECT '${name}' AS name, md5(string_agg(t::text, '|' ORDER BY t::text)) AS mark FROM ${name} AS t`,
  )
  const rows = await query<{ name: string; mark: string | null }>(url, marks.join(' UNION ALL '))
  return Object.fromEntries(rows.map(({ name, mark }) => [name, mark ?? 'empty']))
}
