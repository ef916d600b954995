/** How one procedure is called, ready to be copied: with the typed client and with curl. */
import * as ids from '#lib/ids.ts'
import { envelopeExample, exampleOf } from './examples.ts'
import { fieldsOf, type Described } from './procedures.ts'
import { nameIn, type JsonSchema, type Schemas } from './schemas.ts'

export interface Samples {
  readonly client: string
  readonly curl: string
  /** What comes back, as JSON. */
  readonly answer: string
}

/** Gives the samples of a procedure on a server at this address. */
export function samplesOf(procedure: Described, schemas: Schemas, url: string): Samples {
  const output = schemas.outputs.get(procedure.path) ?? {}
  const answer = envelopeExample(output, schemas.named)
  const wire = procedure.kind === 'subscription' ? answer : { result: { data: answer } }
  return { client: clientSample(procedure, schemas), curl: curlSample(procedure, schemas, url), answer: inBrief(wire) }
}

function clientSample({ path, kind, input }: Described, { inputs, named }: Schemas): string {
  const schema = inputs.get(path)
  const argument = schema ? literalOf(schema, { ...(exampleOf(schema, named) as object), ...filesOf(fieldsOf(input)) }, named) : ''
  if (kind === 'query') return `await plinth.${path}.query(${argument})`
  if (kind === 'mutation') return `await plinth.${path}.mutate(${argument})`
  return `plinth.${path}.subscribe(${argument || 'undefined'}, {
  onData: ({ id, data }) => console.log(id, data),
})`
}

/** Stands for a file of the caller's: a name in the code, not a text. */
const FILE = Symbol('file')

function filesOf(shape: Readonly<Record<string, { readonly _zod: { readonly def: { readonly type: string } } }>>): Record<string, symbol> {
  const files = Object.entries(shape).filter(([, field]) => field._zod.def.type === 'file')
  return Object.fromEntries(files.map(([name]) => [name, FILE]))
}

/** As a person would write it, with the types that the client asks for: `TeamId.of('…')`, `new Date('…')`, `7n`. */
function literalOf(schema: JsonSchema, value: unknown, named: Schemas['named'], indent = ''): string {
  const name = nameIn(schema)
  if (name !== undefined && name in ids) return `${name}.of('${String(value)}')`
  const shape = named[name ?? ''] ?? schema
  const [first] = shape.anyOf ?? shape.oneOf ?? []
  if (first) return literalOf(first, value, named, indent)
  if (typeof value === 'symbol') return value.description ?? ''
  if (shape['x-superjson'] === 'bigint') return `${String(value)}n`
  if (typeof value === 'string') return shape['x-superjson'] === 'Date' ? `new Date('${value}')` : `'${value.replaceAll("'", "\\'")}'`
  if (Array.isArray(value)) return `[${value.map((item) => literalOf((shape.items ?? {}) as JsonSchema, item, named, indent)).join(', ')}]`
  if (typeof value !== 'object' || value === null) return String(value)
  return objectLiteral(shape, value, named, indent)
}

/** On one line where it fits. */
function objectLiteral(schema: JsonSchema, value: object, named: Schemas['named'], indent: string): string {
  const fields = Object.entries(value).map(([key, item]) => {
    const literal = literalOf((schema.properties?.[key] ?? {}) as JsonSchema, item, named, `${indent}  `)
    return `${/^\w+$/.test(key) ? key : `'${key}'`}: ${literal}`
  })
  const line = fields.length > 0 ? `{ ${fields.join(', ')} }` : '{}'
  return line.length <= 36 ? line : `{\n${fields.map((field) => `${indent}  ${field},\n`).join('')}${indent}}`
}

function curlSample({ path, kind, access, meta, input }: Described, { inputs, named }: Schemas, url: string): string {
  const schema = inputs.get(path)
  const envelope = schema && envelopeExample(schema, named)
  const json = JSON.stringify(envelope ?? {}).replaceAll("'", String.raw`'\''`)
  const bearer = access === 'anyone' ? [] : ['-H "authorization: Bearer $TOKEN"']
  const address = `'${url}/trpc/${path}'`
  if (kind !== 'mutation') {
    const first = `curl ${kind === 'subscription' ? '-N ' : ''}${schema ? '-G ' : ''}${address}`
    return lines(first, [...(schema ? [`--data-urlencode 'input=${json}'`] : []), ...bearer])
  }
  const key = access === 'anyone' || meta.unkeyed ? [] : ['-H "idempotency-key: $(openssl rand -hex 16)"']
  const files = Object.keys(filesOf(fieldsOf(input)))
  if (meta.files && files.length > 0)
    return lines(`curl ${address}`, [...key, ...bearer, `-F 'input=${json}'`, ...files.map((name) => `-F '${name}=@${name}'`)])
  return lines(`curl ${address}`, ["-H 'content-type: application/json'", ...key, ...bearer, `-d '${json}'`])
}

function lines(first: string, rest: readonly string[]): string {
  return [first, ...rest.map((line) => `  ${line}`)].join(' \\\n')
}

/** Indented, but a list of one text stays on its line. */
function inBrief(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(/\[\s+("[^"\n]*")\s+\]/g, '[$1]')
}
