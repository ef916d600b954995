/** Sign-in elsewhere: what a provider is to the rest of `auth`. */
import { isEmailAddress, normaliseEmail } from '#lib/email-address.ts'
import { oneLine } from '#lib/text.ts'

/** Who somebody is at a provider. */
export interface Identity {
  /** What the provider calls the person, for good. */
  readonly subject: string
  /** Normalised; null where the provider names none that mail can be sent to. */
  readonly email: string | null
  /** Whether the provider says that the address is the person's. */
  readonly emailVerified: boolean
  readonly name: string | null
  /** To be kept, sealed; null where nothing here needs it later. */
  readonly token: string | null
}

/** What the browser is sent to the provider with. */
export interface Request {
  readonly redirectUri: string
  readonly state: string
  readonly nonce: string
  readonly verifier: string
  /** The person is to prove anew who they are, although the provider may remember them. */
  readonly anew: boolean
}

/** What it comes back with, and what that is held against. */
export interface Answer extends Request {
  readonly code: string
  /** Who answers (RFC 9207), where the provider says it. */
  readonly iss: string | undefined
  /** When the visit began. */
  readonly begunAt: Date
}

/** A provider that the browser is sent to, and that sends it back with a code. */
export interface RedirectProvider {
  readonly id: string
  readonly name: string
  /** Whether it can be made to ask for the person's proof anew: otherwise no step-up by it. */
  readonly asksAnew: boolean
  /** Gives the address to send the browser to. @throws UNAVAILABLE */
  authorize(request: Request): Promise<URL>
  /** Redeems the code and gives who it is. @throws UNAVAILABLE; INVALID_TOKEN where the answer cannot be believed. */
  identify(answer: Answer): Promise<Identity>
}

const DisplayName = oneLine(100)

/** What a provider says of a person, as far as it can be used here: nothing of it has been looked at before. */
export function identityOf(claims: {
  readonly subject: string
  readonly email?: unknown
  readonly emailVerified?: unknown
  readonly name?: unknown
  readonly token?: string
}): Identity {
  const email = typeof claims.email === 'string' ? normaliseEmail(claims.email) : ''
  return {
    subject: claims.subject,
    email: isEmailAddress(email) ? email : null,
    // Some send it as a text.
    emailVerified: claims.emailVerified === true || claims.emailVerified === 'true',
    name: DisplayName.safeParse(claims.name).data ?? null,
    token: claims.token ?? null,
  }
}
