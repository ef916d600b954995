/** Signing in. Every "no" has the same answer and costs the same work, whoever is asked for. */
import { db, refuse, transaction, type Refusal, type Row, type Tx } from '#db'
import { anonymous, type Actor } from '#lib/actor.ts'
import { currentCall } from '#lib/call.ts'
import { SessionId } from '#lib/ids.ts'
import { hashPassword, needsRehash, verifyPassword } from '#lib/password-hash.ts'
import { setPassword, stillHas } from './account-password.ts'
import { knownDevice, markDevice } from './known-device.ts'
import { presentMe } from './people.ts'
import { lifetimesOf, maySignIn } from './policy.ts'
import type { SignedIn, SignIn } from './schema.ts'
import { endSession, mintSession, newCredential, type Credential } from './sessions.ts'
import { forgiving, refuseThrottled, takeAttempt } from './throttle.ts'

/** A cookie for the door to set, beside the answer that holds no token. */
export interface SessionCookie {
  readonly token: string
  readonly maxAgeSeconds: number
}

interface Attempt {
  readonly userId: string | null
  readonly hash: string | null
  readonly right: boolean
  /** The hash with today's parameters, where the stored one has older. */
  readonly rehashed: string | null
  readonly credential: Credential
}

/** What a sign-in comes to: the answer, and for a browser its cookies. */
export interface SignInDone {
  readonly answer: SignedIn
  readonly cookie: SessionCookie | null
  /** The marker by which this device is known from now on (known-device.ts). */
  readonly device: string | null
}

/**
 * Signs in: a session of its own each time. The session that the call came with, if any, ends, so that a token which somebody planted or
 * copied before dies here. Counted before the password is looked at; `marker` is what the device was given by an earlier sign-in.
 *
 * @throws UNAUTHORIZED, the same for a wrong password, an unknown address, and an account that may not sign in;
 *   TOO_MANY_REQUESTS; UNAVAILABLE when too many hash at once.
 */
export async function signIn(actor: Actor, input: SignIn, marker: string | null = null): Promise<SignInDone> {
  const { email } = input
  const known = knownDevice(marker, email)
  const attempter = { email, address: currentCall()?.address ?? null, known }
  const throttled = await takeAttempt(attempter)
  // Two look-ups, whoever is asked for: with `include` the second would be made only where there is an account.
  const account = await db('auth').user.findFirst({ where: { email }, select: { id: true } })
  const stored = await db('auth').password.findFirst({ where: { userId: account?.id ?? '' }, select: { hash: true } })
  if (throttled) return refuseThrottled(anonymous, account?.id ?? null, throttled)
  const attempt = await verify(account?.id ?? null, stored?.hash ?? null, input)
  const answer = await forgiving(attempter, () => transaction('auth', anonymous, (tx) => decide(tx, attempt, actor)))
  const { kind, token } = attempt.credential
  if (kind !== 'COOKIE') return { answer, cookie: null, device: null }
  const maxAgeSeconds = Math.floor(lifetimesOf(answer.me.role).absoluteMs / 1000)
  return { answer, cookie: { token, maxAgeSeconds }, device: known === null ? markDevice(email) : marker }
}

async function verify(userId: string | null, hash: string | null, { password, delivery }: SignIn): Promise<Attempt> {
  const right = await verifyPassword(hash, password)
  const rehashed = right && hash !== null && needsRehash(hash) ? await hashPassword(password) : null
  return { userId, hash, right, rehashed, credential: newCredential(delivery === 'COOKIE' ? 'COOKIE' : 'BEARER') }
}

/** Decided on the locked row, not on what was read before the password was verified. */
async function decide(tx: Tx<'auth'>, attempt: Attempt, actor: Actor): Promise<SignedIn | Refusal> {
  const user = await tx.lock('user', { id: attempt.userId ?? '' })
  const unchanged = await stillHas(tx, attempt.userId ?? '', attempt.hash)
  if (!user || !attempt.right || !unchanged || !maySignIn(user)) {
    tx.record('auth.sign_in.failed', user ? { user: user.id } : {}, {})
    return refuse('UNAUTHORIZED', 'The email address or the password is wrong.')
  }
  if (attempt.rehashed !== null) await setPassword(tx, user.id, attempt.rehashed)
  if (actor.kind === 'USER') await endSession(tx, actor.userId, actor.sessionId, 'REPLACED')
  return presentSignedIn(user, await mintSession(tx, user, attempt.credential), attempt.credential)
}

/** What a new session's owner is told. The token is in it for tools alone. */
export function presentSignedIn(user: Row<'user'>, session: Row<'session'>, { kind, token }: Credential): SignedIn {
  return {
    me: presentMe(user),
    sessionId: SessionId.parse(session.id),
    token: kind === 'BEARER' ? token : null,
    expiresAt: session.expiresAt,
  }
}
