/** Our own rules for migrations: what squawk has no rule for, what only this runner needs, and what PostgreSQL 15 does not know. */
import { hasSqlDetails, parse } from 'libpg-query'
import type { AlterTableCmd, Node, ParseResult, RangeVar } from 'libpg-query'
import type { Migration } from '../../src/db/migrations/files.ts'
import type { Finding, Statement } from './script.ts'

/** What a rule is asked about: each node of a statement's tree, as PostgreSQL 15 parses it. */
interface Place {
  /** The kind of the node, such as `UpdateStmt`. */
  readonly kind: string
  readonly node: Readonly<Record<string, unknown>>
  /** Whether this migration makes the table itself, so that nobody uses it yet. */
  readonly isNew: (table: RangeVar | undefined) => boolean
}

const rules: Readonly<Record<string, { readonly applies: (place: Place) => boolean; readonly sentence: string }>> = {
  'moves-rows': {
    applies: ({ kind, node, isNew }) => ['UpdateStmt', 'DeleteStmt'].includes(kind) && !isNew(node['relation'] as RangeVar),
    sentence: 'Rows of a table in use stay locked until the migration ends. Fill in batches, beside the migrations.',
  },
  'locks-table': {
    applies: ({ kind }) => kind === 'LockStmt',
    sentence: 'A table lock stalls everybody who uses the table until the migration ends.',
  },
  'rewrites-table': {
    applies: rewrites,
    sentence: 'The table is written anew under a lock that stops readers too.',
  },
  'breaks-running-code': {
    applies: breaks,
    sentence:
      'The code that runs while this is applied still uses it. Add the new beside it, move over, and take the old away in a later release.',
  },
  'checks-all-rows': {
    applies: ({ kind, node, isNew }) =>
      kind === 'AlterTableStmt' && !isNew(node['relation'] as RangeVar) && commands(node).some(addsCheckedColumn),
    sentence:
      'A new column with a CHECK reads the whole table under its lock. Add the column, then the constraint as NOT VALID, and validate it in a later migration.',
  },
  'partition-of': {
    applies: ({ kind, node }) => kind === 'CreateStmt' && node['partbound'] !== undefined,
    sentence:
      'PARTITION OF waits for every reader of the parent, and everybody waits for it. CREATE TABLE (LIKE parent INCLUDING ALL), then ATTACH PARTITION.',
  },
  'own-timeout': {
    applies: ({ kind, node }) => (kind === 'VariableSetStmt' ? isTimeout(node['name']) : kind === 'FuncCall' && setsTimeout(node)),
    sentence: 'The runner sets the timeouts: with others it would not give way to traffic.',
  },
  'disables-triggers': {
    applies: ({ kind, node }) => kind === 'AlterTableStmt' && commands(node).some(({ subtype }) => subtype?.startsWith('AT_DisableTrig')),
    sentence: 'The guards of soft delete are triggers: what is written meanwhile is unguarded.',
  },
  'hides-statements': {
    applies: ({ kind, node }) =>
      kind === 'DoStmt' && /\b(ALTER|CREATE|DROP|UPDATE|DELETE|TRUNCATE|LOCK|EXECUTE)\b/i.test(JSON.stringify(node)),
    sentence: 'No rule looks inside a DO block. Write the statements out, or say why this one is safe.',
  },
}

/** Lists what breaks a rule of ours. */
export async function ownFindings(migration: Pick<Migration, 'transactional'>, statements: readonly Statement[]): Promise<Finding[]> {
  const trees = await Promise.all(statements.map(treeOf))
  const made = new Set(trees.flatMap((tree) => tree.nodes.flatMap(tableMadeBy)))
  const isNew = (table: RangeVar | undefined): boolean => made.has(nameOf(table))
  return statements.flatMap((statement, index) => {
    const { nodes, fault } = trees[index] as Tree
    const broken = Object.entries(rules).filter(([, { applies }]) => nodes.some(({ kind, node }) => applies({ kind, node, isNew })))
    return [
      ...broken.map(([rule, { sentence }]) => ({ rule, line: statement.firstLine, sentence })),
      ...newerThan15(statement, fault),
      ...(migration.transactional || nodes.length === 0 || nodes.some(waitsForNobody) ? [] : [waitsWithoutLimit(statement)]),
    ]
  })
}

interface Tree {
  readonly nodes: { kind: string; node: Record<string, unknown> }[]
  /** What PostgreSQL 15 does not understand. */
  readonly fault: string | null
}

async function treeOf({ sql }: Statement): Promise<Tree> {
  try {
    const { stmts } = (await parse(sql)) as ParseResult
    return { nodes: (stmts ?? []).flatMap(({ stmt }) => (stmt ? nodesIn(stmt) : [])), fault: null }
  } catch (error) {
    if (!hasSqlDetails(error)) throw error
    return { nodes: [], fault: error.sqlDetails.message }
  }
}

/** A node is an object with one key, which is its kind; what it is made of may be nodes again. */
function nodesIn(value: Node | unknown): Tree['nodes'] {
  if (Array.isArray(value)) return value.flatMap(nodesIn)
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([kind, inner]: [string, unknown]) => [
    ...(/^[A-Z]/.test(kind) && typeof inner === 'object' && inner !== null ? [{ kind, node: inner as Record<string, unknown> }] : []),
    ...nodesIn(inner),
  ])
}

