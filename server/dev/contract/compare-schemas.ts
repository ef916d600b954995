/**
 * Compares two JSON Schemas from the side of a caller. What a caller sends may only become wider, what it gets may only become narrower:
 * the same change is harmless in one and breaks in the other.
 */
import type { Schema } from './contract.ts'

/** `at` is the place below the schema that was compared: `.items[].role`. */
export interface Found {
  breaks: boolean
  at: string
  what: string
}

interface Pair {
  role: 'input' | 'output'
  before: Schema
  after: Schema
  at?: string
}

/** Lists the differences. */
export function compareSchemas({ role, before, after, at = '' }: Pair): Found[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return []
  const old = alternatives(before)
  const now = alternatives(after)
  const only = { old: [...old.keys()].filter((kind) => !now.has(kind)), now: [...now.keys()].filter((kind) => !old.has(kind)) }
  if (only.old.length > 0 && only.old.length === old.size && now.size === only.now.length) {
    return [{ breaks: true, at, what: `was ${kinds(only.old)} and is ${kinds(only.now)}` }]
  }
  return [
    ...only.old.map((kind) => ({ breaks: role === 'input', at, what: `is never ${name(kind)} any more` })),
    ...only.now.map((kind) => ({ breaks: role === 'output', at, what: `may be ${name(kind)}` })),
    ...[...old].flatMap(([kind, schema]) => {
      const twin = now.get(kind)
      return twin ? compareAlike({ role, before: schema, after: twin, at }) : []
    }),
    ...compareDefaults(before, after, role, at),
  ]
}

function kinds(list: readonly string[]): string {
  return list.map(name).join(' or ')
}

function name(kind: string): string {
  return kind === 'null' ? 'null' : `${/^[aeio]/.test(kind) ? 'an' : 'a'} ${kind}`
}

/** What a value may be, by kind. Members of a union that are objects are told apart by their constant properties. */
function alternatives(schema: Schema): Map<string, Schema> {
  const isUnion = schema.anyOf !== undefined || schema.oneOf !== undefined
  const found = new Map<string, Schema>()
  for (const member of membersOf(schema)) {
    const kind = kindOf(member, isUnion)
    const twin = found.get(kind)
    found.set(kind, twin ? together(twin, member) : member)
  }
  return found
}

function membersOf(schema: Schema): Schema[] {
  const union = schema.anyOf ?? schema.oneOf
  return union ? union.flatMap(membersOf) : splitTypes(schema)
}

function splitTypes(schema: Schema): Schema[] {
  if (!Array.isArray(schema.type)) return [schema]
  return schema.type.map((type) => ({ ...schema, type }))
}

function kindOf(schema: Schema, isMember: boolean): string {
  if (schema.$ref) return `reference ${schema.$ref}`
  if (schema['x-type']) return schema['x-type']
  const type = typeof schema.type === 'string' ? schema.type : valueType(schema)
  if (type !== 'object' || !isMember) return type
  const marks = Object.entries(schema.properties ?? {}).flatMap(([key, { const: value }]) =>
    value === undefined ? [] : [`${key} ${JSON.stringify(value)}`],
  )
  return marks.length > 0 ? `object with ${marks.join(', ')}` : 'object'
}

function valueType({ const: value, enum: values }: Schema): string {
  const sample = value ?? values?.[0]
  return sample === undefined ? 'value of any kind' : typeof sample
}

/** Two literals of a union are one enumeration. */
function together(a: Schema, b: Schema): Schema {
  const values = [...(literals(a) ?? []), ...(literals(b) ?? [])]
  return literals(a) && literals(b) ? { ...a, enum: values } : a
}

function literals(schema: Schema): unknown[] | undefined {
  return schema.enum ?? (schema.const === undefined ? undefined : [schema.const])
}

function compareAlike(pair: Required<Pair>): Found[] {
  return [...compareLiterals(pair), ...compareLimits(pair), ...compareProperties(pair), ...compareItems(pair), ...compareValues(pair)]
}

function compareLiterals({ role, before, after, at }: Required<Pair>): Found[] {
  const old = literals(before)
  const now = literals(after)
  if (!old && !now) return []
  if (!old) return [{ breaks: role === 'input', at, what: `takes only ${list(now)}` }]
  if (!now) return [{ breaks: role === 'output', at, what: `is no longer one of ${list(old)}` }]
  return [
    ...old.filter((value) => !now.includes(value)).map((value) => ({ breaks: role === 'input', at, what: `${String(value)} is gone` })),
    ...now
      .filter((value) => !old.includes(value))
      .map((value) => ({ breaks: role === 'output', at, what: `${String(value)} is new: a switch over all is no longer complete` })),
  ]
}

