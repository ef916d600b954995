/**
 * Devices that are remembered for ninety days. What is left on one is a token that signs in once and is replaced as it does; whoever shows one that was
 * used has a copy, or the device has been copied: nobody knows which of the two is the owner's, so the whole family ends, with the sessions
 * that it began. For half a minute after its use, tabs that opened together may bring it in their cookie: they are refused, and nothing ends
 * (decision 024).
 */
import { transaction, refuse, type Refusal, type Row, type Tx } from '#db'
import { anonymous, type Actor } from '#lib/actor.ts'
import { AppError } from '#lib/errors.ts'
import { completeSignIn, doneWith, type SignInDone } from './complete-sign-in.ts'
import { maySignIn } from './policy.ts'
import { endCopiedFamily, isShownTogether } from './remembered-family.ts'
import type { RememberedSignIn } from './schema-remembered.ts'
import type { SignInAnswer } from './schema-sign-in.ts'
import { credentialFor, type Credential } from './sessions.ts'
import { findToken, insertToken, takeToken } from './tokens.ts'

/**
 * Signs in by what an earlier sign-in left on the device, or asks for the second factor: a device is one factor and no more. The token is used
 * up, and the session comes with the next one; the ninety days go on from the first.
 *
 * @throws ALREADY_DONE when it comes in a cookie and was used within the last half minute: another tab signed in, and this one asks `auth.me`;
 *   BAD_REQUEST for a cookie that is to become a token; UNAUTHORIZED when there is none, or it is unknown, ended, too old, or was used otherwise,
 *   which ends its family.
 */
export async function signInByRemembered(
  actor: Actor,
  { token, delivery }: RememberedSignIn,
  inBrowser: string | null,
  marker: string | null,
): Promise<SignInDone> {
  // What no script can read is made into nothing that one can.
  if (token === undefined && delivery === 'TOKEN')
    throw new AppError('BAD_REQUEST', 'A token is given for a token alone.', { fields: { token: ['is missing'] } })
  const credential = credentialFor(delivery, true)
  const shown = { token: token ?? inBrowser ?? '', inCookie: token === undefined }
  const answer = await transaction('auth', anonymous, (tx) => decide(tx, shown, credential, actor))
  const done = doneWith(answer, credential, marker)
  return asksForSecond(answer) && credential.kind === 'COOKIE' ? { ...done, remembered: credential.remembered?.token ?? null } : done
}

interface Shown {
  readonly token: string
  /** As by a browser, whose tabs have one cookie in common. What comes otherwise is a tool's, which has no tabs. */
  readonly inCookie: boolean
}

async function decide(tx: Tx<'auth'>, shown: Shown, credential: Credential, actor: Actor): Promise<SignInAnswer | Refusal> {
  const owner = await findToken(tx, 'REMEMBERED', shown.token)
  const user = owner && (await tx.lock('user', { id: owner.userId ?? '' }))
  if (!user || !maySignIn(user)) return refused(tx, user)
  const taken = await takeToken(tx, 'REMEMBERED', shown.token)
  if (!taken) return refuseAgain(tx, user, shown)
  const answer = await completeSignIn(tx, user, { method: 'REMEMBERED', level: 1, credential: inFamily(credential, taken.subject) }, actor)
  if (asksForSecond(answer)) await leaveNext(tx, user, taken, credential)
  return answer
}

function asksForSecond(answer: SignInAnswer | Refusal): boolean {
  return 'status' in answer && answer.status === 'SECOND_FACTOR'
}

/**
 * A browser has the next one while the second factor is still to come: whoever closes the page there would otherwise be taken for a thief the
 * next time. A tool, whose answer has no place for it, is given one with the session.
 */
async function leaveNext(
  tx: Tx<'auth'>,
  user: Row<'user'>,
  { subject, expiresAt }: Row<'verificationToken'>,
  { kind, remembered }: Credential,
): Promise<void> {
  if (kind !== 'COOKIE' || !remembered) return
  const ttlMs = expiresAt.getTime() - tx.now.getTime()
  await insertToken(tx, { purpose: 'REMEMBERED', subject, userId: user.id, token: remembered.token, ttlMs })
}

/** What was made outside the transaction, where the family was not known yet. */
function inFamily(credential: Credential, family: string): Credential {
  return { ...credential, ...(credential.remembered && { remembered: { ...credential.remembered, family } }) }
}

/** Looked at once more, for it may have been used while this call waited for the lock: of twenty at once, nineteen are here. */
async function refuseAgain(tx: Tx<'auth'>, user: Row<'user'>, { token, inCookie }: Shown): Promise<Refusal> {
  const known = await findToken(tx, 'REMEMBERED', token)
  if (inCookie && known && isShownTogether(tx, known)) {
    tx.record('auth.remembered.shown_together', { user: user.id }, {})
    return refuse('ALREADY_DONE', 'This device was signed in a moment ago, perhaps by another tab.')
  }
  if (known?.usedAt) await endCopiedFamily(tx, known)
  return refused(tx, user)
}

function refused(tx: Tx<'auth'>, user: Row<'user'> | null): Refusal {
  tx.record('auth.sign_in.failed', user ? { user: user.id } : {}, {})
  return refuse('UNAUTHORIZED', 'This device is not remembered any more. Sign in.')
}
