/** One procedure as an operation of OpenAPI. */
import { z } from 'zod'
import { statusOf } from '#lib/errors.ts'
import { object } from './errors.ts'
import { envelopeExample } from './examples.ts'
import { fieldsOf, summaryOf, type Described } from './procedures.ts'
import { nameIn, refTo, type JsonSchema, type Schemas } from './schemas.ts'

type Json = Record<string, unknown>

/** Gives the operation of a procedure. */
export function operationOf(procedure: Described, schemas: Schemas): Json {
  const { path, group, text, access, kind, meta, mostBytes } = procedure
  return {
    operationId: path,
    ...(group && { tags: [group] }),
    ...(text && { summary: summaryOf(text) }),
    description: descriptionOf(procedure),
    'x-kind': kind,
    'x-access': access,
    ...(kind === 'mutation' && { 'x-max-bytes': mostBytes }),
    ...(meta.secret && { 'x-answers-secret': true }),
    security: [...(access === 'anyone' ? [{}] : []), { cookie: [] }, { bearer: [] }],
    parameters: parametersOf(procedure, schemas),
    ...(kind === 'mutation' && { requestBody: bodyOf(procedure, schemas) }),
    responses: kind === 'subscription' ? streamResponses(procedure, schemas) : responsesOf(procedure, schemas),
  }
}

function descriptionOf({ text, access, refusals }: Described): string {
  const own = refusals.filter(({ isOwn }) => isOwn).map(({ code, when }) => `- \`${code}\`${when && ` ${when}`}`)
  return [text, `Who may call it: ${access}.`, own.length > 0 && `Refused with\n${own.join('\n')}`].filter(Boolean).join('\n\n')
}

function parametersOf({ path, kind, input, meta }: Described, { inputs, named }: Schemas): Json[] {
  const header = (name: string): Json => ({ $ref: `#/components/parameters/${name}` })
  if (kind === 'mutation') return [...(meta.unkeyed ? [] : [header('idempotency-key'), header('x-plinth-device')]), header('x-request-id')]
  const schema = inputs.get(path)
  const resumes = kind === 'subscription' && fieldsOf(input)['lastEventId'] !== undefined
  const inputParameter = {
    name: 'input',
    in: 'query',
    required: true,
    description: 'The input in its envelope, as JSON.',
    content: { 'application/json': { schema: envelopeOf(schema ?? {}), ...exampleIn(schema, named) } },
  }
  return [...(schema ? [inputParameter] : []), ...(resumes ? [header('last-event-id')] : []), header('x-request-id')]
}

function bodyOf({ path, input, meta }: Described, { inputs, named }: Schemas): Json {
  const schema = inputs.get(path)
  if (!schema || !input) {
    const nothing = { type: 'object', maxProperties: 0, description: 'It takes no input.' }
    return { required: true, content: { 'application/json': { schema: nothing, example: {} } } }
  }
  const plain = { 'application/json': { schema: envelopeOf(schema), ...exampleIn(schema, named) } }
  if (!meta.files) return { required: true, content: plain }
  const needsFile = Object.values(fieldsOf(input)).some((field) => isFile(field) && !field.safeParse(undefined).success)
  return { required: true, content: { ...(needsFile ? {} : plain), 'multipart/form-data': formOf(input, schema, named) } }
}

