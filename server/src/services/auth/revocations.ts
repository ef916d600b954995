/** News of revocations: what ended here is known here at once, what ended in another process by notification. */
import { onHearing, onNotification } from '#db/notify.ts'

type Listener = (userId: string | null) => void

const listeners = new Set<Listener>()
const prefix = 'u:'

// What was said before this process heard is lost: anything may have been revoked.
onHearing(() => announce(null))
onNotification('plinth_revoked', (payload) => announce(payload.startsWith(prefix) ? payload.slice(prefix.length) : null))

/**
 * The payload of a notification on `plinth_revoked`, sent by `tx.notify` in the revoking transaction. It names the person, whether one
 * session, a role or a membership ended: to look again costs one query. This process hears it at the commit.
 */
export function revocation(userId: string): string {
  return prefix + userId
}

/** Calls back when something of this person's may have been revoked: a session, a role, a membership. Returns how to stop. */
export function onRevoked(userId: string, revoked: () => void): () => void {
  return onAnyRevoked((concerned) => {
    if (concerned === null || concerned === userId) revoked()
  })
}

/** Calls back at every revocation, with the person concerned, or null where it may be anybody. Returns how to stop. */
export function onAnyRevoked(listener: Listener): () => void {
  listeners.add(listener)
  return () => void listeners.delete(listener)
}

function announce(userId: string | null): void {
  for (const listener of listeners) listener(userId)
}
