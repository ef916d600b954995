/** Errors that a caller can act on. */
import { TRPCClientError } from '@trpc/client'
import type { ErrorCode, ErrorData } from './api.ts'

/** A call that the server refused: `message` is a sentence for people, `data.code` is for programs, `data.details` follows from the code. */
export interface AppError<C extends ErrorCode = ErrorCode> extends Error {
  readonly data: Extract<ErrorData, { code: C }>
}

/**
 * Whether a call was refused by the server, with this code where one is given; narrows `data.details`.
 * False for what never reached the server or was lost on the way: a network that failed, a call that was aborted.
 */
export function isAppError<C extends ErrorCode = ErrorCode>(error: unknown, code?: C): error is AppError<C> {
  const data = dataOf(error)
  return data !== undefined && (code === undefined || data.code === code)
}

/** What the server said of an error, if it is the server's. */
export function dataOf(error: unknown): ErrorData | undefined {
  if (!(error instanceof TRPCClientError)) return undefined
  // Made by our own server, or by a proxy in between that answered with something else.
  const data = error.data as Partial<ErrorData> | null | undefined
  return typeof data?.code === 'string' ? (data as ErrorData) : undefined
}
