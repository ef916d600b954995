/** The OpenAPI 3.1 document: the procedures as they stand on the wire, for callers in any language. */
import type { Config } from '#lib/config.ts'
import { statusOf } from '#lib/errors.ts'
import { sessionCookieName } from '../session-cookie.ts'
import { docstrings } from './docstrings.ts'
import { codes, errorSchemas } from './errors.ts'
import { operationOf } from './operations.ts'
import type { Described } from './procedures.ts'
import { refTo, type JsonSchema, type Schemas } from './schemas.ts'
import { WIRE } from './wire.ts'

type Json = Record<string, unknown>

/** Makes the document. */
export function openApiOf(procedures: readonly Described[], schemas: Schemas, config: Pick<Config, 'PUBLIC_URL'>): Json {
  const operations = procedures.map((procedure) => ({ procedure, operation: operationOf(procedure, schemas) }))
  return {
    openapi: '3.1.1',
    info: {
      title: 'Plinth',
      version: docstrings.version,
      summary: 'One typed backend that several applications stand on.',
      description: WIRE,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    jsonSchemaDialect: 'https://json-schema.org/draft/2020-12/schema',
    servers: [{ url: config.PUBLIC_URL.replace(/\/$/, '') }],
    tags: tagsOf(procedures),
    paths: Object.fromEntries(
      operations.map(({ procedure, operation }) => [
        `/trpc/${procedure.path}`,
        { [procedure.kind === 'mutation' ? 'post' : 'get']: operation },
      ]),
    ),
    components: {
      schemas: { Meta, ...errorSchemas(), ...schemas.named },
      responses: { Error: errorResponse('Any other refusal.', refTo('Error')), ...errorResponses() },
      parameters: PARAMETERS,
      headers: HEADERS,
      securitySchemes: securitySchemes(config),
    },
  }
}

const Meta: JsonSchema = {
  type: 'object',
  description:
    'Which values of `json` are of a kind that JSON has not, by their place. Written by SuperJSON; absent where all is plain JSON.',
  properties: { values: { type: ['object', 'array'] }, v: { type: 'integer' } },
}

function tagsOf(procedures: readonly Described[]): Json[] {
  const groups = [...new Set(procedures.map(({ group }) => group))].filter(Boolean).toSorted()
  return groups.map((name) => {
    const description = docstrings.routers[name]
    return { name, ...(description && { description }) }
  })
}

/** One for each status that an error has. */
function errorResponses(): Json {
  return Object.fromEntries(
    Object.entries(Object.groupBy(codes, (code) => statusOf[code])).map(([status, those = []]) => {
      const schemas = those.map((code) => refTo(`Error.${code}`))
      const waits = those.some((code) => code === 'TOO_MANY_REQUESTS' || code === 'UNAVAILABLE')
      const words = `${those.join(' or ')}.`
      const headers = waits ? { 'retry-after': { $ref: '#/components/headers/retry-after' } } : {}
      return [`Error${status}`, errorResponse(words, schemas.length === 1 ? (schemas[0] ?? {}) : { oneOf: schemas }, headers)]
    }),
  )
}

function errorResponse(description: string, schema: JsonSchema, headers: Json = {}): Json {
  return {
    description,
    headers: { 'x-request-id': { $ref: '#/components/headers/x-request-id' }, ...headers },
    content: { 'application/json': { schema } },
  }
}

const HEADERS: Json = {
  'x-request-id': { description: 'The id of this request in the log of the server.', required: true, schema: { type: 'string' } },
  'retry-after': { description: 'Seconds to wait before the next try.', schema: { type: 'integer' } },
  'set-cookie': { description: "The session's cookie, set or taken away.", schema: { type: 'string' } },
}

const PARAMETERS: Json = {
  'idempotency-key': {
    name: 'idempotency-key',
    in: 'header',
    description: 'Random, and the same when the call is sent again: under it the call has its effect once.',
    schema: { type: 'string', pattern: '^[\\w-]{16,64}$' },
  },
  'x-plinth-device': {
    name: 'x-plinth-device',
    in: 'header',
    description: 'A random id that a caller who is not signed in keeps for itself. Needed with an idempotency key of theirs.',
    schema: { type: 'string', pattern: '^[\\w-]{16,64}$' },
  },
  'x-request-id': {
    name: 'x-request-id',
    in: 'header',
    description: 'An id of the caller to find this request by; the server makes one where it is absent.',
    schema: { type: 'string', pattern: '^[\\w-]{8,64}$' },
  },
  'last-event-id': {
    name: 'last-event-id',
    in: 'header',
    description: 'The id of the last event that was received: the stream goes on after it. An EventSource sends it by itself.',
    schema: { type: 'string' },
  },
}

function securitySchemes(config: Pick<Config, 'PUBLIC_URL'>): Json {
  return {
    cookie: {
      type: 'apiKey',
      in: 'cookie',
      name: sessionCookieName(config),
      description:
        'For browsers: auth.signIn with `"delivery": "COOKIE"` sets it. The request must say that it comes from a page of ours (Sec-Fetch-Site, Origin).',
    },
    bearer: { type: 'http', scheme: 'bearer', description: 'For tools: auth.signIn with `"delivery": "TOKEN"` answers the token.' },
  }
}
