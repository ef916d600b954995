/**
 * Devices that are remembered for ninety days. What is left on one is a token that signs in once and is replaced as it does; whoever shows one that was
 * used has a copy, or the device has been copied: nobody knows which of the two is the owner's, so the whole family ends, with the sessions
 * that it began.
 */
import { transaction, refuse, type Refusal, type Row, type Tx } from '#db'
import { anonymous, type Actor } from '#lib/actor.ts'
import { completeSignIn, doneWith, type SignInDone } from './complete-sign-in.ts'
import { maySignIn } from './policy.ts'
import type { RememberedSignIn } from './schema-remembered.ts'
import type { SignInAnswer } from './schema-sign-in.ts'
import { credentialFor, endSessions, type Credential } from './sessions.ts'
import { findToken, takeToken } from './tokens.ts'

/**
 * Signs in by what an earlier sign-in left on the device, or asks for the second factor: a device is one factor and no more. The token is used
 * up, and the session comes with the next one; the ninety days go on from the first.
 *
 * @throws UNAUTHORIZED when there is none, or it is unknown, used, ended or too old. One that was used ends its family.
 */
export async function signInByRemembered(
  actor: Actor,
  { token, delivery }: RememberedSignIn,
  inBrowser: string | null,
  marker: string | null,
): Promise<SignInDone> {
  const credential = credentialFor(delivery, true)
  const answer = await transaction('auth', anonymous, (tx) => decide(tx, token ?? inBrowser ?? '', credential, actor))
  return doneWith(answer, credential, marker)
}

async function decide(tx: Tx<'auth'>, token: string, credential: Credential, actor: Actor): Promise<SignInAnswer | Refusal> {
  const known = await findToken(tx, 'REMEMBERED', token)
  const user = known && (await tx.lock('user', { id: known.userId ?? '' }))
  if (!known || !user) return refused(tx, null)
  const taken = await takeToken(tx, 'REMEMBERED', token)
  if (taken && maySignIn(user)) {
    return completeSignIn(tx, user, { method: 'REMEMBERED', level: 1, credential: inFamily(credential, taken.subject) }, actor)
  }
  if (!taken && known.usedAt !== null) await endFamily(tx, user, known.subject)
  return refused(tx, user)
}

/** What was made outside the transaction, where the family was not known yet. */
function inFamily(credential: Credential, family: string): Credential {
  return { ...credential, ...(credential.remembered && { remembered: { ...credential.remembered, family } }) }
}

async function endFamily(tx: Tx<'auth'>, user: Row<'user'>, rememberedAs: string): Promise<void> {
  const sessions = await endSessions(tx, user.id, { rememberedAs }, 'REMEMBERED_TWICE')
  tx.record('auth.remembered.shown_twice', { user: user.id }, { sessions })
}

function refused(tx: Tx<'auth'>, user: Row<'user'> | null): Refusal {
  tx.record('auth.sign_in.failed', user ? { user: user.id } : {}, {})
  return refuse('UNAUTHORIZED', 'This device is not remembered any more. Sign in.')
}
