/** What a person asked for and was refused, with its trace. Each is to be returned from the transaction. */
import { apart, refuse, transaction, type Refusal, type Tx } from '#db'
import type { UserActor } from '#lib/actor.ts'
import { log } from '#lib/log.ts'

/** Refuses what names something that is somebody else's, has ended, or never was: the three cannot be told apart. */
export function refuseUnknown(tx: Tx<'auth'>, { userId }: UserActor, asked: string, sentence: string): Refusal {
  tx.record('auth.account.refused', { user: userId }, { asked, reason: 'UNKNOWN' })
  return refuse('NOT_FOUND', sentence)
}

/** Refuses what would leave a person without anything to sign in by. */
export function refuseLastMethod(tx: Tx<'auth'>, { userId }: UserActor, asked: string, sentence: string): Refusal {
  tx.record('auth.account.refused', { user: userId }, { asked, reason: 'LAST_METHOD' })
  return refuse('CONFLICT', sentence, { reason: 'LAST_METHOD' })
}

/** Records that a call was refused which left no trace of its own. Whether it could be written never changes the refusal. */
export async function recordRefusedCall(actor: UserActor, call: { readonly procedure: string; readonly code: string }): Promise<void> {
  const record = () => transaction('auth', actor, async (tx) => tx.record('auth.call.refused', { user: actor.userId }, call))
  await apart(record).catch((error: unknown) => log.warn({ err: error }, 'The trace of a refused call could not be written.'))
}
