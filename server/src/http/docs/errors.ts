/** The errors as JSON Schema: one shape for each code of the closed union, with its status and its details. */
import { z } from 'zod'
import { passwordFaults, statusOf, stepUpMethods, type ConflictReason, type ErrorCode, type ErrorDetails } from '#lib/errors.ts'
import { docstrings } from './docstrings.ts'
import { refTo, type JsonSchema } from './schemas.ts'

type Detailed = { [C in ErrorCode as ErrorDetails[C] extends undefined ? never : C]: z.ZodType<ErrorDetails[C]> }

const wait = z.object({ retryAfterSeconds: z.int().min(0) })

/** A code whose details change stops compiling here. */
const details: Detailed = {
  BAD_REQUEST: z.object({ fields: z.record(z.string(), z.array(z.string())), reason: z.enum(passwordFaults).exactOptional() }),
  CONFLICT: z.object({
    reason: z.enum(docstrings.conflicts as [ConflictReason]),
    field: z.string().exactOptional(),
    from: z.string().exactOptional(),
    to: z.string().exactOptional(),
    allowed: z.array(z.string()).exactOptional(),
  }),
  STEP_UP_REQUIRED: z.object({ methods: z.array(z.enum(stepUpMethods)) }),
  TOO_MANY_REQUESTS: wait,
  UNAVAILABLE: wait,
}

/** Every code. */
export const codes = Object.keys(statusOf) as ErrorCode[]

/** The schemas `Error` and `Error.<code>`: the body of an answer with that error; and `StreamError`, which is what such a body holds. */
export function errorSchemas(): Record<string, JsonSchema> {
  return {
    Error: {
      description: 'The body of every answer that is no success. Switch over `error.json.data.code`, never over the sentence.',
      oneOf: codes.map((code) => refTo(`Error.${code}`)),
    },
    StreamError: {
      description: 'An error as a stream tells it.',
      oneOf: codes.map((code) => ({ $ref: `#/components/schemas/Error.${code}/properties/error` })),
    },
    ...Object.fromEntries(codes.map((code) => [`Error.${code}`, errorSchema(code)])),
  }
}

function errorSchema(code: ErrorCode): JsonSchema {
  const carried = code in details ? { details: detailsOf(details[code as keyof Detailed]) } : {}
  const data = object({
    code: { const: code },
    ...carried,
    requestId: { type: ['string', 'null'], description: 'As the header x-request-id; it finds the request in the log.' },
    path: { type: ['string', 'null'], description: 'The procedure, where the request came as far as one.' },
    httpStatus: { const: statusOf[code] },
  })
  const shape = object({
    code: { type: 'integer', description: 'The number that JSON-RPC and tRPC have for it.' },
    message: { type: 'string', description: 'One sentence for people.' },
    data,
  })
  const text = docstrings.errors[code]
  return { ...object({ error: object({ json: shape }, { meta: refTo('Meta') }) }), ...(text && { description: text }) }
}

function detailsOf(schema: z.ZodType): JsonSchema {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io: 'output' })
  return json as JsonSchema
}

/** An object of which everything is there, but what is given second. */
export function object(required: Record<string, JsonSchema>, optional: Record<string, JsonSchema> = {}): JsonSchema {
  return { type: 'object', properties: { ...required, ...optional }, required: Object.keys(required) }
}