function tableMadeBy({ kind, node }: Tree['nodes'][number]): string[] {
  return kind === 'CreateStmt' && node['partbound'] === undefined ? [nameOf(node['relation'] as RangeVar)] : []
}

function nameOf(table: RangeVar | undefined): string {
  return `${table?.schemaname ?? ''}.${table?.relname ?? ''}`
}

function commands(node: Place['node']): AlterTableCmd[] {
  return ((node['cmds'] as { AlterTableCmd: AlterTableCmd }[] | undefined) ?? []).map(({ AlterTableCmd }) => AlterTableCmd)
}

function addsCheckedColumn({ subtype, def }: AlterTableCmd): boolean {
  return subtype === 'AT_AddColumn' && nodesIn(def).some(({ kind, node }) => kind === 'Constraint' && node['contype'] === 'CONSTR_CHECK')
}

function rewrites({ kind, node }: Place): boolean {
  if (kind === 'ClusterStmt') return true
  if (kind === 'RefreshMatViewStmt') return node['concurrent'] !== true
  if (kind === 'VacuumStmt') return nodesIn(node).some((option) => option.node['defname'] === 'full')
  return (
    kind === 'AlterTableStmt' &&
    commands(node).some(({ subtype }) => ['AT_SetLogged', 'AT_SetUnLogged', 'AT_SetTableSpace'].includes(subtype ?? ''))
  )
}

const inUse = new Set(['SCHEMA', 'VIEW', 'MATVIEW', 'TYPE', 'SEQUENCE', 'FUNCTION', 'PROCEDURE'].map((kind) => `OBJECT_${kind}`))
const renamedInUse = new Set([...inUse, 'OBJECT_ATTRIBUTE'])

function breaks({ kind, node }: Place): boolean {
  if (kind === 'DropStmt') return inUse.has(String(node['removeType']))
  if (kind === 'RenameStmt') return renamedInUse.has(String(node['renameType']))
  if (kind === 'AlterEnumStmt') return node['oldVal'] !== undefined
  return kind === 'TruncateStmt' || kind === 'AlterObjectSchemaStmt'
}

function isTimeout(name: unknown): boolean {
  return /^(lock|statement|idle_in_transaction_session|transaction)_timeout$/.test(String(name))
}

function setsTimeout(call: Place['node']): boolean {
  const strings = nodesIn(call).map(({ node }) => (node['sval'] as { sval?: string } | string | undefined) ?? '')
  const words = strings.map((word) => (typeof word === 'string' ? word : word.sval))
  return words.includes('set_config') && words.some(isTimeout)
}

/** Functions, settings and clauses that later versions brought and that 15 refuses only when they run, also inside function bodies. */
const newer =
  /\b(uuidv[47]|transaction_timeout|json_table|json_query|json_value|json_exists|merge_action|array_(shuffle|sample|sort|reverse)|any_value|casefold|pg_input_is_valid|pg_wait_for_backend_termination_all|to_(bin|oct)|date_(add|subtract)|uuid_extract_(version|timestamp)|random_normal|crc32c?|NOT\s+ENFORCED|WITHOUT\s+OVERLAPS)\b/i

function newerThan15({ sql, firstLine }: Statement, fault: string | null): Finding[] {
  const word = newer.exec(sql)?.[0]
  const why = fault ?? (word === undefined ? null : `it has no ${word}`)
  return why === null ? [] : [{ rule: 'newer-than-15', line: firstLine, sentence: `PostgreSQL 15 does not take this: ${why}.` }]
}

/** Without a transaction the runner can not step back and try again, so that it waits for locks without a limit. These let everybody pass meanwhile. */
function waitsForNobody({ kind, node }: Tree['nodes'][number]): boolean {
  if (kind === 'CallStmt') return calls(node, 'core.backfill')
  if (kind === 'IndexStmt' || kind === 'DropStmt') return node['concurrent'] === true
  if (kind === 'ReindexStmt') return nodesIn(node).some((option) => option.node['defname'] === 'concurrently')
  return kind === 'AlterTableStmt' && commands(node).every(isGentle)
}

function calls(call: Place['node'], name: string): boolean {
  const { funcname } = call['funccall'] as { funcname: unknown }
  return (
    nodesIn(funcname)
      .map(({ node }) => node['sval'])
      .join('.') === name
  )
}

function isGentle({ subtype, def }: AlterTableCmd): boolean {
  if (subtype === 'AT_ValidateConstraint') return true
  return subtype === 'AT_DetachPartition' && nodesIn(def).some(({ kind, node }) => kind === 'PartitionCmd' && node['concurrent'] === true)
}

function waitsWithoutLimit({ firstLine }: Statement): Finding {
  const sentence =
    'Without a transaction it waits for its lock without a limit, and everybody behind it. Put it into a migration of its own, with a transaction.'
  return { rule: 'waits-without-limit', line: firstLine, sentence }
}
