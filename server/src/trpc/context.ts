/** Who is asking and how to answer: what every procedure may know of its request. Nothing of Prisma is in its type, so that nothing of it reaches the client. */
import type { SessionInfo, StepUpNeeds } from '../services/auth/index.ts'
import type { Limits } from './limits.ts'
import type { Streams } from './streams.ts'

export interface Context {
  readonly requestId: string
  /** The client's address after trusted proxies. */
  readonly address: string | null
  readonly userAgent: string | null
  /** A random id that an unsigned client keeps for itself: it owns the idempotency keys of a stranger. */
  readonly device: string | null
  /** A hash of the credential that came along, good or ended: what owns the keys of calls that end or begin a session. */
  credentialHash(): string | null
  /** What an earlier sign-in left in this browser, to know it again by (services/auth/known-device.ts). */
  readonly deviceMarker: string | null
  /** What an earlier sign-in left in this browser to be remembered by, good or not. */
  readonly rememberToken: string | null
  /** What the start of a visit to a provider left in this browser, to know it again by (services/auth/provider-attempts.ts). */
  readonly holderSecret: string | null
  /** One entry per call of a batch, by its index; null for a call without a key. */
  readonly idempotencyKeys: readonly (string | null)[]
  /**
   * Finds the session of the credential that came along; null without one, or when it has ended. Looked up once per request, unless `again`,
   * which does not count as a use of it. @throws TOO_MANY_REQUESTS where an address has tried too many that are none.
   */
  session(again?: 'again'): Promise<SessionInfo | null>
  /** Says what a person must show to step up. */
  stepUpNeeds(userId: string): Promise<StepUpNeeds>
  /** Calls back when something of this person's was revoked: a session, a role, a membership. Returns how to stop listening. */
  onRevoked(userId: string, revoked: () => void): () => void
  /** The procedures that an API key may be made for. */
  readonly openToKeys: ReadonlySet<string>
  readonly reply: Reply
  readonly limits: Limits
  readonly streams: Streams
}

/** What a procedure adds to the answer. */
export interface Reply {
  /** Puts the session's token into the browser's cookie, with the name and attributes that PUBLIC_URL asks for. */
  setSessionCookie(token: string, maxAgeSeconds: number): void
  /** Marks the browser as one that the account was signed in from. */
  setDeviceCookie(marker: string): void
  /** Leaves in the browser what it is remembered by. */
  setRememberCookie(token: string): void
  /** Takes it away again, with the same attributes. */
  clearRememberCookie(): void
  /** Lets the browser prove for ten minutes that it began a visit to a provider. */
  setHolderCookie(secret: string): void
  /** Takes the session's token away again, with the same attributes. */
  clearSessionCookie(): void
}
