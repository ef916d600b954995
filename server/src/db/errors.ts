/** What an error of the database means: an answer for the caller, a reason to try again, or a fault of ours. */
import type { AppError } from '#lib/errors.ts'

/** Gives the answer that a database error amounts to (UNAVAILABLE, CONFLICT, NOT_FOUND); nothing where it is a fault of ours. */
export function asAppError(_error: unknown): AppError | undefined {
  return undefined
}

/**
 * Runs the work, and answers CONFLICT NAME_TAKEN where it hits the unique index of one of these fields:
 * `conflictOn({ slug: 'Another team has this address already.' }, () => tx.team.create(...))`.
 * Any other violation stays a fault of ours. The transaction cannot go on after it: the error must leave it.
 */
export async function conflictOn<T>(_sentences: Record<string, string>, _work: () => Promise<T>): Promise<T> {
  throw new Error('not written yet')
}
