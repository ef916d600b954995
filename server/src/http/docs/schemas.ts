/** The schemas of the procedures as JSON Schema (2020-12) of what stands on the wire, each that has a name once, the others where they are used. */
import { z } from 'zod'
import * as ids from '#lib/ids.ts'
import { docstrings } from './docstrings.ts'
import type { Described } from './procedures.ts'

export type JsonSchema = z.core.JSONSchema.BaseSchema

export interface Schemas {
  /** By name, as `#/components/schemas/<name>` refers to them. */
  readonly named: Readonly<Record<string, JsonSchema>>
  /** By the path of a procedure. */
  readonly inputs: ReadonlyMap<string, JsonSchema>
  readonly outputs: ReadonlyMap<string, JsonSchema>
}

type Names = z.core.$ZodRegistry<{ id: string }>

const PREFIX = '#/components/schemas/'
/** Where zod puts what refers to itself and has no name. */
const SHARED = '__shared'

/** Makes them. Throws for a schema that nothing on the wire can be said of. */
export function schemasOf(procedures: readonly Described[]): Schemas {
  const input = convert(procedures, 'input')
  const output = convert(procedures, 'output')
  const twins = differing(input.named, output.named)
  const renamed = (schema: JsonSchema): JsonSchema => mapRefs(schema, (name) => (twins.has(name) ? `${name}.Input` : name))
  const inputs = Object.entries(input.named).map(([name, schema]) => [twins.has(name) ? `${name}.Input` : name, renamed(schema)] as const)
  return {
    named: { ...Object.fromEntries(inputs), ...output.named },
    inputs: new Map([...input.roots].map(([path, schema]) => [path, renamed(schema)])),
    outputs: output.roots,
  }
}

/** The name that a reference names. */
export function nameIn({ $ref }: JsonSchema): string | undefined {
  return $ref?.startsWith(PREFIX) ? $ref.slice(PREFIX.length) : undefined
}

/** A reference to a schema with this name. */
export function refTo(name: string): JsonSchema {
  return { $ref: `${PREFIX}${name}` }
}

/** Every procedure's schema takes a name for the conversion, the path where it has none of its own; those are put back in their places after. */
function convert(
  procedures: readonly Described[],
  io: 'input' | 'output',
): { named: Record<string, JsonSchema>; roots: Map<string, JsonSchema> } {
  const names: Names = z.registry<{ id: string }>()
  for (const [name, schema] of Object.entries(ids)) if (schema instanceof z.ZodType) names.add(schema, { id: name })
  for (const { [io]: schema, names: own } of procedures) if (schema && own[io]) addName(names, schema, own[io])
  const rootNames = new Map(
    procedures.flatMap(({ path, [io]: schema }) => (schema ? [[path, rootName(names, schema, path)] as const] : [])),
  )
  const { schemas } = z.toJSONSchema(names, {
    io,
    uri: (id) => PREFIX + id,
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => onTheWire(zodSchema, jsonSchema, io),
  })
  const all = withJson(Object.fromEntries(Object.entries(schemas).flatMap(([name, schema]) => hoisted(name, schema))))
  const roots = new Map([...rootNames].map(([path, name]) => [path, name === path ? (all[path] ?? {}) : refTo(name)]))
  const used = closure([...roots.values()], all)
  for (const [name, schema] of Object.entries(all)) describe(name, schema)
  return { named: Object.fromEntries(Object.entries(all).filter(([name]) => used.has(name))), roots }
}

function rootName(names: Names, schema: z.ZodType, path: string): string {
  const known = names.get(schema)?.id
  if (known === undefined) names.add(schema, { id: path })
  return known ?? path
}

/** Names a schema and those that its docstrings name within it. The first name of a schema is its name. */
function addName(names: Names, schema: z.ZodType, name: string): void {
  if (!names.has(schema)) names.add(schema, { id: name })
  if (!(schema instanceof z.ZodObject)) return
  const { items, fields = {} } = docstrings.schemas[name] ?? {}
  const list: unknown = schema.shape['items']
  if (items && list instanceof z.ZodArray) addName(names, list.element as z.ZodType, items)
  for (const [field, { schema: inner }] of Object.entries(fields))
    if (inner && schema.shape[field]) addName(names, schema.shape[field], inner)
}

/** What JSON has no type for travels as what JSON has, and `meta` says what it was (client/src/transformer.ts). */
function onTheWire(schema: z.core.$ZodType, json: JsonSchema, io: 'input' | 'output'): void {
  const { type } = schema._zod.def
  if (type === 'date') Object.assign(json, { type: 'string', format: 'date-time', 'x-superjson': 'Date' })
  if (type === 'bigint') Object.assign(json, { type: 'string', pattern: '^-?[0-9]+$', 'x-superjson': 'bigint' })
  if (type === 'void' || type === 'undefined') Object.assign(json, { type: 'null', 'x-superjson': 'undefined' })
  if (type === 'file') {
    for (const key of ['format', 'contentEncoding']) delete json[key]
    Object.assign(json, { type: 'string', contentMediaType: 'application/octet-stream' })
  }
  // Whoever gets an object must live with fields that a later version adds.
  if (type === 'object' && io === 'output' && json.additionalProperties === false) delete json.additionalProperties
  if (schema instanceof z.ZodObject) for (const [key, field] of Object.entries(schema.shape)) orUndefined(json, key, field as z.ZodType)
}

