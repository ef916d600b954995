/** Showing a passkey: to sign in, to complete a sign-in, to step up. */
import { db, refuse, transaction, type Refusal, type Row, type Tx } from '#db'
import { anonymous, type Actor, type UserActor } from '#lib/actor.ts'
import { AppError } from '#lib/errors.ts'
import { PasskeyId } from '#lib/ids.ts'
import { completeSignIn, doneWith, type SignInDone } from './complete-sign-in.ts'
import { readAnswer, type Answer, type Shown } from './passkey-answers.ts'
import { challengeTtlMs, insertChallenge, takeChallenge, type Answered, type NewChallenge } from './passkey-challenges.ts'
import { party } from './passkey-party.ts'
import { refuseNotWaiting, signInBySecondFactor } from './pending-sign-in.ts'
import { maySignIn } from './policy.ts'
import { holderOf } from './provider-attempts.ts'
import type { SessionKind } from './schema.ts'
import type {
  AskOptions,
  PendingSignIn,
  SecondFactorPasskey,
  SignInByPasskey,
  SignInOptions,
  SignInOptionsInput,
  StepUpPasskey,
  Transport,
} from './schema-passkey.ts'
import type { SignedIn, SignInAnswer } from './schema-sign-in.ts'
import { newCredential, type Credential } from './sessions.ts'
import { stepUp, type Prove } from './step-up.ts'
import { findGoodToken } from './tokens.ts'

/**
 * Begins a sign-in by a passkey that the person chooses. It asks for no address and names no passkey: nothing can be learned here of any account.
 * `inBrowser` is the secret of the browser, where it has begun a sign-in before.
 */
export async function beginSignIn(
  { delivery }: SignInOptionsInput,
  inBrowser: string | null,
): Promise<{ answer: SignInOptions; holder: string | null }> {
  const { kind, secret } = holderOf(delivery === 'COOKIE' ? 'COOKIE' : 'BEARER', inBrowser)
  const about = { purpose: 'SIGN_IN', holder: secret, kind, userId: null } as const
  const shown = kind === 'BEARER' ? secret : null
  const answer = await transaction('auth', anonymous, async (tx) => ({ ...(await ask(tx, about)), secret: shown }))
  return { answer, holder: kind === 'COOKIE' ? secret : null }
}

/** What a call brings beside its input: who is signed in, the secret of the browser, and the marker of the device. */
export interface Bringing {
  readonly actor: Actor
  readonly inBrowser: string | null
  readonly marker: string | null
}

/**
 * Signs in by a passkey: at level 2 where it verified its person, otherwise another factor is asked for. The session that the call came with ends.
 *
 * @throws UNAUTHORIZED, the same for a passkey that is unknown or removed, a wrong signature, a question that was used, is too old or was put to
 *   another browser, one that counts backwards, and an account that may not sign in.
 */
export async function signInByPasskey({ actor, inBrowser, marker }: Bringing, input: SignInByPasskey): Promise<SignInDone> {
  const answer = await readAnswer(input.response)
  const holder = input.secret ?? inBrowser ?? ''
  const credentialOf = once(newCredential)
  const signedIn = await transaction('auth', anonymous, (tx) => decide(tx, { answer, holder, actor, credentialOf }))
  return doneWith(signedIn, credentialOf('COOKIE'), marker)
}

/** The kind is known in the transaction alone, and the transaction may run again. */
function once(make: (kind: SessionKind) => Credential): (kind: SessionKind) => Credential {
  let made: Credential | undefined
  return (kind) => (made ??= make(kind))
}

interface Attempt {
  readonly answer: Answer
  readonly holder: string
  readonly actor: Actor
  readonly credentialOf: (kind: SessionKind) => Credential
}

async function decide(tx: Tx<'auth'>, { answer, holder, actor, credentialOf }: Attempt): Promise<SignInAnswer | Refusal> {
  const { challenge, shown } = answer
  const user = await tx.lock('user', { id: shown?.userId ?? '' })
  const asked = await takeChallenge(tx, { purpose: 'SIGN_IN', challenge, holder, userId: null })
  const isRight = user !== null && asked !== null && shown !== null && shown.namesPerson && maySignIn(user)
  if (!isRight || !(await countUse(tx, shown))) {
    tx.record('auth.sign_in.failed', user ? { user: user.id } : {}, {})
    return refuse('UNAUTHORIZED', 'The passkey is unknown here, or the sign-in took too long. Begin again.')
  }
  const level = shown.verifiedPerson ? 2 : 1
  return completeSignIn(tx, user, { method: 'PASSKEY', level, credential: credentialOf(asked.kind) }, actor)
}

/**
 * Begins to complete a sign-in by a passkey. After a passkey that did not verify its person it must: the same thing twice is one factor.
 *
 * @throws UNAUTHORIZED for a sign-in that does not wait; NOT_FOUND where its person has no passkey.
 */
