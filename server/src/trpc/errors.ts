/** From whatever was thrown to what a caller is told: the one place where an AppError becomes tRPC's, and where a fault of ours is masked. */
import { TRPCError, type TRPC_ERROR_CODE_NUMBER } from '@trpc/server'
import { TRPC_ERROR_CODES_BY_KEY } from '@trpc/server/rpc'
import { z } from 'zod'
import { asAppError } from '#db'
import { AppError, statusOf, type ErrorCode, type ErrorDetails, type FieldErrors } from '#lib/errors.ts'

/** What travels with an error: switch over `code`, and `details` is what that code carries (lib/errors.ts). */
export type ErrorData = {
  [C in ErrorCode]: { code: C; details: ErrorDetails[C]; requestId: string | null; path: string | null; httpStatus: number }
}[ErrorCode]

/** An error as it stands on the wire: JSON-RPC's number, one sentence, and our data. Never a stack. */
export interface ErrorShape {
  code: TRPC_ERROR_CODE_NUMBER
  message: string
  data: ErrorData
}

const MASKED = 'Something went wrong on our side.'

/** What tRPC itself refuses before a procedure runs, in our words: its own may repeat the input. */
const REFUSALS: Partial<Record<TRPCError['code'], () => AppError>> = {
  BAD_REQUEST: () => new AppError('BAD_REQUEST', 'The request cannot be read, or holds too many calls.', { fields: {} }),
  PARSE_ERROR: () => new AppError('BAD_REQUEST', 'The request cannot be read.', { fields: {} }),
  NOT_FOUND: () => new AppError('NOT_FOUND', 'There is no such procedure.'),
  METHOD_NOT_SUPPORTED: () => new AppError('METHOD_NOT_SUPPORTED', 'This procedure takes another HTTP method.'),
  UNSUPPORTED_MEDIA_TYPE: () => new AppError('UNSUPPORTED_MEDIA_TYPE', 'Send application/json.'),
  PAYLOAD_TOO_LARGE: () => new AppError('PAYLOAD_TOO_LARGE', 'The request is too large.'),
  CLIENT_CLOSED_REQUEST: () => new AppError('CLIENT_CLOSED', 'The caller went away.'),
}

const BY_STATUS: Record<number, keyof typeof TRPC_ERROR_CODES_BY_KEY> = {
  400: 'BAD_REQUEST',
  401: 'UNAUTHORIZED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  405: 'METHOD_NOT_SUPPORTED',
  409: 'CONFLICT',
  413: 'PAYLOAD_TOO_LARGE',
  415: 'UNSUPPORTED_MEDIA_TYPE',
  429: 'TOO_MANY_REQUESTS',
  499: 'CLIENT_CLOSED_REQUEST',
  503: 'SERVICE_UNAVAILABLE',
}

/** The AppError behind a TRPCError: the one that was thrown, the faults of the input, tRPC's own refusal, or INTERNAL for everything else. */
export function toAppError(error: TRPCError): AppError {
  // Whatever was thrown in a procedure is INTERNAL_SERVER_ERROR to tRPC. A body that broke off is not, and its ECONNRESET is not the database's.
  const known = error.code === 'INTERNAL_SERVER_ERROR' ? asAppError(error.cause) : undefined
  if (known) return known
  if (error.code === 'BAD_REQUEST' && error.cause instanceof z.core.$ZodError) {
    return new AppError('BAD_REQUEST', 'The input is not what this procedure takes.', { fields: fieldsOf(error.cause.issues) })
  }
  return REFUSALS[error.code]?.() ?? new AppError('INTERNAL', MASKED)
}

/** Shapes an error for the wire. */
export function errorShape(error: AppError, requestId: string | null, path: string | null): ErrorShape {
  const httpStatus = statusOf[error.code]
  return {
    code: TRPC_ERROR_CODES_BY_KEY[BY_STATUS[httpStatus] ?? 'INTERNAL_SERVER_ERROR'],
    message: error.message,
    // AppError pairs code and details; a union cannot be built from the two read apart.
    data: { code: error.code, ...(error.details && { details: error.details }), requestId, path, httpStatus } as ErrorData,
  }
}

/** More faults than this help nobody. */
const MOST_FIELDS = 50

/** Names each faulty field by its path (`members.0.role`), unknown keys among them; a fault of the whole is `input`. */
function fieldsOf(issues: readonly z.core.$ZodIssue[]): FieldErrors {
  const fields = new Map<string, string[]>()
  for (const { name, fault } of issues.flatMap(faultsOf).slice(0, MOST_FIELDS)) fields.set(name, [...(fields.get(name) ?? []), fault])
  return Object.fromEntries(fields)
}

function faultsOf(issue: z.core.$ZodIssue): { name: string; fault: string }[] {
  const isMissing = issue.code === 'invalid_type' && issue.message.endsWith('received undefined')
  if (issue.code !== 'unrecognized_keys') return [{ name: nameOf(issue.path), fault: isMissing ? 'is missing' : issue.message }]
  return issue.keys.map((key) => ({ name: nameOf([...issue.path, key]), fault: 'is not known' }))
}

/** A stranger's key may be long, or one that reaches a prototype, which no answer carries (client/src/transformer.ts). */
function nameOf(path: readonly PropertyKey[]): string {
  const name = path.join('.').slice(0, 100)
  return ['', '__proto__', 'constructor', 'prototype'].includes(name) ? 'input' : name
}
