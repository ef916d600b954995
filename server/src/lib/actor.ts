/** Who acts. Every transaction, activity row and event names one. */
import type { ApiKeyId, SessionId, UserId } from './ids.ts'

/** A signed-in person. */
export interface UserActor {
  readonly kind: 'USER'
  readonly userId: UserId
  /** Of a key: the key's own id, which is no session's. */
  readonly sessionId: SessionId
  /** Where an API key acts in the person's name. */
  readonly apiKeyId?: ApiKeyId
  /** The administrator who acts in the person's name. */
  readonly impersonatorId?: UserId
}

/** Somebody who is not signed in: sign-up, sign-in, a link from a mail. */
export interface AnonymousActor {
  readonly kind: 'ANONYMOUS'
}

/** A job, a schedule, the seed. `name` says which. */
export interface SystemActor {
  readonly kind: 'SYSTEM'
  readonly name: string
}

export type Actor = UserActor | AnonymousActor | SystemActor

export const anonymous: AnonymousActor = { kind: 'ANONYMOUS' }

/** The id that is written beside what the actor did: a user's id, a system actor's name, nothing for a stranger. */
export function actorId(actor: Actor): string | null {
  if (actor.kind === 'USER') return actor.userId
  return actor.kind === 'SYSTEM' ? actor.name : null
}
