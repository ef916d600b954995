/**
 * Names for prepared statements: PostgreSQL plans a named one once per connection, which takes a third to a half off its work.
 * When a migration has changed what a plan gives, every connection that has it fails with 0A000. All names are changed then, at once.
 */

/** More kinds of statements than this are not worth remembering: an IN list has one text for each length. */
const most = 1_000

const names = new Map<string, string>()
let last = 0
let on = true

/** Turns names on or off: a pooler in transaction mode may not know them (PREPARED_STATEMENTS). */
export function usePreparedStatements(prepared: boolean): void {
  on = prepared
  names.clear()
}

/** Gives the name under which this SQL is prepared; an empty one where it is to be sent without. */
export function statementName(sql: string): string {
  const known = names.get(sql)
  if (known !== undefined) return known
  if (!on || names.size >= most) return ''
  const name = `plinth_${++last}`
  names.set(sql, name)
  return name
}

/** Gives the statements that were sent by name, for those who look at their plans. */
export function rememberedStatements(): string[] {
  return [...names.keys()]
}

/** Gives every statement a new name, so that each connection plans it anew. The old plans go with their connections. */
export function forgetPlans(): void {
  names.clear()
}
