/**
 * Looking through another person's eyes: for support, with a reason, an hour at most. Everything that is done so is recorded with both names; what
 * asks for a proof (`steppedUp`, `admin`) is closed to it, and the person is told by mail.
 */
import { refuse, transaction } from '#db'
import type { UserActor } from '#lib/actor.ts'
import { SessionId } from '#lib/ids.ts'
import { refuseNotLetIn, refusePerson } from './administration.ts'
import { refuseOutsider } from './administrators.ts'
import { presentSignedIn } from './complete-sign-in.ts'
import { maySignIn } from './policy.ts'
import type { Impersonate, Impersonating } from './schema-person.ts'
import { mintSession, newCredential } from './sessions.ts'

/** A session of an administrator in another's name has ended after this long, whatever is done in it. */
export const impersonationMs = 60 * 60 * 1000

/**
 * Gives a token that acts as the person. It is a token and never a cookie, so that the administrator's own session in the browser goes on.
 *
 * @throws NOT_FOUND; FORBIDDEN for administrators, oneself among them, and for accounts that may not sign in.
 */
export async function impersonate(actor: UserActor, { userId, reason, ticket }: Impersonate): Promise<Impersonating> {
  const credential = newCredential('BEARER')
  return transaction('auth', actor, async (tx) => {
    const refusal = await refuseOutsider(tx, actor, { userId, asked: 'impersonate' })
    if (refusal) return refusal
    const user = await tx.lock('user', { id: userId })
    if (!user) return refusePerson(tx, 'impersonate')
    if (user.role === 'ADMIN') {
      tx.record('auth.person.refused', { user: user.id }, { asked: 'impersonate', reason: 'ADMINISTRATOR' })
      return refuse('FORBIDDEN', 'Nobody acts as an administrator but they themselves.')
    }
    if (!maySignIn(user)) return refuseNotLetIn(tx, user, 'impersonate')
    const session = await mintSession(tx, user, credential, { methods: [], level: 1 }, { by: actor.userId, forMs: impersonationMs })
    tx.record('auth.person.impersonated', { user: user.id }, { sessionId: SessionId.parse(session.id), reason, ticket: ticket ?? null })
    return presentSignedIn(user, session, credential)
  })
}
