/** Reads one living row and locks it: what a decision rests on must not change before it is carried out. */
import { Prisma } from './generated/client.ts'
import { models } from './generated/metadata.ts'
import type { Connection } from './connection.ts'
import type { Unit } from './unit.ts'

interface Column {
  readonly name: string
  readonly type: string
}

interface Table {
  readonly property: string
  readonly service: string
  readonly table: string
  readonly soft: boolean
  readonly columns: Readonly<Record<string, Column>>
}

const tables = new Map<string, Table>(Object.values<Table>(models).map((table) => [table.property, table]))

/**
 * Locks the row that these columns single out until the transaction ends, and gives it as Prisma would; null where none is living.
 * `FOR NO KEY UPDATE`: others may still insert rows that refer to it.
 */
export async function lockRow(
  connection: Connection,
  unit: Unit,
  model: string,
  where: Readonly<Record<string, unknown>>,
): Promise<unknown> {
  const table = tables.get(model)
  if (!table) throw new Error(`There is no model ${model}`)
  const given = Object.entries(where).filter(([, value]) => value !== undefined)
  if (given.length === 0) throw new Error(`lock(${model}) needs at least one column: it locks one row`)
  const { rows } = await connection.run(unit, selectForUpdate(table, given), valuesOf(given))
  if (rows.length > 1) throw new Error(`lock(${model}) met ${rows.length} rows: it locks one`)
  return rows[0] ? asPrisma(table, rows[0]) : null
}

function selectForUpdate(table: Table, given: readonly (readonly [string, unknown])[]): string {
  let parameter = 0
  const conditions = given.map(([field, value]) => `${columnOf(table, field)} ${value === null ? 'IS NULL' : `= $${++parameter}`}`)
  if (table.soft) conditions.push('deleted_at IS NULL')
  const columns = Object.entries(table.columns).map(([field, { name }]) => `${quote(name)} AS ${quote(field)}`)
  return `SELECT ${columns.join(', ')} FROM ${quote(table.service)}.${quote(table.table)} WHERE ${conditions.join(' AND ')} FOR NO KEY UPDATE`
}

function valuesOf(given: readonly (readonly [string, unknown])[]): unknown[] {
  return given.map(([, value]) => value).filter((value) => value !== null)
}

function columnOf(table: Table, field: string): string {
  const column = table.columns[field]
  if (!column) throw new Error(`${table.property} has no column ${field}`)
  return quote(column.name)
}

/** pg gives 64-bit and decimal numbers as text. */
function asPrisma(table: Table, row: Record<string, unknown>): Record<string, unknown> {
  for (const [field, { type }] of Object.entries(table.columns)) {
    const value = row[field]
    if (value === null) continue
    if (type === 'BigInt') row[field] = BigInt(value as string)
    if (type === 'Decimal') row[field] = new Prisma.Decimal(value as string)
  }
  return row
}

function quote(name: string): string {
  return `"${name}"`
}
