/**
 * How an input with files travels: as multipart/form-data, with each file as a part under its own name and all else, as ever, in one part.
 * The server and the client both use this one.
 */
import { encode } from './transformer.ts'
import { decodeUntrusted } from './untrusted.ts'

/** The part that holds what is no file. A file of this name would be in its place: no input may have one. */
const REST = 'input'
/** Ends the name of a part that is one of a list. */
const LIST = '[]'

/** Gives the form of an input that has files among its fields, alone or in lists; undefined for one that has none. */
export function toForm(input: unknown): FormData | undefined {
  if (typeof input !== 'object' || input === null) return undefined
  const files = Object.entries(input).filter(([, value]) => isFile(value) || isFiles(value)) as [string, Blob | Blob[]][]
  if (files.length === 0) return undefined
  const form = new FormData()
  const names = new Set(files.map(([name]) => name))
  const rest = Object.fromEntries(Object.entries(input).filter(([name]) => !names.has(name)))
  form.append(REST, JSON.stringify(encode(rest)))
  for (const [name, value] of files) {
    if (Array.isArray(value)) for (const file of value) form.append(name + LIST, file)
    else form.append(name, value)
  }
  return form
}

/** Gives the input that a form holds. What it is worth is for a schema to say. @throws SyntaxError where the part that is no file is no JSON */
export function fromForm(form: FormData): Record<string, unknown> {
  const rest = form.get(REST)
  const fields: unknown = typeof rest === 'string' ? decodeUntrusted(JSON.parse(rest)) : {}
  const files = [...new Set(form.keys())].filter((name) => name !== REST)
  const entries = files.map((name) => (name.endsWith(LIST) ? [name.slice(0, -LIST.length), form.getAll(name)] : [name, form.get(name)]))
  return { ...(fields as object), ...(Object.fromEntries(entries) as object) }
}

function isFile(value: unknown): value is Blob {
  return value instanceof Blob
}

function isFiles(value: unknown): value is Blob[] {
  return Array.isArray(value) && value.length > 0 && value.every(isFile)
}
