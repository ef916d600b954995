/** What the client knows of the server: types, and nothing else. */
export type { AppRouter } from '@plinth/server/router'
export type { ErrorData } from '@plinth/server/errors'
export type { ConflictReason, ErrorCode, ErrorDetails, FieldErrors } from '@plinth/server/error-codes'
