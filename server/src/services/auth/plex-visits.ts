/** Sign-in by Plex: the server holds the PIN and asks; the browser or tool that began says when to, and is told what came of it, never the token. */
import { setTimeout as sleep } from 'node:timers/promises'
import { transaction } from '#db'
import { VisitId } from '#lib/ids.ts'
import { openSecret, sealSecret } from '#lib/sealed.ts'
import { thePlex, type Pin } from './plex.ts'
import {
  findPinVisit,
  holderOf,
  insertAttempt,
  mayAskNow,
  newAttemptId,
  notConfirmed,
  refuseVisit,
  takePinVisit,
} from './provider-attempts.ts'
import { actorOf, finished, mayMailTo, settleVisit, type Finished } from './provider-settle.ts'
import type { Beginner, Visitor } from './provider-sign-in.ts'
import { returnPage } from './return-page.ts'
import type { SessionKind } from './schema.ts'
import type { CheckPlex, PlexChecked, PlexStarted, StartPlex } from './schema-provider.ts'
import { newCredential } from './sessions.ts'

/** How often Plex is asked about one PIN, at most. */
const askEveryMs = 1_000
/** How long there is between two questions while a caller waits. */
const pauseMs = 2_000
const waiting: PlexChecked = { status: 'WAITING', retryAfterSeconds: 1 }

/**
 * Begins a sign-in by Plex, or a link to it: the page to send the person to. `check` tells what came of it.
 *
 * @throws NOT_FOUND where Plex is not configured; BAD_REQUEST at `returnTo`; UNAVAILABLE.
 */
export async function startPlex(
  { actor, purpose, inBrowser }: Beginner,
  input: StartPlex,
): Promise<{ readonly answer: PlexStarted; readonly holder: string | null }> {
  const plex = thePlex()
  const kind: SessionKind = input.delivery === 'COOKIE' ? 'COOKIE' : 'BEARER'
  const returnTo = returnPage(input.returnTo, kind)
  const [id, holder, pin] = [newAttemptId(), holderOf(kind, inBrowser), await plex.createPin()]
  const userId = actor.kind === 'USER' && purpose === 'LINK' ? actor.userId : null
  const sealedPin = sealSecret(JSON.stringify(pin), aboutPin(id))
  const attempt = { id, provider: 'plex', purpose, holder, returnTo, userId, sealedPin }
  const secret = kind === 'BEARER' ? holder.secret : null
  const answer = await transaction('auth', actor, async (tx) => {
    return { id: VisitId.parse(id), url: plex.signInPage(pin, returnTo), secret, expiresAt: await insertAttempt(tx, attempt) }
  })
  return { answer, holder: secret === null ? holder.secret : null }
}

/**
 * Asks Plex whether the person has confirmed, and where they have, signs in, makes an account, or links, once. Goes on asking for up to `wait`
 * seconds, or until the caller is gone: who asked every other second by calls would use up the calls of an address.
 *
 * @throws UNAUTHORIZED where the visit was not begun by the same browser or tool, was finished, is too old, or never was;
 *   CONFLICT LINKED_TO_OTHER, NO_EMAIL_ADDRESS; UNAVAILABLE.
 */
export async function checkPlex(visitor: Visitor, input: CheckPlex, signal: AbortSignal | undefined): Promise<Finished<PlexChecked>> {
  const until = performance.now() + input.wait * 1_000
  for (;;) {
    const done = await askOnce(visitor, input)
    if (done.answer.status !== 'WAITING' || performance.now() + pauseMs > until || signal?.aborted) return done
    await sleep(pauseMs, undefined, signal && { signal }).catch(() => undefined)
  }
}

async function askOnce({ actor, inBrowser, marker }: Visitor, { id, secret }: CheckPlex): Promise<Finished<PlexChecked>> {
  const plex = thePlex()
  const attempt = await findPinVisit(actor, id, secret ?? inBrowser)
  if (!attempt?.sealedPin) return transaction<'auth', never>('auth', actor, async (tx) => refuseVisit(tx, actor, 'plex', 'UNAUTHORIZED'))
  const credential = newCredential(attempt.kind)
  if (!(await mayAskNow(id, askEveryMs))) return finished(waiting, credential, marker)
  // What the server sealed itself is what it opens.
  const pin = JSON.parse(openSecret(attempt.sealedPin, aboutPin(id))) as Pin
  const identity = await plex.identify(pin).catch(notConfirmed(actor, 'plex'))
  if (!identity) return finished(waiting, credential, marker)
  const mayMail = await mayMailTo(attempt, identity)
  const answer = await transaction('auth', actorOf({ attempt, actor }), async (tx) => {
    if (!(await takePinVisit(tx, id))) return refuseVisit(tx, actor, 'plex', 'UNAUTHORIZED')
    return settleVisit(tx, { attempt, identity, credential, actor, mayMail })
  })
  return finished(answer, credential, marker)
}

function aboutPin(id: string): string {
  return `plex-pin:${id}`
}