export async function beginSecondFactor({ pendingToken }: PendingSignIn): Promise<AskOptions> {
  const pending = await findGoodToken('SECOND_FACTOR', pendingToken)
  if (!pending?.userId || !pending.kind) return refuseNotWaiting('PASSKEY', 'The sign-in has taken too long. Begin again.')
  const { userId, kind, methods } = pending
  const userVerification = methods.includes('PASSKEY') ? 'required' : 'preferred'
  return askPerson(anonymous, { purpose: 'SECOND_FACTOR', holder: pendingToken, kind, userId }, userVerification)
}

/** Completes a sign-in by a passkey. @throws as `signInBySecondFactor` */
export async function completeByPasskey(
  actor: Actor,
  { pendingToken, response }: SecondFactorPasskey,
  marker: string | null,
): Promise<SignInDone<SignedIn>> {
  const answer = await readAnswer(response)
  const proveIt = proveBy(answer, { purpose: 'SECOND_FACTOR', holder: pendingToken })
  const prove: Prove = async (tx, user) => {
    const pending = await findGoodToken('SECOND_FACTOR', pendingToken)
    const isAnother = pending !== null && (answer.shown?.verifiedPerson === true || !pending.methods.includes('PASSKEY'))
    return (await proveIt(tx, user)) && isAnother
  }
  return signInBySecondFactor(actor, { pendingToken, method: 'PASSKEY', prove }, marker)
}

/** Begins to step up by a passkey. @throws NOT_FOUND where the person has none */
export async function beginStepUp(actor: UserActor, kind: SessionKind): Promise<AskOptions> {
  return askPerson(actor, { purpose: 'STEP_UP', holder: actor.sessionId, kind, userId: actor.userId }, 'preferred')
}

/** Steps up by a passkey. @throws as `stepUp` */
export async function stepUpByPasskey(actor: UserActor, kind: SessionKind, { response }: StepUpPasskey): Promise<SignInDone<SignedIn>> {
  const verify = async () => proveBy(await readAnswer(response), { purpose: 'STEP_UP', holder: actor.sessionId })
  return stepUp(actor, kind, { method: 'PASSKEY', field: 'response', verify })
}

function proveBy({ challenge, shown }: Answer, asked: Pick<Answered, 'purpose' | 'holder'>): Prove {
  return async (tx, user) => {
    const taken = await takeChallenge(tx, { ...asked, challenge, userId: user.id })
    return taken !== null && shown?.userId === user.id && countUse(tx, shown)
  }
}

/**
 * Takes a passkey's count, by one conditional UPDATE: it goes up with every signature, or stays 0 for good (WebAuthn, 6.1.1). One that does not was
 * copied, or shows what it signed before: which of the two is right cannot be told, and it is refused.
 */
async function countUse(tx: Tx<'auth'>, { passkeyId: id, userId, counter, verifiedPerson, backedUp }: Shown): Promise<boolean> {
  const { count } = await tx.passkey.updateMany({
    where: { id, userId, counter: counter === 0n ? 0n : { lt: counter } },
    data: { counter, backedUp, lastUsedAt: tx.now, ...(verifiedPerson && { verifiesPerson: true }) },
  })
  if (count === 1) return true
  const isThere = (await tx.passkey.count({ where: { id } })) > 0
  if (isThere) tx.record('auth.passkey.clone_suspected', { user: userId }, { passkeyId: PasskeyId.parse(id) })
  return false
}

/** Asks for one of the passkeys of a person who is known already, by something else. */
async function askPerson(
  actor: Actor,
  about: NewChallenge & { userId: string },
  userVerification: AskOptions['userVerification'],
): Promise<AskOptions> {
  const passkeys = await db('auth').passkey.findMany({ where: { userId: about.userId }, orderBy: { id: 'asc' } })
  if (passkeys.length === 0) throw new AppError('NOT_FOUND', 'There is no passkey.')
  const asked = { userVerification, allowCredentials: passkeys.map(describe) }
  return transaction('auth', actor, async (tx) => ({ ...(await ask(tx, about)).options, ...asked }))
}

async function ask(tx: Tx<'auth'>, about: NewChallenge): Promise<{ options: AskOptions; expiresAt: Date }> {
  const { challenge, expiresAt } = await insertChallenge(tx, about)
  return {
    options: { challenge, rpId: party().id, timeout: challengeTtlMs, userVerification: 'preferred', allowCredentials: [] },
    expiresAt,
  }
}

/** A passkey as browsers look for it. */
export function describe({
  credentialId,
  transports,
}: Pick<Row<'passkey'>, 'credentialId' | 'transports'>): AskOptions['allowCredentials'][number] {
  // Only known ones were stored.
  return { id: credentialId, type: 'public-key', transports: transports as Transport[] }
}
