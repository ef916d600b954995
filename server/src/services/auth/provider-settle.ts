/** What somebody proved to be at a provider, made into what their visit was for: a session, an account, or a link. */
import { db, refuse, type Refusal, type Row, type Tx } from '#db'
import { anonymous, type Actor } from '#lib/actor.ts'
import { AppError } from '#lib/errors.ts'
import { keyedHash } from '#lib/secrets.ts'
import { settleSignUp } from './accounts.ts'
import { lockCaller, refuseCaller } from './caller.ts'
import { claimAccount } from './claim-account.ts'
import { completeSignIn, doneWith, type SignInDone } from './complete-sign-in.ts'
import { findLinked, link, noteUse, presentLinked } from './linked-accounts.ts'
import { isUsable, maySignIn } from './policy.ts'
import type { Identity } from './provider.ts'
import { refuseVisit } from './provider-attempts.ts'
import type { ProviderFinished } from './schema-provider.ts'
import type { Credential } from './sessions.ts'
import { mayMail } from './throttle.ts'

/** A visit whose person is known. */
export interface Proven {
  readonly attempt: Pick<Row<'providerAttempt'>, 'provider' | 'purpose' | 'userId'>
  readonly identity: Identity
  readonly credential: Credential
  readonly actor: Actor
  /** Whether a mail may go to the address, where one must. */
  readonly mayMail: boolean
}

/** What a finished visit comes to: the answer, and for a browser that is signed in its cookies. */
export interface Finished<A = ProviderFinished> extends Omit<SignInDone, 'answer'> {
  readonly answer: A
}

/** Counts the mail that a newcomer is sent where the provider does not vouch for their address. Before the transaction, as all counters. */
export async function mayMailTo({ provider, purpose }: Proven['attempt'], { subject, email, emailVerified }: Identity): Promise<boolean> {
  if (purpose !== 'SIGN_IN' || email === null || emailVerified) return false
  const linked = await db('auth').oauthAccount.findFirst({ where: { provider, subject }, select: { id: true } })
  return linked === null && mayMail('SIGN_UP', email)
}

/** Decides what comes of it, on locked rows. The address is never what lets somebody into an account that is there. */
export async function settleVisit(tx: Tx<'auth'>, proven: Proven): Promise<ProviderFinished | Refusal> {
  const { attempt, identity } = proven
  if (attempt.purpose === 'LINK') return linkMine(tx, proven)
  const linked = await findLinked(tx, attempt.provider, identity)
  if (!linked) return newcomer(tx, proven)
  const user = await tx.lock('user', { id: linked.userId })
  const isStill = user !== null && (await noteUse(tx, linked.id, identity))
  return isStill ? enter(tx, user, proven) : refuseVisit(tx, proven.actor, attempt.provider)
}

/** Who does it: whoever links is signed in, and whoever signs in is nobody yet. */
export function actorOf({ attempt, actor }: Pick<Proven, 'attempt' | 'actor'>): Actor {
  return attempt.purpose === 'LINK' ? actor : anonymous
}

/** Puts the answer together with its cookies. `marker` is what the device was given by an earlier sign-in. */
export function finished<A extends { readonly status: string }>(
  answer: A | ProviderFinished,
  credential: Credential,
  marker: string | null,
): Finished<A | ProviderFinished> {
  const done = isSignedIn(answer) ? doneWith(answer, credential, marker) : { cookie: null, device: null }
  return { ...done, answer }
}

function isSignedIn(answer: { readonly status: string }): answer is Extract<ProviderFinished, { status: 'SIGNED_IN' }> {
  return answer.status === 'SIGNED_IN'
}

/** The visit may have taken minutes and the provider seconds: whoever began it must be let in still. */
async function linkMine(tx: Tx<'auth'>, { attempt: { provider, userId }, identity, actor }: Proven): Promise<ProviderFinished | Refusal> {
  const user = actor.kind === 'USER' && actor.userId === userId ? await lockCaller(tx, actor) : null
  if (!user) return refuseCaller()
  const known = await findLinked(tx, provider, identity)
  if (known?.userId === user.id) {
    await noteUse(tx, known.id, identity)
    return { status: 'LINKED', account: presentLinked(known) }
  }
  const linked = known ? null : await link(tx, user.id, provider, identity)
  if (linked) return { status: 'LINKED', account: presentLinked(linked) }
  tx.record('auth.provider.link_refused', { user: user.id }, { provider })
  return refuse('CONFLICT', 'What you are there is linked to another account here.', { reason: 'LINKED_TO_OTHER' })
}

/** Nobody here is this person yet. */
async function newcomer(tx: Tx<'auth'>, proven: Proven): Promise<ProviderFinished | Refusal> {
  const { attempt, identity } = proven
  const { email, emailVerified } = identity
  if (email === null) {
    tx.record('auth.provider.refused', {}, { provider: attempt.provider })
    return refuse('CONFLICT', 'The provider names no address of yours. Sign up with one, then link it.', { reason: 'NO_EMAIL_ADDRESS' })
  }
  const name = identity.name ?? email.slice(0, email.lastIndexOf('@'))
  if (emailVerified) return join(tx, proven, { email, name })
  // As any sign-up: whose address it is, a mail decides, and whether it has an account here already, nobody is told.
  const mark = keyedHash('sign-up', `${attempt.provider}\n${identity.subject}`).toString('base64url')
  const origin = { provider: attempt.provider, identity }
  return settleSignUp(tx, { email, name, hash: null, origin, mark, mailed: proven.mayMail })
}

/** With an address that the provider vouches for. */
async function join(tx: Tx<'auth'>, proven: Proven, newUser: { email: string; name: string }): Promise<ProviderFinished | Refusal> {
  const { attempt, identity } = proven
  const data = [{ ...newUser, emailVerifiedAt: tx.now }]
  const [created] = await tx.user.createManyAndReturn({ data, skipDuplicates: true, select: { id: true } })
  const user = await tx.lock('user', { email: newUser.email })
  if (!user) return refuse('CONFLICT', 'The account of this address is just being deleted. Try again.', { reason: 'TOO_BUSY' })
  if (!created) {
    if ((await findLinked(tx, attempt.provider, identity))?.userId === user.id) return enter(tx, user, proven)
    if (user.emailVerifiedAt !== null) {
      tx.record('auth.provider.refused', { user: user.id }, { provider: attempt.provider })
      return refuse('CONFLICT', 'This address has an account. Sign in to it, then link the provider.', { reason: 'SIGN_IN_AND_LINK' })
    }
    if (!isUsable(user)) return notLetIn(tx, user)
  } else tx.record('auth.user.created', { user: user.id }, {})
  const owner = created ? user : await claimAccount(tx, user, { name: newUser.name, provider: attempt.provider })
  // Thrown: of an account that nobody can sign in to nothing is to be left.
  if (!(await link(tx, owner.id, attempt.provider, identity))) throw new AppError('CONFLICT', 'Begin again.', { reason: 'TOO_BUSY' })
  return enter(tx, owner, proven)
}

async function enter(tx: Tx<'auth'>, user: Row<'user'>, proven: Proven): Promise<ProviderFinished | Refusal> {
  const { attempt, credential, actor } = proven
  if (!maySignIn(user)) return notLetIn(tx, user)
  const method = attempt.provider === 'plex' ? 'PLEX' : 'PROVIDER'
  return completeSignIn(tx, user, { method, level: 1, credential }, actor)
}

function notLetIn(tx: Tx<'auth'>, user: Row<'user'>): Refusal {
  tx.record('auth.sign_in.failed', { user: user.id }, {})
  return refuse('UNAUTHORIZED', 'This account may not sign in.')
}
