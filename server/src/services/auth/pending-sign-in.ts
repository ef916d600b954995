/** Sign-ins that wait for their second factor. What waits is no session: its token opens nothing but the functions here. */
import { db, refuse, transaction, type Refusal, type Row, type Tx } from '#db'
import { anonymous, type Actor } from '#lib/actor.ts'
import { currentCall } from '#lib/call.ts'
import { doneWith, startSession, type SignInDone } from './complete-sign-in.ts'
import { knownDevice } from './known-device.ts'
import { maySignIn } from './policy.ts'
import type { SecondFactorMethod, SignedIn } from './schema-sign-in.ts'
import { newCredential, type Credential } from './sessions.ts'
import { forgiving, refuseThrottled, takeAttempt } from './throttle.ts'
import { countTry, findGoodToken, takeToken } from './tokens.ts'

/** After so many wrong codes a pending sign-in is over. */
const mostTries = 5

/** A second factor that is shown for a sign-in that waits. */
export interface SecondFactorProof {
  readonly pendingToken: string
  readonly method: SecondFactorMethod
  /**
   * Says whether it is right, in the transaction and with the account locked: what may be used once is used up here. It may run again when
   * the transaction does.
   */
  readonly prove: (tx: Tx<'auth'>, user: Row<'user'>) => Promise<boolean>
}

/**
 * Signs in whoever adds the second factor to the first: at level 2, with a session that is proven by both. Counted with the account's
 * attempts before it is looked at; a pending sign-in takes five wrong ones. `marker` is what the device was given by an earlier sign-in.
 *
 * @throws UNAUTHORIZED, the same for a wrong code and for a pending sign-in that is unknown, used, too old or out of tries; TOO_MANY_REQUESTS.
 */
export async function signInBySecondFactor(actor: Actor, shown: SecondFactorProof, marker: string | null): Promise<SignInDone<SignedIn>> {
  const pending = await findGoodToken('SECOND_FACTOR', shown.pendingToken)
  const owner = await db('auth').user.findFirst({ where: { id: pending?.userId ?? '' }, select: { id: true, email: true } })
  if (!pending?.kind || !owner) return refuseNotWaiting(shown.method, wrong)
  const attempter = { email: owner.email, address: currentCall()?.address ?? null, known: knownDevice(marker, owner.email) }
  const throttled = await takeAttempt(attempter)
  if (throttled) return refuseThrottled(anonymous, owner.id, throttled)
  const credential = newCredential(pending.kind, pending.rememberedAs)
  const answer = await forgiving(attempter, () => transaction('auth', anonymous, (tx) => decide(tx, owner.id, shown, credential, actor)))
  return doneWith(answer, credential, marker)
}

/** Refuses what is shown for a sign-in that does not wait: it is unknown, was completed, is too old or out of tries. @throws UNAUTHORIZED */
export async function refuseNotWaiting(method: SecondFactorMethod, sentence: string): Promise<never> {
  return transaction<'auth', never>('auth', anonymous, async (tx) => {
    tx.record('auth.second_factor.failed', {}, { method })
    return refuse('UNAUTHORIZED', sentence)
  })
}

const wrong = 'The code is wrong, or the sign-in has taken too long.'

async function decide(
  tx: Tx<'auth'>,
  userId: string,
  { pendingToken, method, prove }: SecondFactorProof,
  credential: Credential,
  actor: Actor,
): Promise<SignedIn | Refusal> {
  const user = await tx.lock('user', { id: userId })
  const pending = await findGoodToken('SECOND_FACTOR', pendingToken)
  const right = user && pending && maySignIn(user) ? await prove(tx, user) : false
  const taken = right ? await takeToken(tx, 'SECOND_FACTOR', pendingToken) : null
  if (!user || !taken) {
    await countTry(tx, 'SECOND_FACTOR', pendingToken, mostTries)
    tx.record('auth.second_factor.failed', { user: userId }, { method })
    return refuse('UNAUTHORIZED', wrong)
  }
  return startSession(tx, user, credential, { methods: [...new Set([...taken.methods, method])], level: 2 }, actor)
}
