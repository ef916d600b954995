/** What a refused caller is told: a stable code, one sentence, and details whose type follows from the code. */

/** What went wrong with each field of an input: the path of the field, then its faults. */
export type FieldErrors = Record<string, string[]>

/** Why a CONFLICT: switch over it. */
export type ConflictReason =
  | 'ALREADY_MEMBER'
  | 'ILLEGAL_MOVE'
  | 'KEY_REUSED'
  | 'LAST_METHOD'
  | 'LAST_ADMINISTRATOR'
  | 'LAST_OWNER'
  | 'LINKED_TO_OTHER'
  | 'NAME_TAKEN'
  | 'NO_EMAIL_ADDRESS'
  | 'NO_SECRETS'
  | 'PASSKEY_TAKEN'
  | 'POSITION_GONE'
  | 'SIGN_IN_AND_LINK'
  | 'STALE_VERSION'
  | 'TOO_BUSY'
  | 'TOO_MANY'

/** What a person can prove once more who they are by. */
export const stepUpMethods = ['EMAIL', 'PASSKEY', 'PASSWORD', 'PROVIDER', 'RECOVERY_CODE', 'TOTP'] as const
export type StepUpMethod = (typeof stepUpMethods)[number]

/** Why a password that is long enough may not be chosen: guessers try it first, or the operator's list of breaches has it. */
export const passwordFaults = ['COMMON_PASSWORD', 'BREACHED_PASSWORD'] as const
export type PasswordFault = (typeof passwordFaults)[number]

/** The details each code carries. The keys are the closed union of codes that a client may switch over. */
export interface ErrorDetails {
  /** The input is not what the procedure takes. `fields` names each fault; `reason` is why a password that is being chosen is refused. */
  BAD_REQUEST: { fields: FieldErrors; reason?: PasswordFault }
  /** Nobody is signed in, or what they signed in with has ended. */
  UNAUTHORIZED: undefined
  /** Signed in, and too long ago or by too little for this: prove it once more by one of `methods` (`auth.stepUp`), and call again. */
  STEP_UP_REQUIRED: { methods: StepUpMethod[] }
  /** Signed in, and not allowed. Never said of rows that belong to others: those are NOT_FOUND. */
  FORBIDDEN: undefined
  /** The person must verify their email address first. */
  EMAIL_NOT_VERIFIED: undefined
  /** The one-time token is unknown, used or too old: which of them is not told. */
  INVALID_TOKEN: undefined
  /** No such thing, or none that the caller may know of. */
  NOT_FOUND: undefined
  /** Queries and subscriptions are GET, mutations are POST. */
  METHOD_NOT_SUPPORTED: undefined
  /** The body is neither JSON nor, where the procedure takes files, a form. */
  UNSUPPORTED_MEDIA_TYPE: undefined
  /** The request is longer than its procedure takes. */
  PAYLOAD_TOO_LARGE: undefined
  /** What stands in the database does not allow it. */
  CONFLICT: { reason: ConflictReason; field?: string; from?: string; to?: string; allowed?: string[] }
  /** It had its effect already, under this idempotency key or from another tab a moment ago, and the result held a secret that is not kept. */
  ALREADY_DONE: undefined
  /** The caller, or the one whom it is about, has used up its turns. Wait for so many seconds. */
  TOO_MANY_REQUESTS: { retryAfterSeconds: number }
  /** The database or a queue cannot take more just now: nothing was done, try again. */
  UNAVAILABLE: { retryAfterSeconds: number }
  /** The connection was lost at commit and the call carried no idempotency key: it may or may not have had its effect. */
  UNKNOWN_OUTCOME: undefined
  /** The caller went away before the answer. */
  CLIENT_CLOSED: undefined
  /** A fault of ours. The request id finds it in the log. */
  INTERNAL: undefined
}

export type ErrorCode = keyof ErrorDetails

/** The HTTP status of each code (RFC 9110; 499 as nginx has it). */
export const statusOf: Record<ErrorCode, number> = {
  BAD_REQUEST: 400,
  UNAUTHORIZED: 401,
  STEP_UP_REQUIRED: 401,
  FORBIDDEN: 403,
  EMAIL_NOT_VERIFIED: 403,
  INVALID_TOKEN: 400,
  NOT_FOUND: 404,
  METHOD_NOT_SUPPORTED: 405,
  UNSUPPORTED_MEDIA_TYPE: 415,
  PAYLOAD_TOO_LARGE: 413,
  CONFLICT: 409,
  ALREADY_DONE: 409,
  TOO_MANY_REQUESTS: 429,
  UNAVAILABLE: 503,
  UNKNOWN_OUTCOME: 503,
  CLIENT_CLOSED: 499,
  INTERNAL: 500,
}

type DetailsArgument<C extends ErrorCode> = ErrorDetails[C] extends undefined ? [] : [details: ErrorDetails[C]]

/**
 * An answer that a caller can act on. Everything else that is thrown is a fault of ours: masked, logged once, answered as INTERNAL.
 * The sentence reaches people: it holds no secret, no row of others and no SQL.
 */
export class AppError<C extends ErrorCode = ErrorCode> extends Error {
  override readonly name = 'AppError'
  readonly code: C
  readonly details: ErrorDetails[C]

  constructor(code: C, sentence: string, ...[details]: DetailsArgument<C>) {
    super(sentence)
    this.code = code
    this.details = details as ErrorDetails[C]
  }
}

/** Whether it is an AppError, of this code where one is given; narrows `details`. */
export function isAppError<C extends ErrorCode>(error: unknown, code?: C): error is AppError<C> {
  return error instanceof AppError && (code === undefined || error.code === code)
}
