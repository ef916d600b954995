/** A caller in any language: it knows OpenAPI 3.1 and JSON Schema, and of Plinth what /openapi.json says, and nothing else. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { default as addFormats } from 'ajv-formats'

type Json = Record<string, unknown>

interface Parameter {
  readonly name: string
  readonly in: string
  readonly required?: boolean
  readonly content?: Record<string, unknown>
}

interface Operation {
  readonly parameters: readonly (Parameter | { readonly $ref: string })[]
  readonly requestBody?: { readonly required?: boolean; readonly content: Record<string, unknown> }
  readonly responses: Record<string, unknown>
  readonly security: readonly Json[]
}

export interface OpenApi {
  readonly servers: readonly { readonly url: string }[]
  readonly paths: Record<string, Record<string, Operation>>
  readonly components: Record<string, Record<string, unknown>>
}

export interface Answer {
  readonly status: number
  readonly type: string
  readonly body: unknown
  /** What the answer has that the document does not say, or lacks; empty where all is as it says. */
  readonly faults: string[]
}

export interface Caller {
  readonly document: OpenApi
  /** Where a schema stands in the document, as a JSON pointer, and what does not fit it. */
  faultsIn(pointer: string, value: unknown): string[]
  call(operationId: string, input?: unknown, headers?: Record<string, string>): Promise<Answer>
  /** The request alone, for what is no single answer. */
  request(operationId: string, input?: unknown, headers?: Record<string, string>): Promise<Response>
}

/** Reads the document of a server, and calls by it. */
export async function callerOf(url: string, token?: string): Promise<Caller> {
  const document = (await (await fetch(`${url}/openapi.json`)).json()) as OpenApi
  const faultsIn = validatorOf(document)
  const request = async (operationId: string, input?: unknown, headers: Record<string, string> = {}) => {
    const { path, method, operation } = operationIn(document, operationId)
    const resolved = operation.parameters.map((parameter) =>
      '$ref' in parameter ? (at(document, parameter.$ref) as Parameter) : parameter,
    )
    const credentials =
      token !== undefined && operation.security.some((scheme) => 'bearer' in scheme) ? { authorization: `Bearer ${token}` } : {}
    const unknown = Object.keys(headers).filter(
      (name) => !resolved.some((parameter) => parameter.in === 'header' && parameter.name === name),
    )
    if (unknown.length > 0) throw new Error(`${operationId} takes no header ${unknown.join()}`)
    const query = new URLSearchParams()
    for (const { name, in: place, content } of resolved)
      if (place === 'query' && content && input !== undefined) query.set(name, JSON.stringify({ json: input }))
    const [type] = Object.keys(operation.requestBody?.content ?? {})
    const body = type === undefined ? {} : { body: JSON.stringify(input === undefined ? {} : { json: input }) }
    return fetch(`${url}${path}?${query}`, {
      method,
      ...body,
      // A connection of its own: one that waited while a validator was made may be closing when it is used again.
      headers: { connection: 'close', ...credentials, ...(type !== undefined && { 'content-type': type }), ...headers },
    })
  }
  return {
    document,
    faultsIn,
    request,
    async call(operationId, input, headers) {
      const response = await request(operationId, input, headers)
      const { pointer, operation } = operationIn(document, operationId)
      const key = String(response.status) in operation.responses ? String(response.status) : 'default'
      const type = (response.headers.get('content-type') ?? '').split(';', 1)[0] ?? ''
      const body: unknown = await response.json()
      const place = followed(document, `${pointer}/responses/${key}`)
      const said = at(document, place) as { readonly headers?: Json; readonly content: Json }
      const missing = Object.entries(said.headers ?? {}).flatMap(([name, header]) => {
        const { required = false } = at(document, (header as { $ref: string }).$ref) as { required?: boolean }
        return required && !response.headers.has(name) ? [`the header ${name} is missing`] : []
      })
      if (!(type in said.content)) return { status: response.status, type, body, faults: [`${type} is not said`] }
      return { status: response.status, type, body, faults: [...missing, ...faultsIn(`${place}/content/${escaped(type)}/schema`, body)] }
    },
  }
}

/** Finds the operation of this id. */
export function operationIn(document: OpenApi, operationId: string) {
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      if ((operation as { operationId?: string }).operationId !== operationId) continue
      return { path, method: method.toUpperCase(), operation, pointer: `#/paths/${escaped(path)}/${method}` }
    }
  }
  throw new Error(`the document has no operation ${operationId}`)
}

function validatorOf(document: OpenApi): Caller['faultsIn'] {
  const ajv = new Ajv2020({ strict: false, allErrors: false, unicodeRegExp: true, formats: { cuid2: true } })
  addFormats.default(ajv)
  ajv.addSchema(document, 'plinth')
  const compiled = new Map<string, ValidateFunction>()
  return (pointer, value) => {
    const validate = compiled.get(pointer) ?? ajv.compile({ $ref: `plinth${encodeURI(pointer)}` })
    compiled.set(pointer, validate)
    return validate(value) ? [] : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`)
  }
}

/** What stands at a pointer. */
export function at(document: unknown, pointer: string): unknown {
  const parts = pointer.replace(/^#\//, '').split('/')
  return parts.reduce((value, part) => (value as Json)[part.replaceAll('~1', '/').replaceAll('~0', '~')], document)
}

function followed(document: unknown, pointer: string): string {
  const { $ref } = at(document, pointer) as { $ref?: string }
  return $ref ?? pointer
}

function escaped(part: string): string {
  return part.replaceAll('~', '~0').replaceAll('/', '~1')
}
