/** From a proven factor to a session: the one way there is. Who proves a first factor calls `completeSignIn`, and never mints (decision 015). */
import { randomUUIDv7 } from 'node:crypto'
import { refuse, type Refusal, type Row, type Tx } from '#db'
import type { Actor } from '#lib/actor.ts'
import { now } from '#lib/clock.ts'
import { SessionId } from '#lib/ids.ts'
import { knownDevice, markDevice } from './known-device.ts'
import { presentMe } from './people.ts'
import { maySignIn } from './policy.ts'
import { leaveFamily } from './remembered-family.ts'
import type { Level, SecondFactorNeeded, SignedIn, SignInAnswer, SignInMethod } from './schema-sign-in.ts'
import { secondFactorsOf } from './second-factors.ts'
import { endSession, mintSession, type Credential, type Proof, type RememberedBy } from './sessions.ts'
import { insertToken, tokenFor } from './tokens.ts'

/** How long a sign-in waits for its second factor. */
const pendingTtlMs = 5 * 60 * 1000

/** How long a device is remembered. */
const rememberedTtlMs = 90 * 24 * 60 * 60 * 1000

/** A first factor that was right. */
export interface FirstFactor {
  readonly method: SignInMethod
  /** 2 for a passkey that verified its person, otherwise 1. */
  readonly level: Level
  /** Made outside the transaction (`credentialFor`), and worth nothing until a session is minted with it. */
  readonly credential: Credential
}

/**
 * Signs in whoever proved a first factor, or asks for the second where they have one. The account's row is locked. The session that the call
 * came with ends when there is a new one, so that a token which somebody planted or copied before dies with it.
 *
 * Refuses with UNAUTHORIZED where the account may not sign in; the caller has given the same answer to a wrong factor.
 */
export async function completeSignIn(
  tx: Tx<'auth'>,
  user: Row<'user'>,
  { method, level, credential }: FirstFactor,
  actor: Actor,
): Promise<SignInAnswer | Refusal> {
  if (!maySignIn(user)) return refuse('UNAUTHORIZED', 'This account may not sign in.')
  const factors = level === 1 ? await secondFactorsOf(user.id) : []
  if (factors.length > 0) return askForSecondFactor(tx, user, factors, { method, credential })
  return startSession(tx, user, credential, { methods: [method], level }, actor)
}

/** Mints the session of a sign-in whose every factor was right. */
export async function startSession(
  tx: Tx<'auth'>,
  user: Row<'user'>,
  credential: Credential,
  proof: Proof,
  actor: Actor,
): Promise<SignedIn> {
  if (actor.kind === 'USER') await endSession(tx, actor.userId, actor.sessionId, 'REPLACED')
  await leaveFamily(tx, credential)
  if (credential.remembered) await rememberDevice(tx, user.id, credential.remembered)
  return presentSignedIn(user, await mintSession(tx, user, credential, proof), credential)
}

/** The ninety days are those of the first: a copy is not worth something for ever. */
async function rememberDevice(tx: Tx<'auth'>, userId: string, { family, token }: RememberedBy): Promise<void> {
  const first = await tx.verificationToken.findFirst({
    where: { purpose: 'REMEMBERED', userId, subject: family },
    select: { expiresAt: true },
  })
  const ttlMs = first ? first.expiresAt.getTime() - tx.now.getTime() : rememberedTtlMs
  await insertToken(tx, { purpose: 'REMEMBERED', subject: family, userId, token, ttlMs })
}

async function askForSecondFactor(
  tx: Tx<'auth'>,
  user: Row<'user'>,
  methods: SecondFactorNeeded['methods'],
  { method, credential: { kind, remembered } }: Omit<FirstFactor, 'level'>,
): Promise<SecondFactorNeeded> {
  const tokenId = await insertToken(tx, {
    purpose: 'SECOND_FACTOR',
    // Each waits by itself: whoever knows the password alone could otherwise end the owner's.
    subject: randomUUIDv7(),
    userId: user.id,
    methods: [method],
    kind,
    rememberedAs: remembered?.family ?? null,
    ttlMs: pendingTtlMs,
  })
  tx.record('auth.second_factor.required', { user: user.id }, { method })
  const expiresAt = new Date(tx.now.getTime() + pendingTtlMs)
  return { status: 'SECOND_FACTOR', pendingToken: tokenFor('SECOND_FACTOR', tokenId), methods, expiresAt }
}

/** What a new session's owner is told. The token is in it for tools alone. */
export function presentSignedIn(user: Row<'user'>, session: Row<'session'>, { kind, token, remembered }: Credential): SignedIn {
  return {
    status: 'SIGNED_IN',
    me: presentMe(user),
    sessionId: SessionId.parse(session.id),
    token: kind === 'BEARER' ? token : null,
    rememberToken: kind === 'BEARER' ? (remembered?.token ?? null) : null,
    expiresAt: session.expiresAt,
  }
}

/** A cookie for the door to set, beside the answer that holds no token. */
export interface SessionCookie {
  readonly token: string
  readonly maxAgeSeconds: number
}

/** What a sign-in comes to: the answer, and for a browser its cookies. */
export interface SignInDone<A extends SignInAnswer = SignInAnswer> {
  readonly answer: A
  readonly cookie: SessionCookie | null
  /** The marker by which this device is known from now on (known-device.ts). */
  readonly device: string | null
  /** What the browser is to be remembered by; null takes away what it has. Left out where that stays as it is. */
  readonly remembered?: string | null
}

/** Puts an answer together with the cookies that go with it. `marker` is what the device was given by an earlier sign-in. */
export function doneWith<A extends SignInAnswer>(answer: A, { kind, token, remembered }: Credential, marker: string | null): SignInDone<A> {
  if (kind !== 'COOKIE' || answer.status !== 'SIGNED_IN') return { answer, cookie: null, device: null }
  const { email } = answer.me
  const device = knownDevice(marker, email) === null ? markDevice(email) : marker
  return { answer, cookie: cookieOf(answer, token), device, remembered: remembered?.token ?? null }
}

/** Puts an answer together with the cookie of a session that goes on under a new token: what else the browser has stays. */
export function renewedWith(answer: SignedIn, { kind, token }: Credential): SignInDone<SignedIn> {
  return { answer, cookie: kind === 'COOKIE' ? cookieOf(answer, token) : null, device: null }
}

/** To the minute: the database's clock says when the session ends, and this process's may be a little off. */
function cookieOf({ expiresAt }: SignedIn, token: string): SessionCookie {
  return { token, maxAgeSeconds: Math.round((expiresAt.getTime() - now().getTime()) / 60_000) * 60 }
}