function list(values: readonly unknown[] | undefined): string {
  return (values ?? []).map(String).join(', ')
}

const lower = ['minimum', 'exclusiveMinimum', 'minLength', 'minItems'] as const
const upper = ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems'] as const
const exact = ['pattern', 'format', 'multipleOf'] as const

/** Limits bind who sends. Of what a caller gets they promise nothing that its types know. */
function compareLimits({ role, before, after, at }: Required<Pair>): Found[] {
  if (role === 'output') return []
  const narrower = (key: (typeof lower | typeof upper | typeof exact)[number], isNarrower: boolean): Found[] => {
    if (before[key] === after[key]) return []
    return [{ breaks: isNarrower, at, what: `its ${key} was ${before[key] ?? 'free'} and is ${after[key] ?? 'free'}` }]
  }
  return [
    ...lower.flatMap((key) => narrower(key, (after[key] ?? -Infinity) > (before[key] ?? -Infinity))),
    ...upper.flatMap((key) => narrower(key, (after[key] ?? Infinity) < (before[key] ?? Infinity))),
    ...exact.flatMap((key) => narrower(key, after[key] !== undefined)),
  ]
}

function compareProperties({ role, before, after, at }: Required<Pair>): Found[] {
  const keys = [...new Set([...Object.keys(before.properties ?? {}), ...Object.keys(after.properties ?? {})])]
  return keys.flatMap((key) => {
    const old = before.properties?.[key]
    const now = after.properties?.[key]
    const here = `${at}.${key}`
    if (!old) return addedProperty(role, isRequired(after, key), here)
    if (!now) return [{ breaks: true, at: here, what: 'is gone' }]
    return [
      ...compareNeed(role, isRequired(before, key), isRequired(after, key), here),
      ...compareSchemas({ role, before: old, after: now, at: here }),
    ]
  })
}

function isRequired(schema: Schema, key: string): boolean {
  return schema.required?.includes(key) ?? false
}

function addedProperty(role: Pair['role'], required: boolean, at: string): Found[] {
  const breaks = role === 'input' && required
  return [{ breaks, at, what: breaks ? 'is new and required' : 'is new' }]
}

function compareNeed(role: Pair['role'], before: boolean, after: boolean, at: string): Found[] {
  if (before === after) return []
  return after
    ? [{ breaks: role === 'input', at, what: 'is required now' }]
    : [{ breaks: role === 'output', at, what: 'may be missing now' }]
}

function compareItems({ role, before, after, at }: Required<Pair>): Found[] {
  const length = [before.prefixItems?.length ?? 0, after.prefixItems?.length ?? 0]
  if (length[0] !== length[1]) return [{ breaks: true, at, what: `had ${length[0]} fixed places and has ${length[1]}` }]
  const places = (before.prefixItems ?? []).flatMap((item, index) =>
    compareSchemas({ role, before: item, after: after.prefixItems?.[index] ?? {}, at: `${at}[${index}]` }),
  )
  const both = typeof before.items === 'object' && typeof after.items === 'object'
  return both
    ? [...places, ...compareSchemas({ role, before: before.items as Schema, after: after.items as Schema, at: `${at}[]` })]
    : places
}

/** The values of a record. That an object takes no unknown keys is told by the keys themselves. */
function compareValues({ role, before, after, at }: Required<Pair>): Found[] {
  const old = before.additionalProperties
  const now = after.additionalProperties
  if (typeof old === 'object' && typeof now === 'object') return compareSchemas({ role, before: old, after: now, at: `${at}[key]` })
  if (role === 'input' && old !== false && now === false) return [{ breaks: true, at, what: 'takes no unknown keys any more' }]
  return typeof old === typeof now
    ? []
    : [{ breaks: true, at, what: typeof now === 'object' ? 'is a record now' : 'is no record any more' }]
}

function compareDefaults(before: Schema, after: Schema, role: Pair['role'], at: string): Found[] {
  if (role === 'output' || JSON.stringify(before.default) === JSON.stringify(after.default)) return []
  return [
    {
      breaks: false,
      at,
      what: `its default was ${JSON.stringify(before.default) ?? 'none'} and is ${JSON.stringify(after.default) ?? 'none'}`,
    },
  ]
}
