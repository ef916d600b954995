/**
 * Proving once more who one is, for what is sensitive (identity research 4.5). The session goes on under a new token: whoever copied the old one
 * has nothing.
 */
import { db, refuse, transaction, type Refusal, type Row, type Tx } from '#db'
import type { UserActor } from '#lib/actor.ts'
import { currentCall } from '#lib/call.ts'
import { AppError, type StepUpMethod } from '#lib/errors.ts'
import { verifyPassword } from '#lib/password-hash.ts'
import { stillHas } from './account-password.ts'
import { lockCaller, refuseCaller } from './caller.ts'
import { presentSignedIn, renewedWith, type SignInDone } from './complete-sign-in.ts'
import { isSecondFactor } from './policy.ts'
import type { SessionKind } from './schema.ts'
import type { SignedIn, StepUpPassword } from './schema-sign-in.ts'
import { stepUpNeedsOf } from './second-factors.ts'
import { newCredential, renewSession, type Credential } from './sessions.ts'
import { forgiving, refuseThrottled, takeAttempt } from './throttle.ts'

/** A factor that is shown once more. */
export interface StepUpProof {
  readonly method: StepUpMethod
  /** The field of the input that is wrong when it is. */
  readonly field: string
  /** Runs once the attempt is counted and before the transaction: what takes long is done here. */
  readonly verify: () => Promise<Prove>
}

/** Says whether it is right, in the transaction and with the account locked: what may be used once is used up here. It may run again. */
export type Prove = (tx: Tx<'auth'>, user: Row<'user'>) => Promise<boolean>

/**
 * Renews the session in use by a factor that is right: new token, new proof, and level 2 where it was a second factor. Counted as an attempt to
 * sign in from a known device.
 *
 * @throws FORBIDDEN to who looks through another's eyes; STEP_UP_REQUIRED when it is none of the methods that the person steps up by: the second
 *   factors, where there are any; BAD_REQUEST at its field when it is wrong; TOO_MANY_REQUESTS.
 */
export async function stepUp(actor: UserActor, kind: SessionKind, shown: StepUpProof): Promise<SignInDone<SignedIn>> {
  if (actor.impersonatorId) throw new AppError('FORBIDDEN', 'Nobody may do this for another.')
  const user = await db('auth').user.findFirst({ where: { id: actor.userId }, select: { email: true } })
  if (!user) throw new AppError('UNAUTHORIZED', 'Sign in first.')
  const attempter = { email: user.email, address: currentCall()?.address ?? null, known: `session:${actor.sessionId}` }
  const throttled = await takeAttempt(attempter)
  if (throttled) return refuseThrottled(actor, actor.userId, throttled)
  const [credential, prove] = [newCredential(kind), await shown.verify()]
  const answer = await forgiving(attempter, () => transaction('auth', actor, (tx) => renew(tx, actor, { ...shown, prove, credential })))
  return renewedWith(answer, credential)
}

/** Refuses a proof that is none of those that the person steps up by, before it is asked for. @throws STEP_UP_REQUIRED, with what serves */
export async function refuseMethod(actor: UserActor, method: StepUpMethod, methods: StepUpMethod[]): Promise<never> {
  return transaction<'auth', never>('auth', actor, async (tx) => notEnough(tx, actor, method, methods))
}

function notEnough(tx: Tx<'auth'>, { userId }: UserActor, method: StepUpMethod, methods: StepUpMethod[]): Refusal {
  tx.record('auth.step_up.failed', { user: userId }, { method })
  return refuse('STEP_UP_REQUIRED', 'This is not enough.', { methods })
}

/** Steps up by the password. @throws as `stepUp` */
export async function stepUpByPassword(actor: UserActor, kind: SessionKind, { password }: StepUpPassword): Promise<SignInDone<SignedIn>> {
  const verify = async (): Promise<Prove> => {
    const stored = await db('auth').password.findFirst({ where: { userId: actor.userId }, select: { hash: true } })
    const right = await verifyPassword(stored?.hash ?? null, password)
    return async (tx, user) => right && stillHas(tx, user.id, stored?.hash ?? null)
  }
  return stepUp(actor, kind, { method: 'PASSWORD', field: 'password', verify })
}

interface Renewal extends Omit<StepUpProof, 'verify'> {
  readonly prove: Prove
  readonly credential: Credential
}

async function renew(tx: Tx<'auth'>, actor: UserActor, { method, field, prove, credential }: Renewal): Promise<SignedIn | Refusal> {
  const { userId, sessionId } = actor
  const user = await lockCaller(tx, actor)
  if (!user) return refuseCaller()
  const needs = await stepUpNeedsOf(userId)
  if (!needs.methods.includes(method)) return notEnough(tx, actor, method, needs.methods)
  if (!(await prove(tx, user))) {
    tx.record('auth.step_up.failed', { user: userId }, { method })
    return refuse('BAD_REQUEST', 'This is not right.', { fields: { [field]: ['is wrong'] } })
  }
  const session = await renewSession(tx, user, sessionId, credential, { methods: [method], level: isSecondFactor(method) ? 2 : 1 })
  if (!session) return refuseCaller()
  tx.record('auth.session.stepped_up', { user: userId }, { sessionId, method })
  return presentSignedIn(user, session, credential)
}
