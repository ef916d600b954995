/** What an error of the database means: a reason to try again, an answer for the caller, or a fault of ours. */
import { AppError, isAppError } from '#lib/errors.ts'

/**
 * Why the database could not do it, where that is nobody's fault. All of them leave nothing behind, but for a connection that was lost
 * at COMMIT: of that alone transaction() knows.
 *
 * - `COLLISION` two transactions cannot both be right (40001, 40P01); `LOCKED` a lock did not come in time (55P03);
 *   `STALE_PLAN` a migration changed what a prepared statement gives (0A000)
 * - `UNREACHABLE` no connection was made (refused, starting, stopping, full, a standby); `LOST` one broke
 * - `CROWDED` the pool had no connection in time; `SLOW` a time limit ended it; `FULL` no disk, no memory
 */
export type Failure = 'COLLISION' | 'LOCKED' | 'STALE_PLAN' | 'UNREACHABLE' | 'LOST' | 'CROWDED' | 'SLOW' | 'FULL'

/** By SQLSTATE (PostgreSQL's manual, appendix A), its first five, three or two characters. */
const bySqlState: Record<string, Failure> = {
  '40001': 'COLLISION',
  '40P01': 'COLLISION',
  '55P03': 'LOCKED',
  '57014': 'SLOW',
  '25P03': 'LOST',
  '25P04': 'SLOW',
  '25006': 'UNREACHABLE',
  '53300': 'UNREACHABLE',
  '57P03': 'UNREACHABLE',
  '57P': 'LOST',
  '08': 'LOST',
  '53': 'FULL',
}

/** By the code of a socket's error, or Prisma's own. */
const byCode: Record<string, Failure> = {
  ECONNREFUSED: 'UNREACHABLE',
  ENOTFOUND: 'UNREACHABLE',
  EAI_AGAIN: 'UNREACHABLE',
  EHOSTUNREACH: 'UNREACHABLE',
  ECONNRESET: 'LOST',
  EPIPE: 'LOST',
  ETIMEDOUT: 'LOST',
  P1001: 'UNREACHABLE',
  P1008: 'LOST',
  P1017: 'LOST',
}

/** pg and Prisma say these in words alone. */
const bySentence: readonly (readonly [string, Failure])[] = [
  ['timeout exceeded when trying to connect', 'CROWDED'],
  ['Unable to start a transaction in the given time', 'CROWDED'],
  ['expired transaction', 'SLOW'],
  ['Connection terminated', 'LOST'],
  ['Client has encountered a connection error', 'LOST'],
  ['Client was closed', 'LOST'],
]

interface DatabaseError {
  readonly code?: string
  readonly message?: string
  readonly severity?: string
  readonly constraint?: string
  readonly meta?: { readonly driverAdapterError?: { readonly cause?: AdapterCause } }
}

interface AdapterCause {
  readonly originalCode?: string
  readonly originalMessage?: string
  readonly constraint?: { readonly index?: string }
}

/** Tells why the database could not do it; undefined where the error is of another kind. */
export function failureOf(error: unknown): Failure | undefined {
  if (!(error instanceof Error)) return undefined
  if (isStalePlan(error)) return 'STALE_PLAN'
  const state = sqlStateOf(error)
  if (state) return bySqlState[state] ?? bySqlState[state.slice(0, 3)] ?? bySqlState[state.slice(0, 2)]
  const sentence = bySentence.find(([words]) => error.message.includes(words))
  return sentence?.[1] ?? byCode[(error as DatabaseError).code ?? '']
}

/** Gives the SQLSTATE of an error of pg, or of the one that Prisma wrapped. */
export function sqlStateOf(error: unknown): string | undefined {
  const { code, severity, meta } = (error ?? {}) as DatabaseError
  if (severity !== undefined) return code
  return meta?.driverAdapterError?.cause?.originalCode
}

/** Whether a prepared statement has outlived the shape of its table: PostgreSQL has done nothing, and does it when it is planned anew. */
export function isStalePlan(error: unknown): boolean {
  if (sqlStateOf(error) !== '0A000') return false
  const { message, meta } = error as DatabaseError
  return (meta?.driverAdapterError?.cause?.originalMessage ?? message ?? '').includes('cached plan')
}

/** Whether pg knew the connection to be broken, and kept the statement to itself. */
export function wasNeverSent(error: unknown): boolean {
  return error instanceof Error && (error.message.includes('is not queryable') || error.message.startsWith('Client was closed'))
}

/**
 * Gives the answer that an error of the database amounts to, with the error as its `cause`, for the log; undefined for a fault of ours.
 * No sentence holds a value, a table or SQL.
 */
export function asAppError(error: unknown): AppError | undefined {
  if (isAppError(error)) return error
  const answer = answerTo(error)
  if (answer) answer.cause = error
  return answer
}

function answerTo(error: unknown): AppError | undefined {
  const failure = failureOf(error)
  if (failure === 'COLLISION' || failure === 'LOCKED') {
    return new AppError('CONFLICT', 'Others are changing the same thing just now. Try again.', { reason: 'TOO_BUSY' })
  }
  if (failure) return new AppError('UNAVAILABLE', 'The database cannot take this just now. Try again.', { retryAfterSeconds: 1 })
  return isUnderDeletedParent(error) ? new AppError('NOT_FOUND', 'What this belongs to is not there any more.') : undefined
}

/** The guard triggers of soft delete refuse a living row under a deleted one with the code of a foreign key. */
function isUnderDeletedParent(error: unknown): boolean {
  return sqlStateOf(error) === '23503' && constraintOf(error) === 'soft_delete_guard'
}

function constraintOf(error: unknown): string | undefined {
  const { constraint, meta } = error as DatabaseError
  return constraint ?? meta?.driverAdapterError?.cause?.constraint?.index
}

/**
 * Runs the work, and answers CONFLICT NAME_TAKEN where it hits the unique index of one of these fields:
 * `conflictOn({ slug: 'Another team has this address already.' }, () => tx.team.create(...))`.
 * Any other violation stays a fault of ours. PostgreSQL has given the transaction up by then: the error has to leave it.
 *
 * @throws CONFLICT NAME_TAKEN with `field`. The index is known by its name as Prisma makes it: `..._<last column>_key`.
 */
export async function conflictOn<T>(sentences: Readonly<Record<string, string>>, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const index = sqlStateOf(error) === '23505' ? constraintOf(error) : undefined
    const taken = Object.entries(sentences).find(([field]) => index?.endsWith(`_${inSnakeCase(field)}_key`))
    if (!taken) throw error
    const [field, sentence] = taken
    throw new AppError('CONFLICT', sentence, { reason: 'NAME_TAKEN', field })
  }
}

function inSnakeCase(field: string): string {
  return field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
