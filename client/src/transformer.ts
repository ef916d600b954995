/**
 * How values travel: SuperJSON's wire format, `{ json, meta? }`. Encoding is done here for what nearly every value is made of, since
 * superjson's is half of a request's cost (docs/decisions), and left to superjson for the rest. An answer is decoded by superjson, an input,
 * which a stranger may have sent, by `decodeUntrusted`.
 * The server and the client both use this one.
 */
import superjson, { type SuperJSONResult } from 'superjson'
import { decodeUntrusted, DEEPEST, FORBIDDEN_KEYS } from './untrusted.ts'

/** What tRPC takes on both sides. */
export const transformer = {
  input: { serialize: encode, deserialize: decodeUntrusted },
  output: { serialize: encode, deserialize: decode },
}

type Annotations = Record<string, [string]>

/** What the walk has found so far, and where it stands. */
interface Walk {
  readonly path: string[]
  values: Annotations | null
}

const UNFIT = Symbol('left to superjson')

/**
 * Encodes plain JSON, Date, bigint and undefined by itself; anything else (Map, Set, NaN, a class instance, a hole in an array) by superjson.
 * The result may share objects with the value: it is made to be stringified at once. An object that stands in two places is sent twice.
 */
export function encode(value: unknown): SuperJSONResult {
  const walk: Walk = { path: [], values: null }
  const json = encoded(value, walk)
  if (json === UNFIT) return superjson.serialize(value)
  if (walk.values === null) return { json } as SuperJSONResult
  // The root's own annotation stands bare: under '' it would be that of an empty key.
  const values = isLeaf(value) ? walk.values[''] : walk.values
  return { json, meta: { values, v: 1 } } as SuperJSONResult
}

/** Decodes what the server sent. */
export function decode(payload: SuperJSONResult): unknown {
  return superjson.deserialize(payload)
}

/** The value as JSON has it, annotated on the way; the value itself where nothing had to change. A Date turns itself into its string. */
function encoded(value: unknown, walk: Walk): unknown {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0) ? value : UNFIT
    case 'bigint':
      return annotate(walk, 'bigint', value.toString())
    case 'undefined':
      return annotate(walk, 'undefined', null)
    case 'object':
      return value === null ? null : encodedObject(value, walk)
    default:
      return UNFIT
  }
}

function encodedObject(value: object, walk: Walk): unknown {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? UNFIT : annotate(walk, 'Date', value)
  // superjson also knows what to do with a circle.
  if (walk.path.length > DEEPEST) return UNFIT
  if (Array.isArray(value)) return encodedArray(value, walk)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return UNFIT
  return encodedRecord(value as Record<string, unknown>, walk)
}

function encodedArray(list: readonly unknown[], walk: Walk): unknown {
  let copy: unknown[] | null = null
  for (let index = 0; index < list.length; index++) {
    const item = list[index]
    if (item === undefined && !(index in list)) return UNFIT
    walk.path.push(String(index))
    const json = encoded(item, walk)
    walk.path.pop()
    if (json === UNFIT) return UNFIT
    if (json !== item) copy ??= list.slice()
    if (copy) copy[index] = json
  }
  return copy ?? list
}

function encodedRecord(record: Record<string, unknown>, walk: Walk): unknown {
  let copy: Record<string, unknown> | null = null
  for (const key of Object.keys(record)) {
    // superjson refuses these with an error of its own; so it does for us.
    if (FORBIDDEN_KEYS.has(key)) return UNFIT
    const item = record[key]
    walk.path.push(key)
    const json = encoded(item, walk)
    walk.path.pop()
    if (json === UNFIT) return UNFIT
    if (json !== item) copy ??= { ...record }
    if (copy) copy[key] = json
  }
  return copy ?? record
}

function annotate<T>(walk: Walk, type: string, json: T): T {
  walk.values ??= {}
  walk.values[walk.path.map(escaped).join('.')] = [type]
  return json
}

function escaped(key: string): string {
  return key.includes('.') || key.includes('\\') ? key.replaceAll('\\', '\\\\').replaceAll('.', '\\.') : key
}

function isLeaf(value: unknown): boolean {
  return typeof value !== 'object' || value === null || value instanceof Date
}