/** Each file is a part under its own name, one of a list under the name with `[]`; all else is in the part `input` (client/src/form.ts). */
function formOf(input: z.ZodType, schema: JsonSchema, named: Schemas['named']): Json {
  const json = named[nameIn(schema) ?? ''] ?? schema
  const fields = Object.entries(fieldsOf(input))
  const files = fields.filter(([, field]) => isFile(field))
  const isRequired = (name: string): boolean => json.required?.includes(name) ?? false
  const rest = fields.filter(([, field]) => !isFile(field)).map(([name]) => name)
  const others = {
    type: 'object',
    properties: Object.fromEntries(rest.map((name) => [name, json.properties?.[name] ?? {}])),
    required: rest.filter(isRequired),
    additionalProperties: false,
  }
  const parts = files.map(([name, field]) => [isList(field) ? `${name}[]` : name, json.properties?.[name] ?? {}] as const)
  return {
    schema: {
      type: 'object',
      properties: { input: envelopeOf(others as JsonSchema), ...Object.fromEntries(parts) },
      required: ['input', ...files.filter(([name]) => isRequired(name)).map(([name, field]) => (isList(field) ? `${name}[]` : name))],
    },
    encoding: { input: { contentType: 'application/json' } },
  }
}

function responsesOf(procedure: Described, schemas: Schemas): Json {
  const { path, meta, refusals } = procedure
  const schema = schemas.outputs.get(path) ?? {}
  const answer = envelopeExample(schema, schemas.named)
  const success = {
    description: 'Done.',
    headers: {
      'x-request-id': { $ref: '#/components/headers/x-request-id' },
      ...(meta.cookies && { 'set-cookie': { $ref: '#/components/headers/set-cookie' } }),
    },
    content: {
      'application/json': { schema: object({ result: object({ data: envelopeOf(schema) }) }), example: { result: { data: answer } } },
    },
  }
  return { '200': success, ...Object.fromEntries(refusalResponses(refusals)), default: { $ref: '#/components/responses/Error' } }
}

/** Under a status stand all codes that have it, so that no answer is another than is said; which of them this procedure names is in words. */
function refusalResponses(refusals: Described['refusals']): [string, Json][] {
  return Object.entries(Object.groupBy(refusals, ({ code }) => String(statusOf[code]))).map(([status, those = []]) => {
    const words = those.map(({ code, when }) => `\`${code}\`${when && ` ${when}`}`)
    return [status, { $ref: `#/components/responses/Error${status}`, description: `${words.join('; ')}.` }]
  })
}

/** A stream has begun when its procedure is asked: what that refuses comes as an event, and only what the edge refuses has a status. */
function streamResponses({ path }: Described, { outputs, named }: Schemas): Json {
  const schema = outputs.get(path) ?? {}
  const stream = {
    schema: { type: 'string', description: 'Server-sent events; `x-itemSchema` is the schema of the data of each.' },
    'x-itemSchema': envelopeOf(schema),
    'x-errorSchema': refTo('StreamError'),
    example: `event: connected\ndata: {"reconnectAfterInactivityMs":40000}\n\ndata: ${JSON.stringify(envelopeExample(schema, named))}\nid: 42\n\n`,
  }
  const description = [
    'A stream of events. One without a name (`message`) holds the envelope of what the procedure gives, and its `id` is where to go on after.',
    '`connected` begins and `ping` keeps the connection; `return` ends the stream for good; `serialized-error` holds an error in its envelope and ends it.',
    'A stream that breaks off without either is opened again with `last-event-id`.',
  ].join(' ')
  return {
    '200': {
      description,
      headers: { 'x-request-id': { $ref: '#/components/headers/x-request-id' } },
      content: { 'text/event-stream': stream },
    },
    default: { $ref: '#/components/responses/Error' },
  }
}

function envelopeOf(schema: JsonSchema): JsonSchema {
  return object({ json: schema }, { meta: refTo('Meta') })
}

function exampleIn(schema: JsonSchema | undefined, named: Schemas['named']): Json {
  return schema ? { example: envelopeExample(schema, named) } : {}
}

function isFile(field: z.ZodType): boolean {
  return innerOf(field) instanceof z.ZodFile || isList(field)
}

function isList(field: z.ZodType): boolean {
  const inner = innerOf(field)
  return inner instanceof z.ZodArray && inner.element instanceof z.ZodFile
}

function innerOf(field: z.ZodType): unknown {
  return field instanceof z.ZodOptional || field instanceof z.ZodExactOptional ? field.unwrap() : field
}
