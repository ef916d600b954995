/** Signing in by way of a provider. The network is asked between two transactions, never in one. */
import { refuse, transaction, type Refusal, type Row, type Tx } from '#db'
import { anonymous, type Actor } from '#lib/actor.ts'
import { AppError } from '#lib/errors.ts'
import { publicUrl } from '#lib/mail.ts'
import { completeSignIn, doneWith, type SessionCookie } from './complete-sign-in.ts'
import { findLinked, link, noteUse } from './linked-accounts.ts'
import { claimAccount } from './claim-account.ts'
import { isUsable, maySignIn } from './policy.ts'
import { holderOf, insertAttempt, newAttemptId, secretsOf, takeAttempt, type NewAttempt } from './provider-attempts.ts'
import type { Identity } from './provider.ts'
import { redirectProvider, redirectProviders } from './providers.ts'
import { returnPage } from './return-page.ts'
import type { SessionKind } from './schema.ts'
import type { FinishProvider, ProviderFinished, ProviderList, ProviderStarted, StartProvider } from './schema-provider.ts'
import { newCredential, type Credential } from './sessions.ts'

/** Lists the providers that one can sign in by. */
export function listProviders(): ProviderList {
  return { items: redirectProviders().map(({ id, name }) => ({ id, name })) }
}

export interface Started {
  readonly answer: ProviderStarted
  /** For the browser's cookie; null for a tool, whose answer has it. */
  readonly holder: string | null
}

/** Who begins a visit to a provider, and what for. */
export interface Beginner {
  readonly actor: Actor
  readonly purpose: NewAttempt['purpose']
  /** The secret of the browser, where it has begun a visit before. */
  readonly inBrowser: string | null
}

/**
 * Begins a visit to a provider: the address to send the browser to, and what proves later that it was begun here.
 *
 * @throws NOT_FOUND for a provider that is not configured; BAD_REQUEST at `returnTo`; UNAVAILABLE while the provider is down.
 */
export async function startProvider({ actor, purpose, inBrowser }: Beginner, input: StartProvider): Promise<Started> {
  const provider = redirectProvider(input.provider)
  const kind: SessionKind = input.delivery === 'COOKIE' ? 'COOKIE' : 'BEARER'
  const returnTo = returnPage(input.returnTo, kind)
  const [id, holder] = [newAttemptId(), holderOf(kind, inBrowser)]
  const url = await provider.authorize({ ...secretsOf(id), redirectUri: callbackUrl(provider.id), anew: purpose === 'STEP_UP' })
  const userId = actor.kind === 'USER' && purpose !== 'SIGN_IN' ? actor.userId : null
  const attempt = { id, provider: provider.id, purpose, holder, returnTo, userId }
  const secret = kind === 'BEARER' ? holder.secret : null
  const answer = await transaction('auth', actor, async (tx) => ({ url: url.href, secret, expiresAt: await insertAttempt(tx, attempt) }))
  return { answer, holder: secret === null ? holder.secret : null }
}

/** Where each provider is told to send the browser back to. It is registered there, once. */
function callbackUrl(provider: string): string {
  return publicUrl(`/auth/callback/${provider}`)
}

/** What a finished visit comes to: the answer, and for a browser its cookie. */
export interface Finished {
  readonly answer: ProviderFinished
  readonly cookie: SessionCookie | null
}

interface Proven {
  readonly attempt: Row<'providerAttempt'>
  readonly identity: Identity
  readonly credential: Credential
  readonly actor: Actor
}

/**
 * Finishes a visit: who it is at the provider signs in here, gets an account where there is none, or is linked to the one that began the visit.
 * An account that has the address already is never entered for that: its owner signs in and links.
 *
 * @throws INVALID_TOKEN where the visit was not begun here by the same browser or tool, was finished, is too old, or the provider does not
 *   confirm it; CONFLICT SIGN_IN_AND_LINK, LINKED_TO_OTHER, NO_EMAIL_ADDRESS; UNAUTHORIZED for an account that may not sign in; UNAVAILABLE.
 */
