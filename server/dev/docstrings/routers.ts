/** Reads the routers: what stands above each procedure, which schemas it names, and what the rule that it calls refuses. */
import { basename, dirname } from 'node:path'
import type { CallExpression, Expression, ObjectExpression } from 'oxc-parser'
import type { Docstrings } from '../../src/http/docs/docstrings.ts'
import { docAt, lookUp, type Module } from './module.ts'

type Procedure = Docstrings['procedures'][string]

/** What the walk has found. */
export interface Found {
  readonly routers: Record<string, string>
  readonly procedures: Record<string, Procedure>
  /** The schemas that procedures name: where they are declared. */
  readonly schemas: Map<string, { readonly module: Module; readonly name: string }>
}

/** Walks the router of this name, and those in it. */
export function walkRouter(module: Module, name: string, found: Found, path: readonly string[] = []): void {
  const home = lookUp(module, name)
  if (home?.named.value) walkRecord(home.module, home.named.value, found, path)
}

function walkRecord(module: Module, value: Expression, found: Found, path: readonly string[]): void {
  for (const { key, value: item, text } of propertiesOf(module, recordIn(value))) {
    const here = [...path, key]
    const isRouter = item.type === 'Identifier' || (item.type === 'CallExpression' && isNamed(item.callee, 'router'))
    if (!isRouter) {
      found.procedures[here.join('.')] = describeProcedure(module, item, text, found)
      continue
    }
    if (text) found.routers[here.join('.')] = text
    if (item.type === 'Identifier') walkRouter(module, item.name, found, here)
    else walkRecord(module, item, found, here)
  }
}

function describeProcedure(module: Module, value: Expression, text: string, found: Found): Procedure {
  const calls = chainOf(value)
  const input = schemaName(module, calls.get('input'), found)
  const output = schemaName(module, calls.get('output'), found)
  const handler = calls.get('query') ?? calls.get('mutation') ?? calls.get('subscription')
  const refusals = [...doorRefusals(module, value), ...(handler ? ruleRefusals(module, handler) : [])].join('; ')
  return { text, ...(refusals && { refusals }), ...(input && { input }), ...(output && { output }) }
}

/** From `door.input(A).output(B).query(f)` to what each was given. */
function chainOf(value: Expression): Map<string, Expression> {
  const calls = new Map<string, Expression>()
  for (const call of linksOf(value)) {
    const { callee } = call
    const first = firstOf(call)
    if (callee.type === 'MemberExpression' && callee.property.type === 'Identifier' && first) calls.set(callee.property.name, first)
  }
  return calls
}

/** The calls of a chain, the last first. */
function linksOf(value: Expression): CallExpression[] {
  if (value.type !== 'CallExpression' || value.callee.type !== 'MemberExpression') return []
  return [value, ...linksOf(value.callee.object as Expression)]
}

/** A door says what it refuses, and stands behind another one that does. */
function doorRefusals(module: Module, value: Expression): string[] {
  const callee = linksOf(value).at(-1)?.callee
  const door = callee?.type === 'MemberExpression' && callee.object.type === 'Identifier' ? lookUp(module, callee.object.name) : undefined
  if (!door?.named.value) return []
  return [...doorRefusals(door.module, door.named.value), door.named.refusals].filter(Boolean)
}

/** The functions of the service that a handler calls say what they refuse. */
function ruleRefusals(module: Module, handler: Expression): string[] {
  const words = module.source.slice(handler.start, handler.end)
  const called = [...new Set([...words.matchAll(/\b([a-z]\w*)\(/g)].map(([, name]) => name ?? ''))]
  const rules = called.flatMap((name) => (module.imports.get(name)?.from.startsWith('./') ? (lookUp(module, name) ?? []) : []))
  return rules.map(({ named }) => named.refusals).filter(Boolean)
}

/** The name of a schema as the documents have it: `teams.Team`, and without a service where none owns it. Only what is exported has one. */
export function schemaName(module: Module, value: Expression | undefined, found: Found): string | undefined {
  if (value?.type === 'CallExpression' && isNamed(value.callee, 'streamOf')) return schemaName(module, firstOf(value), found)
  if (value?.type !== 'Identifier') return undefined
  const home = lookUp(module, value.name)
  // `ListSessions = Page` is the same schema, which has one name.
  if (home?.named.value?.type === 'Identifier') return schemaName(home.module, home.named.value, found)
  if (!home?.named.isExported || basename(home.module.file) === 'procedures.ts' || !/^[A-Z]/.test(home.name)) return undefined
  const service = /services\/\w+$/.test(dirname(home.module.file)) ? `${basename(dirname(home.module.file))}.` : ''
  const name = service + home.name
  if (!found.schemas.has(name)) found.schemas.set(name, { module: home.module, name: home.name })
  return name
}

/** The fields of an object that is written out, each with what stands above it. */
export function propertiesOf(module: Module, record: ObjectExpression | undefined): { key: string; value: Expression; text: string }[] {
  return (record?.properties ?? []).flatMap((property) => {
    if (property.type !== 'Property' || property.key.type !== 'Identifier') return []
    return [{ key: property.key.name, value: property.value, text: docAt(module, property.start).text }]
  })
}

/** The object that a call is given: of `router({…})`, `z.strictObject({…})`, `Page.extend({…})`. */
export function recordIn(value: Expression): ObjectExpression | undefined {
  const first = value.type === 'CallExpression' ? firstOf(value) : undefined
  return first?.type === 'ObjectExpression' ? first : undefined
}

export function firstOf(call: CallExpression): Expression | undefined {
  const [first] = call.arguments
  return first?.type === 'SpreadElement' ? undefined : first
}

export function isNamed(value: Expression, name: string): boolean {
  return value.type === 'Identifier' && value.name === name
}
