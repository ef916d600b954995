/** Versions of rows that people edit: of two changes that were made on the same one, the second is refused instead of undoing the first. */
import { z } from 'zod'
import { refuse, type Refusal } from './refusal.ts'

/** The version that a change was made on, as its input names it. Compare it with that of the locked row. */
export const Version = z.int().min(1)

/** What a change does to the row's `version`: `data: { ...changes, version: nextVersion }`. */
export const nextVersion = { increment: 1 } as const

/** Refuses a change that was made on an older version than the one that stands: CONFLICT STALE_VERSION. */
export function refuseStale(): Refusal {
  return refuse('CONFLICT', 'This was changed meanwhile: load it anew.', { reason: 'STALE_VERSION', field: 'version' })
}