export async function finishProvider(actor: Actor, input: FinishProvider, inBrowser: string | null): Promise<Finished> {
  const provider = redirectProvider(input.provider)
  const attempt = await takeAttempt({ actor, provider: provider.id, state: input.state, secret: input.secret ?? inBrowser })
  const redirectUri = callbackUrl(provider.id)
  const held = { ...secretsOf(attempt.id), redirectUri, anew: attempt.purpose === 'STEP_UP', begunAt: attempt.createdAt }
  const identity = await provider.identify({ ...held, code: input.code, iss: input.iss })
  const credential = newCredential(attempt.kind)
  const answer = await transaction('auth', anonymous, (tx) => signIn(tx, { attempt, identity, credential, actor }))
  return { answer, cookie: answer.status === 'SIGNED_IN' ? doneWith(answer, credential, null).cookie : null }
}

async function signIn(tx: Tx<'auth'>, proven: Proven): Promise<ProviderFinished | Refusal> {
  const { attempt, identity } = proven
  const linked = await findLinked(tx, attempt.provider, identity)
  if (!linked) return newcomer(tx, proven)
  const user = await tx.lock('user', { id: linked.userId })
  const isStill = user !== null && (await noteUse(tx, linked.id, identity))
  return isStill ? enter(tx, user, proven) : refuse('INVALID_TOKEN', 'This account was just unlinked. Begin again.')
}

/** Nobody here is this person yet. */
async function newcomer(tx: Tx<'auth'>, proven: Proven): Promise<ProviderFinished | Refusal> {
  const { identity } = proven
  const { email, emailVerified } = identity
  if (email === null || !emailVerified)
    return refuse('CONFLICT', 'The provider names no address that is proven to be yours. Sign up, then link it.', {
      reason: 'NO_EMAIL_ADDRESS',
    })
  return join(tx, proven, email)
}

/** With an address that the provider vouches for. */
async function join(tx: Tx<'auth'>, proven: Proven, email: string): Promise<ProviderFinished | Refusal> {
  const { attempt, identity } = proven
  const name = identity.name ?? email.slice(0, email.lastIndexOf('@'))
  const data = [{ email, name, emailVerifiedAt: tx.now }]
  const [created] = await tx.user.createManyAndReturn({ data, skipDuplicates: true, select: { id: true } })
  const user = await tx.lock('user', { email })
  if (!user) return refuse('CONFLICT', 'The account of this address is just being deleted. Try again.', { reason: 'TOO_BUSY' })
  if (!created) {
    if ((await findLinked(tx, attempt.provider, identity))?.userId === user.id) return enter(tx, user, proven)
    if (user.emailVerifiedAt !== null)
      return refuse('CONFLICT', 'This address has an account. Sign in to it, then link the provider.', { reason: 'SIGN_IN_AND_LINK' })
    if (!isUsable(user)) return notLetIn(tx, user)
  } else tx.record('auth.user.created', { user: user.id }, {})
  const owner = created ? user : await claimAccount(tx, user, { name, provider: attempt.provider })
  // Thrown: of an account that nobody can sign in to nothing is to be left.
  if (!(await link(tx, owner.id, attempt.provider, identity))) throw new AppError('CONFLICT', 'Begin again.', { reason: 'TOO_BUSY' })
  return enter(tx, owner, proven)
}

/** As any sign-in: a session that the call came with ends, and a second factor is asked for where there is one. */
async function enter(tx: Tx<'auth'>, user: Row<'user'>, { credential, actor }: Proven): Promise<ProviderFinished | Refusal> {
  if (!maySignIn(user)) return notLetIn(tx, user)
  return completeSignIn(tx, user, { method: 'PROVIDER', level: 1, credential }, actor)
}

function notLetIn(tx: Tx<'auth'>, user: Row<'user'>): Refusal {
  tx.record('auth.sign_in.failed', { user: user.id }, {})
  return refuse('UNAUTHORIZED', 'This account may not sign in.')
}