/** A key that may be undefined, not merely absent, stands as null. */
function orUndefined(json: JsonSchema, key: string, field: z.ZodType): void {
  const isOptional = field instanceof z.ZodOptional && !(field instanceof z.ZodExactOptional)
  const property = json.properties?.[key]
  if (!isOptional || !property || !json.properties) return
  json.properties[key] = { anyOf: [property as JsonSchema, { type: 'null', 'x-superjson': 'undefined' }] }
}

/** Takes off what makes each a document of its own, and gives what refers to itself a name. */
function hoisted(name: string, schema: JsonSchema): [string, JsonSchema][] {
  const { $schema: _schema, $id: _id, $defs, ...rest } = schema
  const own = (ref: string): string => ref.replace(/^#\/\$defs\//, `${PREFIX}${name}.`)
  const inner = Object.entries($defs ?? {}).map(([key, json]) => {
    const { $id: _inner, ...plain } = json as JsonSchema
    return [`${name}.${key}`, mapStrings(plain, own)] as [string, JsonSchema]
  })
  return name === SHARED ? inner : [[name, mapStrings(rest, (ref) => (ref === '#' ? PREFIX + name : own(ref)))], ...inner]
}

/** What is shared is nearly always `z.json()`, each use of it once more: all of them are `Json`. */
function withJson(all: Readonly<Record<string, JsonSchema>>): Record<string, JsonSchema> {
  const isJson = ({ anyOf = [] }: JsonSchema): boolean => anyOf.map(({ type }) => type).join() === 'string,number,boolean,null,array,object'
  const shared = new Set(Object.keys(all).filter((name) => name.startsWith(`${SHARED}.`) && isJson(all[name] ?? {})))
  const plain = (schema: JsonSchema): JsonSchema =>
    mapStrings(schema, (ref) => {
      const name = ref.slice(PREFIX.length).replace(`${SHARED}#/$defs/`, `${SHARED}.`)
      return PREFIX + (shared.has(name) ? 'Json' : name)
    })
  return Object.fromEntries(
    Object.entries(all).map(([name, schema]) =>
      shared.has(name) ? ['Json', { description: 'Any value that JSON has.', ...plain(schema) }] : [name, plain(schema)],
    ),
  )
}

function mapRefs(schema: JsonSchema, rename: (name: string) => string): JsonSchema {
  return mapStrings(schema, (ref) => (ref.startsWith(PREFIX) ? PREFIX + rename(ref.slice(PREFIX.length)) : ref))
}

/** A copy in which each `$ref` is changed. */
function mapStrings(schema: JsonSchema, change: (ref: string) => string): JsonSchema {
  return JSON.parse(JSON.stringify(schema), (key, value: unknown) =>
    key === '$ref' && typeof value === 'string' ? change(value) : value,
  ) as JsonSchema
}

/** The names that a schema refers to. */
function refsIn(schema: JsonSchema): string[] {
  return [...JSON.stringify(schema).matchAll(/"\$ref":"#\/components\/schemas\/([^"/]+)"/g)].map(([, name]) => name ?? '')
}

function closure(roots: readonly JsonSchema[], all: Readonly<Record<string, JsonSchema>>): Set<string> {
  const used = new Set(roots.flatMap(refsIn))
  // A set is walked to the end of what is added meanwhile.
  for (const name of used) for (const next of refsIn(all[name] ?? {})) used.add(next)
  return used
}

/** The names that mean one thing to those who send and another to those who get, and whatever refers to those. */
function differing(a: Readonly<Record<string, JsonSchema>>, b: Readonly<Record<string, JsonSchema>>): Set<string> {
  const both = Object.keys(a).filter((name) => name in b)
  const refs = new Map(both.map((name) => [name, refsIn(a[name] ?? {})]))
  const found = new Set(both.filter((name) => JSON.stringify(a[name]) !== JSON.stringify(b[name])))
  for (const changed of found) for (const [name, those] of refs) if (those.includes(changed)) found.add(name)
  return found
}

/** Adds what the code says of a schema and its fields. */
function describe(name: string, schema: JsonSchema): void {
  const { text, fields = {} } = docstrings.schemas[name] ?? {}
  if (text) schema.description = text
  for (const [field, { text: said }] of Object.entries(fields)) {
    const property = schema.properties?.[field]
    if (said && typeof property === 'object') property.description = said
  }
}
