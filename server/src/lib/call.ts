/**
 * The call under way: what the edge knows of a request and the database layer needs, carried by AsyncLocalStorage
 * so that no rule has to pass it on. Absent in jobs and seeds.
 */
import { AsyncLocalStorage } from 'node:async_hooks'

export interface Call {
  readonly requestId: string
  /** `teams.member.changeRole` */
  readonly procedure: string
  /** The client's address after trusted proxies. */
  readonly address: string | null
  readonly userAgent: string | null
  /** What the browser of a mutation brings to be remembered by, good or not. */
  readonly rememberToken?: string | null
  /** Set for mutations that came with an idempotency key. */
  readonly idempotency: Idempotency | null
  /** Validates the result of a mutation inside its transaction and returns what will be answered. Absent outside mutations. */
  readonly output: ((result: unknown) => unknown) | null
  /** Whether something of it stands in the activity log: a refusal that left no trace of its own is recorded by the door, and none twice. */
  readonly trace?: { left: boolean }
}

export interface Idempotency {
  readonly key: string
  /** The user's id, or `device:` and the anonymous device. */
  readonly owner: string
  /** HMAC-SHA256 of the raw input under a server key. */
  readonly fingerprint: Uint8Array<ArrayBuffer>
  /** The result holds a token or a key: it is never stored, and the repeat is answered ALREADY_DONE. */
  readonly secret: boolean
}

const storage = new AsyncLocalStorage<Call>()

/** Runs `fn` as part of this call. */
export function withCall<T>(call: Call, fn: () => T): T {
  return storage.run(call, fn)
}

/** The call under way, if any. */
export function currentCall(): Call | undefined {
  return storage.getStore()
}
