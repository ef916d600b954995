/** Visits to a provider: begun, and finished by its answer. The network is asked between two transactions, never in one. */
import { transaction, type Row } from '#db'
import { type Actor, type UserActor } from '#lib/actor.ts'
import { AppError } from '#lib/errors.ts'
import { publicUrl } from '#lib/mail.ts'
import type { SignInDone } from './complete-sign-in.ts'
import { findLinked } from './linked-accounts.ts'
import { hasPlex } from './plex.ts'
import { holderOf, insertAttempt, newAttemptId, secretsOf, notConfirmed, takeAttempt, type NewAttempt } from './provider-attempts.ts'
import { actorOf, finished, mayMailTo, settleVisit, type Finished } from './provider-settle.ts'
import type { Identity } from './provider.ts'
import { redirectProvider, redirectProviders } from './providers.ts'
import { returnPage } from './return-page.ts'
import type { SessionKind } from './schema.ts'
import type { FinishProvider, ProviderList, ProviderStarted, StartProvider } from './schema-provider.ts'
import type { SignedIn } from './schema-sign-in.ts'
import { newCredential } from './sessions.ts'
import { stepUp } from './step-up.ts'

/** Lists the providers that one can sign in by. */
export function listProviders(): ProviderList {
  const redirects = redirectProviders().map(({ id, name }) => ({ id, name, kind: 'REDIRECT' as const }))
  return { items: [...redirects, ...(hasPlex() ? [{ id: 'plex', name: 'Plex', kind: 'PIN' as const }] : [])] }
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
 * @throws NOT_FOUND for a provider that is not configured, or cannot ask anew where somebody steps up; BAD_REQUEST at `returnTo`; UNAVAILABLE
 *   while the provider is down.
 */
export async function startProvider({ actor, purpose, inBrowser }: Beginner, input: StartProvider): Promise<Started> {
  const provider = redirectProvider(input.provider)
  if (purpose === 'STEP_UP' && !provider.asksAnew) throw new AppError('NOT_FOUND', 'This provider cannot ask you anew.')
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

/** What proves, beside the answer itself, that a visit was begun here. */
export interface Visitor {
  readonly actor: Actor
  /** What the browser's cookie holds. */
  readonly inBrowser: string | null
  /** What the device was given by an earlier sign-in. */
  readonly marker: string | null
}

/**
 * Finishes a visit: who it is at the provider signs in here, gets an account where there is none, or is linked to the one that began the visit.
 * An account that has the address already is never entered for that: its owner signs in and links.
 *
 * @throws INVALID_TOKEN where the visit was not begun here by the same browser or tool, was finished, is too old, or the provider does not
 *   confirm it; CONFLICT SIGN_IN_AND_LINK, LINKED_TO_OTHER, NO_EMAIL_ADDRESS; UNAUTHORIZED for an account that may not sign in; UNAVAILABLE.
 */
export async function finishProvider(visitor: Visitor, input: FinishProvider): Promise<Finished> {
  const { attempt, identity } = await redeem(visitor, input, ['SIGN_IN', 'LINK'])
  const proven = { attempt, identity, credential: newCredential(attempt.kind), actor: visitor.actor }
  const mayMail = await mayMailTo(attempt, identity)
  const answer = await transaction('auth', actorOf(proven), (tx) => settleVisit(tx, { ...proven, mayMail }))
  return finished(answer, proven.credential, visitor.marker)
}

/**
 * Steps up by a provider that is linked, which asked the person anew. The session goes on under a new token.
 *
 * @throws as `stepUp`; INVALID_TOKEN and UNAVAILABLE as `finishProvider`.
 */
export async function stepUpByProvider(
  visitor: Visitor & { readonly actor: UserActor },
  kind: SessionKind,
  input: FinishProvider,
): Promise<SignInDone<SignedIn>> {
  const verify = async () => {
    const { attempt, identity } = await redeem(visitor, input, ['STEP_UP'])
    return async (tx: Parameters<typeof findLinked>[0], user: Row<'user'>) =>
      (await findLinked(tx, attempt.provider, identity))?.userId === user.id
  }
  return stepUp(visitor.actor, kind, { method: 'PROVIDER', field: 'code', verify })
}

/** Uses the visit up, then asks the provider who it was. */
async function redeem(
  { actor, inBrowser }: Visitor,
  { provider: id, state, code, iss, secret }: FinishProvider,
  purposes: readonly NewAttempt['purpose'][],
): Promise<{ readonly attempt: Row<'providerAttempt'>; readonly identity: Identity }> {
  const provider = redirectProvider(id)
  const attempt = await takeAttempt({ actor, provider: provider.id, state, secret: secret ?? inBrowser, purposes })
  const anew = attempt.purpose === 'STEP_UP'
  const held = { ...secretsOf(attempt.id), redirectUri: callbackUrl(provider.id), anew, begunAt: attempt.createdAt }
  return { attempt, identity: await provider.identify({ ...held, code, iss }).catch(notConfirmed(actor, provider.id)) }
}
