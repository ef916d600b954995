/** Signing in. Every "no" has the same answer and costs the same work, whoever is asked for. */
import { db, refuse, transaction, type Refusal, type Tx } from '#db'
import { anonymous, type Actor } from '#lib/actor.ts'
import { currentCall } from '#lib/call.ts'
import { hashesAtOnce, wholeTurns } from '#lib/hashing.ts'
import { openLine } from '#lib/line.ts'
import { hashPassword, needsRehash, verifyPassword } from '#lib/password-hash.ts'
import { setPassword, stillHas } from './account-password.ts'
import { completeSignIn, doneWith, type SignInDone } from './complete-sign-in.ts'
import { knownDevice } from './known-device.ts'
import { maySignIn } from './policy.ts'
import type { SignIn } from './schema.ts'
import type { SignInAnswer } from './schema-sign-in.ts'
import { secondFactorsOf } from './second-factors.ts'
import { credentialFor, type Credential } from './sessions.ts'
import { type Attempter, forgiving, refuseThrottled, takeAttempt } from './throttle.ts'

/**
 * Whoever comes in a crowd waits for a hash anyway: until then they are to open no connections, for which everybody else would wait
 * (decision 029). Those whom a throttle refuses need no hash, and are kept waiting by nobody's.
 */
const lookingUp = openLine({ atOnce: 2 * hashesAtOnce })

interface Attempt {
  readonly userId: string | null
  readonly hash: string | null
  readonly right: boolean
  /** The hash with today's parameters, where the stored one has older. */
  readonly rehashed: string | null
  readonly credential: Credential
}

/**
 * Signs in by a password: a session of its own each time, or the question for the second factor. The session that the call came with, if any, ends, so that a token which somebody planted or
 * copied before dies here. Counted before the password is looked at; `marker` is what the device was given by an earlier sign-in.
 *
 * @throws UNAUTHORIZED, the same for a wrong password, an unknown address, and an account that may not sign in;
 *   TOO_MANY_REQUESTS; UNAVAILABLE when too many hash at once.
 */
export async function signIn(actor: Actor, input: SignIn, marker: string | null = null): Promise<SignInDone> {
  const { email } = input
  const known = knownDevice(marker, email)
  const attempter = { email, address: currentCall()?.address ?? null, known }
  const account = await lookingUp(() => lookUp(attempter))
  if (account.throttled) return refuseThrottled(anonymous, account.userId, account.throttled)
  return wholeTurns(() => signInTo(account, actor, input, attempter, marker))
}

async function signInTo(
  { userId, hash }: Account,
  actor: Actor,
  input: SignIn,
  attempter: Attempter,
  marker: string | null,
): Promise<SignInDone> {
  const attempt = await verify(userId, hash, input)
  const isWhole = async (answer: SignInAnswer | null) => isSignedIn(answer) || (answer === null && hasNoSecond(userId))
  const answer = await forgiving(attempter, () => transaction('auth', anonymous, (tx) => decide(tx, attempt, actor)), isWhole)
  return doneWith(answer, attempt.credential, marker)
}

type Account = Awaited<ReturnType<typeof lookUp>>

/** Counts the attempt, and finds whom it is for: two look-ups, whoever that is. With `include` the second would be made only where there is an account. */
async function lookUp(attempter: Attempter) {
  const throttled = await takeAttempt(attempter)
  const account = await db('auth').user.findFirst({ where: { email: attempter.email }, select: { id: true } })
  const stored = await db('auth').password.findFirst({ where: { userId: account?.id ?? '' }, select: { hash: true } })
  return { throttled, userId: account?.id ?? null, hash: stored?.hash ?? null }
}

function isSignedIn(answer: SignInAnswer | null): boolean {
  return answer?.status === 'SIGNED_IN'
}

async function hasNoSecond(userId: string | null): Promise<boolean> {
  return (await secondFactorsOf(userId ?? '')).length === 0
}

async function verify(userId: string | null, hash: string | null, { password, delivery, remember }: SignIn): Promise<Attempt> {
  const right = await verifyPassword(hash, password)
  const rehashed = right && hash !== null && needsRehash(hash) ? await hashPassword(password) : null
  return { userId, hash, right, rehashed, credential: credentialFor(delivery, remember) }
}

/** Decided on the locked row, not on what was read before the password was verified. */
async function decide(tx: Tx<'auth'>, attempt: Attempt, actor: Actor): Promise<SignInAnswer | Refusal> {
  const user = await tx.lock('user', { id: attempt.userId ?? '' })
  const unchanged = await stillHas(tx, attempt.userId ?? '', attempt.hash)
  if (!user || !attempt.right || !unchanged || !maySignIn(user)) {
    tx.record('auth.sign_in.failed', user ? { user: user.id } : {}, {})
    return refuse('UNAUTHORIZED', 'The email address or the password is wrong.')
  }
  if (attempt.rehashed !== null) await setPassword(tx, user.id, attempt.rehashed)
  return completeSignIn(tx, user, { method: 'PASSWORD', level: 1, credential: attempt.credential }, actor)
}
