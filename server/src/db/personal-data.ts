/**
 * What is held of people, table by table: what an export shows them, and what an erasure leaves (GDPR, articles 15, 17 and 20). Each service says it
 * of every table that it has, or does not compile; export and erasure follow from what is said.
 */
import type { SystemActor } from '#lib/actor.ts'
import { database } from './client.ts'
import { models, type ServiceModels } from './generated/metadata.ts'
import type { Row, Service } from './models.ts'
import { transaction } from './transaction.ts'
import { currentScope } from './unit.ts'

/** What is to be said of a table. */
export type PersonalTable<M extends string> = Impersonal | Personal<M>

interface Impersonal {
  /** Why there is nothing of a person in it, or nothing but an id that names nobody once its account is erased. */
  readonly impersonal: string
}

interface Personal<M extends string> {
  /** The columns that hold the id of the person whose row it is. */
  readonly of: readonly Column<M>[]
  /** The column with an address, by which rows are found that know the person by nothing else: those that name another person are theirs. */
  readonly address?: Column<M>
  /** What their owner is shown of the rows. Secrets, and what is about others, are not among it. */
  readonly shows: readonly Column<M>[]
  /** What becomes of the rows, deleted ones too: they go, or these columns are overwritten. */
  readonly erasure: 'REMOVE' | ((now: Date) => Partial<Row<M>>)
}

type Column<M extends string> = keyof Row<M> & string

/** A person, as their rows know them. */
export interface DataSubject {
  readonly userId: string
  /** The addresses that the account has and had. */
  readonly emails: readonly string[]
}

/** What a service holds of people. */
export interface PersonalData {
  readonly service: keyof ServiceModels
  /** By the name that the model has in the schema's client. */
  readonly tables: Readonly<Record<string, Impersonal | Personal<never>>>
  /** Refuses where something of the service's needs the person, and nobody else could take it over. Called in the transaction that takes them away. */
  readonly beforeLeaving?: (userId: string) => Promise<void>
}

interface Table {
  readonly property: string
  readonly service: string
  readonly table: string
  readonly columns: Readonly<Record<string, { readonly name: string }>>
}

const known = new Map<string, Table>(Object.values<Table>(models).map((table) => [table.property, table]))

/** Says of every table of a service what it holds of people. Erasure goes through them in this order: what refers comes before what it refers to. */
export function definePersonalData<S extends keyof ServiceModels>(
  service: S,
  tables: { readonly [M in ServiceModels[S]]: PersonalTable<M> },
  more: Pick<PersonalData, 'beforeLeaving'> = {},
): PersonalData {
  // Which columns there are, the type of `tables` has said; from here on they are names.
  return { service, tables: tables as unknown as PersonalData['tables'], ...more }
}

/** Gives everything that a service shows a person about themselves, by table; deleted rows are among it. */
export async function exportPersonalData({ tables }: PersonalData, subject: DataSubject): Promise<Record<string, unknown[]>> {
  const found: Record<string, unknown[]> = {}
  for (const [property, rule] of Object.entries(tables)) {
    if ('impersonal' in rule || rule.shows.length === 0) continue
    const table = tableOf(property)
    const columns = (rule.shows as readonly string[]).map((field) => `${columnOf(table, field)} AS "${field}"`)
    const { condition, values } = rowsOf(table, rule, subject)
    const { rows } = await database().pool.query(`SELECT ${columns.join(', ')} FROM ${nameOf(table)} WHERE ${condition}`, values)
    found[property] = rows
  }
  return found
}

/** Erases what a service holds of a person, in one transaction. Gives how many rows of each table it touched; a second time there are none left. */
export async function erasePersonalData(
  { service, tables }: PersonalData,
  actor: SystemActor,
  subject: DataSubject,
): Promise<Record<string, number>> {
  return transaction(service as Service, actor, async ({ now }) => {
    const touched: Record<string, number> = {}
    for (const [property, rule] of Object.entries(tables)) {
      if ('impersonal' in rule) continue
      const table = tableOf(property)
      const { condition, values } = rowsOf(table, rule, subject)
      const overwritten = rule.erasure === 'REMOVE' ? [] : Object.entries<unknown>(rule.erasure(now))
      const blanks = overwritten.map(([field], index) => `${columnOf(table, field)} = $${values.length + index + 1}`)
      const verb = rule.erasure === 'REMOVE' ? `DELETE FROM ${nameOf(table)}` : `UPDATE ${nameOf(table)} SET ${blanks.join(', ')}`
      touched[property] = await run(`${verb} WHERE ${condition}`, [...values, ...overwritten.map(([, value]) => value)])
    }
    return touched
  })
}

async function run(statement: string, values: unknown[]): Promise<number> {
  const { unit } = currentScope() ?? {}
  if (!unit?.connection) throw new Error('Personal data is erased in a transaction')
  return (await unit.connection.run(unit, statement, values)).rowCount ?? 0
}

function rowsOf(table: Table, { of, address }: Personal<never>, { userId, emails }: DataSubject): { condition: string; values: unknown[] } {
  const byId = (of as readonly string[]).map((field) => `${columnOf(table, field)} = $1`)
  const values: unknown[] = byId.length > 0 ? [userId] : []
  if (address === undefined) return { condition: byId.join(' OR '), values }
  values.push(emails)
  const isNobodys = (of as readonly string[]).map((field) => `${columnOf(table, field)} IS NULL`)
  const byAddress = [...isNobodys, `${columnOf(table, address)} = ANY($${values.length}::text[])`].join(' AND ')
  return { condition: [...byId, `(${byAddress})`].join(' OR '), values }
}

function tableOf(property: string): Table {
  const table = known.get(property)
  if (!table) throw new Error(`There is no model ${property}`)
  return table
}

function columnOf({ property, columns }: Table, field: string): string {
  const column = columns[field]
  if (!column) throw new Error(`${property} has no column ${field}`)
  return `"${column.name}"`
}

function nameOf({ service, table }: Table): string {
  return `"${service}"."${table}"`
}
