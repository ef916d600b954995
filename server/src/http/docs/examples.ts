/** Values that fit a schema and read like something a person would send. */
import { nameIn, type JsonSchema, type Schemas } from './schemas.ts'

type Named = Schemas['named']

/** By the name of a field, or of a schema. Where none of them fits, the first of all that does is taken. */
const byName: Readonly<Record<string, string>> = {
  UserId: 'tz4a98xxat96iws9zmbrgj3a',
  email: 'ann@example.com',
  name: 'Blue',
  slug: 'blue',
  password: 'correct horse battery staple',
  currentPassword: 'a small demo with large ideas',
  scope: 'teams.list',
  token: 'the-token-from-the-mail',
  code: 'the-code-from-the-log',
  cursor: 'MDE5OTFmMGUtN2IxYw',
  nextCursor: 'MDE5OTFmMGUtN2IxYw',
  lastEventId: '42',
  addressPrefix: '203.0.113.0/24',
  userAgent: 'Mozilla/5.0',
  event: 'teams.member.role_changed',
  locale: 'en-GB',
  timeZone: 'Europe/Berlin',
  phone: '+493012345678',
  country: 'DE',
}
const byFormat: Readonly<Record<string, string>> = {
  uuid: '01991f0e-7b1c-7000-8000-000000000000',
  'date-time': '2026-01-31T09:30:00.000Z',
  email: 'ann@example.com',
  uri: 'https://example.com/',
  cuid2: 'tz4a98xxat96iws9zmbrgj3a',
}
const anyText = ['text', 'blue', '42', '2026-01-31', 'EUR', 'en', '/path', '#336699', 'a'.repeat(64)]

/** Gives a value, with what is optional left out; undefined where none can be thought of. */
export function exampleOf(schema: JsonSchema, named: Named, key = '', depth = 0): unknown {
  const name = nameIn(schema)
  if (name !== undefined) return depth > 8 ? undefined : exampleOf(named[name] ?? {}, named, byName[key] ? key : name, depth + 1)
  if ('const' in schema) return schema.const
  if (schema.default !== undefined) return schema.default
  if (schema.enum) return schema.enum[0]
  const [first] = schema.anyOf ?? schema.oneOf ?? schema.allOf ?? []
  if (first) return exampleOf(first, named, key, depth + 1)
  return exampleOfType(schema, named, key, depth)
}

function exampleOfType(schema: JsonSchema, named: Named, key: string, depth: number): unknown {
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type
  if (type === 'object') return objectExample(schema, named, depth)
  if (type === 'array') return arrayExample(schema, named, key, depth)
  // A file is no value of JSON: it is left out.
  if (type === 'string') return schema.contentMediaType ? undefined : textExample(schema, key)
  if (type === 'integer' || type === 'number') return numberExample(schema)
  return type === 'boolean' ? true : null
}

/** Gives an example as it travels: with the places of what JSON has no type for in `meta`. */
export function envelopeExample(schema: JsonSchema, named: Named): { json: unknown; meta?: { values: object; v: 1 } } {
  const json = exampleOf(schema, named)
  const values = annotations(schema, json, named)
  const [root] = values.filter(([path]) => path === '')
  if (root) return { json, meta: { values: root[1], v: 1 } }
  return values.length > 0 ? { json, meta: { values: Object.fromEntries(values), v: 1 } } : { json }
}

function annotations(schema: JsonSchema, value: unknown, named: Named, path: readonly string[] = []): [string, string[]][] {
  const name = nameIn(schema)
  if (name !== undefined) return annotations(named[name] ?? {}, value, named, path)
  const type = schema['x-superjson']
  if (typeof type === 'string') return [[path.join('.'), [type]]]
  const [first] = schema.anyOf ?? schema.oneOf ?? []
  if (first) return annotations(first, value, named, path)
  if (Array.isArray(value)) return value.flatMap((item, index) => annotations(itemsOf(schema), item, named, [...path, String(index)]))
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, item]) =>
    annotations((schema.properties?.[key] ?? {}) as JsonSchema, item, named, [...path, key]),
  )
}

function objectExample(schema: JsonSchema, named: Named, depth: number): Record<string, unknown> {
  const entries = Object.entries(schema.properties ?? {}).filter(([key]) => schema.required?.includes(key))
  return Object.fromEntries(entries.map(([key, property]) => [key, exampleOf(property as JsonSchema, named, key, depth + 1)]))
}

function arrayExample(schema: JsonSchema, named: Named, key: string, depth: number): unknown[] {
  if (schema.prefixItems) return schema.prefixItems.map((item) => exampleOf(item as JsonSchema, named, key, depth + 1))
  return depth > 8 ? [] : [exampleOf(itemsOf(schema), named, key.replace(/s$/, ''), depth + 1)]
}

function itemsOf(schema: JsonSchema): JsonSchema {
  return typeof schema.items === 'object' && !Array.isArray(schema.items) ? (schema.items as JsonSchema) : {}
}

function textExample(schema: JsonSchema, key: string): string | undefined {
  const known = [byName[key], byFormat[schema.format ?? '']].filter((text) => text !== undefined)
  return [...known, ...anyText].find((text) => fits(text, schema)) ?? (schema.minLength ? 'a'.repeat(schema.minLength) : undefined)
}

function fits(text: string, { pattern, minLength = 0, maxLength = Infinity }: JsonSchema): boolean {
  return text.length >= minLength && text.length <= maxLength && (pattern === undefined || new RegExp(pattern, 'u').test(text))
}

function numberExample({ minimum = -Infinity, maximum = Infinity, exclusiveMinimum, multipleOf = 1 }: JsonSchema): number {
  const low = typeof exclusiveMinimum === 'number' ? exclusiveMinimum + multipleOf : minimum
  return Math.max(low, Math.min(multipleOf, maximum))
}
