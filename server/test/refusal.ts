/** Refusals, as the client of the published kind sees them. */
import { isAppError, type ErrorCode, type ErrorDetails } from '@plinth/client'

export interface SeenRefusal {
  readonly code: ErrorCode
  readonly message: string
  readonly details: ErrorDetails[ErrorCode]
}

/** Gives what a refused call was told. Throws when the call went through, or failed in any other way. */
export async function refusal(call: Promise<unknown>): Promise<SeenRefusal> {
  const error: unknown = await call.then(
    () => new Error('The call was not refused'),
    (thrown: unknown) => thrown,
  )
  if (!isAppError(error)) throw error
  return { code: error.data.code, message: error.message, details: error.data.details }
}
