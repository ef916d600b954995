/** A "no" that commits: what was written so far (a failed attempt, a family of sessions ended) stays, and then the caller is refused. */
import { AppError, type ErrorCode, type ErrorDetails } from '#lib/errors.ts'

const refused = Symbol('refused')

/** What a transaction's function returns to refuse. Returned, never thrown: a throw rolls back. */
export interface Refusal {
  readonly [refused]: AppError
}

/** Makes a refusal, to be returned from a transaction: what was written so far is committed, then AppError is thrown outside. */
export function refuse<C extends ErrorCode>(
  code: C,
  sentence: string,
  ...details: ErrorDetails[C] extends undefined ? [] : [details: ErrorDetails[C]]
): Refusal {
  return { [refused]: new AppError(code, sentence, ...details) as AppError }
}

/** Gives the error behind a refusal, nothing where it is an ordinary result. */
export function refusalOf(result: unknown): AppError | undefined {
  if (typeof result !== 'object' || result === null || !(refused in result)) return undefined
  return (result as Refusal)[refused]
}
