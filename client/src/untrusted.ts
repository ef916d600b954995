/**
 * Decoding of what a stranger sent. superjson's own decoding does what the annotations say: it makes a typed array of any length, a regular
 * expression that never ends, a list of four billion holes, one object in many places. This one knows the few kinds of values that an input
 * is made of, turns only what is there, and costs no more than the text was long.
 */
import type { SuperJSONResult } from 'superjson'

/** Deeper than this nothing is sent, by `encode` without superjson's help, or taken. */
export const DEEPEST = 64

/** The keys that reach a prototype; superjson sends none of them. */
export const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

/** A longer bigint is refused unread: turning digits into a number costs the square of their count. */
const DIGITS = /^-?\d{1,1000}$/

/** Where a value stands: `holder[key]`. */
interface Place {
  readonly holder: Record<string, unknown>
  readonly key: string
}

/** What may be made of JSON, by the name of its annotation, and of which JSON: what superjson writes and nothing else. */
const KINDS = new Map<unknown, (json: unknown) => unknown>([
  ['undefined', (json) => (json === null ? undefined : unfit())],
  ['Date', (json) => new Date(matching(json, /^[-+\dTZ:.]{1,32}$/))],
  ['bigint', (json) => BigInt(matching(json, DIGITS))],
  ['number', (json) => Number(matching(json, /^(?:NaN|-?Infinity|-0)$/))],
  ['set', (json) => new Set(listOf(json))],
  ['map', (json) => new Map(listOf(json).map(entryOf))],
])

/**
 * Decodes plain JSON with Date, bigint, undefined, NaN and the like, Set and Map. It changes the payload, which was parsed for this alone.
 * "These two are one object" is left out: such references could fold a small body into a structure that is exponentially large to walk,
 * and each place carries its whole value as well.
 *
 * @throws Error for any other annotation, one of a place that is not there, a key that reaches a prototype, and for 65 levels.
 */
export function decodeUntrusted({ json, meta }: SuperJSONResult): unknown {
  requirePlain(json)
  // Held by something, so that the value as a whole is a place as well.
  const root: Place = { holder: { value: json }, key: 'value' }
  const values: unknown = meta?.values
  if (Array.isArray(values)) turn(root, values)
  else if (values !== undefined) turnWithin(root, values)
  return root.holder['value']
}

/** Looks at every value once, without recursion: JSON may be as deep as it is long. */
function requirePlain(json: unknown): void {
  const waiting: [value: unknown, depth: number][] = [[json, 0]]
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const [value, depth] = next
    if (typeof value !== 'object' || value === null) continue
    if (depth > DEEPEST) unfit()
    const isList = Array.isArray(value)
    for (const [key, item] of Object.entries(value)) {
      if (!isList && FORBIDDEN_KEYS.has(key)) unfit()
      waiting.push([item, depth + 1])
    }
  }
}

/** Turns the value in this place into what its annotation, `[kind]` or `[kind, { path: annotation }]`, says; what is within comes first. */
function turn(place: Place, annotation: unknown): void {
  if (!Array.isArray(annotation) || annotation.length < 1 || annotation.length > 2) return unfit()
  const [kind, within]: unknown[] = annotation
  const make = KINDS.get(kind) ?? unfit()
  if (within !== undefined) turnWithin(place, within)
  place.holder[place.key] = make(place.holder[place.key])
}

function turnWithin(place: Place, annotations: unknown): void {
  if (typeof annotations !== 'object' || annotations === null || Array.isArray(annotations)) return unfit()
  for (const [path, annotation] of Object.entries(annotations)) turn(placeAt(place, path), annotation)
}

/** Follows a path of at least one step, each to a value that is there: nothing is ever added, and the depth of the JSON bounds that of the paths. */
function placeAt(start: Place, path: string): Place {
  let place = start
  for (const key of stepsOf(path)) {
    const value = place.holder[place.key]
    const isThere = isPlain(value) && Object.hasOwn(value, key) && !(Array.isArray(value) && key === 'length')
    place = isThere ? { holder: value, key } : unfit()
  }
  return place
}

/** The keys of a path: parted by dots, in which `\.` is a dot and `\\` a backslash. */
function stepsOf(path: string): string[] {
  if (!/^(?:[^\\]|\\[.\\])*$/.test(path)) unfit()
  const steps = ['']
  for (const [part] of path.matchAll(/\\.|\.|[^\\.]+/gs)) {
    if (part === '.') steps.push('')
    else steps.push((steps.pop() ?? '') + (part.startsWith('\\') ? part.slice(1) : part))
  }
  return steps
}

/** A list is a record of its indexes. */
function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype
}

function matching(json: unknown, pattern: RegExp): string {
  return typeof json === 'string' && pattern.test(json) ? json : unfit()
}

function listOf(json: unknown): unknown[] {
  return Array.isArray(json) ? json : unfit()
}

function entryOf(json: unknown): [unknown, unknown] {
  return Array.isArray(json) && json.length === 2 ? [json[0], json[1]] : unfit()
}

function unfit(): never {
  throw new Error('The input holds what no input is made of.')
}
