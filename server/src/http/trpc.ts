/** tRPC on its URL: who asks is made into a context, and what goes wrong is logged once. */
import { TRPCError, type AnyTRPCRouter } from '@trpc/server'
import { fetchRequestHandler } from '@trpc/server/adapters/fetch'
import type { Context as HonoContext, Handler } from 'hono'
import type { Config } from '#lib/config.ts'
import { keepError } from '#db'
import { AppError } from '#lib/errors.ts'
import { log } from '#lib/log.ts'
import { sha256 } from '#lib/secrets.ts'
import type { Credential, Look, SessionInfo } from '../services/auth/index.ts'
import { countLost } from '../trpc/calls.ts'
import type { Context, Reply } from '../trpc/context.ts'
import { toAppError } from '../trpc/errors.ts'
import { pathsOpenToKeys } from '../trpc/key-scopes.ts'
import type { Limits } from '../trpc/limits.ts'
import type { Streams } from '../trpc/streams.ts'
import { refused } from './refusal.ts'
import type { Environment } from './request.ts'
import {
  credentialOf,
  deviceCookie,
  deviceMarkerOf,
  holderCookie,
  holderSecretOf,
  rememberCookie,
  rememberTokenOf,
  sessionCookie,
} from './session-cookie.ts'

/** How the edge learns who is asking; services/auth is it. */
export interface Sessions {
  find(credential: Credential, look?: Look): Promise<SessionInfo | null>
  stepUpNeeds: Context['stepUpNeeds']
  onRevoked: Context['onRevoked']
}

export interface TrpcParts {
  readonly config: Pick<Config, 'PUBLIC_URL'>
  readonly router: AnyTRPCRouter
  readonly sessions: Sessions
  readonly limits: Limits
  readonly streams: Streams
}

/** Calls of one request. The client sends no more (client/src/links.ts). */
export const MAX_BATCH = 10

/** Gives the handler of /trpc/*. */
export function trpcHandler(parts: TrpcParts): Handler<Environment> {
  const openToKeys = pathsOpenToKeys(parts.router)
  return async function trpc(c) {
    const credential = credentialOrError(c, parts.config)
    if (credential instanceof AppError) return refused(c, credential)
    // What fails before there is a context would not carry the request's id.
    let early: AppError | undefined
    const response = await fetchRequestHandler({
      endpoint: '/trpc',
      req: c.req.raw,
      router: parts.router,
      maxBatchSize: MAX_BATCH,
      createContext: ({ resHeaders, info }) => contextOf(c, { ...parts, openToKeys }, credential, resHeaders, info.calls.length),
      responseMeta: ({ errors }) => ({ headers: retryAfter(errors) }),
      onError: ({ error, path, ctx }) => {
        report(error, c.get('requestId'), path, ctx)
        if (!reached(parts.router, error, path)) countLost(error)
        if (!ctx) early = toAppError(error)
      },
    })
    if (early) return refused(c, early)
    return response.headers.get('content-type') === 'text/event-stream' ? withRetry(response) : response
  }
}

/** Whether the call got as far as its procedure, where it is counted (trpc/calls.ts). */
function reached(router: AnyTRPCRouter, error: TRPCError, path: string | undefined): boolean {
  return path !== undefined && Object.hasOwn(router._def.procedures as object, path) && error.code !== 'METHOD_NOT_SUPPORTED'
}

/**
 * Says how soon to come back when the stream breaks: sooner than the three seconds of browsers, and not all at once. What it tells is kept by no cache,
 * as every answer: tRPC would let one keep it and ask again.
 */
function withRetry(response: Response): Response {
  const retry = new TextEncoder().encode(`retry: ${Math.round(200 + Math.random() * 600)}\n\n`)
  const first = new TransformStream<Uint8Array, Uint8Array>({ start: (controller) => controller.enqueue(retry) })
  const stream = new Response(response.body?.pipeThrough(first) ?? null, response)
  stream.headers.set('cache-control', 'no-store, no-transform')
  return stream
}

function contextOf(
  c: HonoContext<Environment>,
  parts: TrpcParts & Pick<Context, 'openToKeys'>,
  credential: Credential | null,
  headers: Headers,
  calls: number,
): Context {
  return {
    requestId: c.get('requestId'),
    address: c.get('address'),
    userAgent: c.req.header('user-agent')?.slice(0, 300) ?? null,
    device: plain(c.req.header('x-plinth-device')),
    credentialHash: () => credential && sha256(credential.token).toString('base64url'),
    deviceMarker: deviceMarkerOf(c, parts.config),
    rememberToken: rememberTokenOf(c, parts.config),
    holderSecret: holderSecretOf(c, parts.config),
    idempotencyKeys: keysOf(c.req.header('idempotency-key'), calls),
    session: sessionsOf(parts, credential, c.get('address')),
    stepUpNeeds: parts.sessions.stepUpNeeds,
    onRevoked: parts.sessions.onRevoked,
    openToKeys: parts.openToKeys,
    reply: replyTo(headers, parts.config),
    limits: parts.limits,
    streams: parts.streams,
  }
}

/** Gives the session once, and again where it is asked for. A flood of credentials that are none costs no query each. */
function sessionsOf({ sessions, limits }: TrpcParts, credential: Credential | null, address: string | null): Context['session'] {
  let found: Promise<SessionInfo | null> | undefined
  const find = async () => {
    if (!credential) return null
    let isQueried = false
    const beforeQuery = () => {
      limits.requireTries(address)
      isQueried = true
    }
    const session = await sessions.find(credential, { beforeQuery })
    if (!session && isQueried) limits.countTry(address)
    return session
  }
  const findAgain = async () => (credential ? sessions.find(credential, { unused: true }) : null)
  return (again) => (again ? findAgain() : (found ??= find()))
}

function replyTo(headers: Headers, config: Pick<Config, 'PUBLIC_URL'>): Reply {
  return {
    setSessionCookie: (token, maxAgeSeconds) => headers.append('set-cookie', sessionCookie(config, token, maxAgeSeconds)),
    setDeviceCookie: (marker) => headers.append('set-cookie', deviceCookie(config, marker)),
    setRememberCookie: (token) => headers.append('set-cookie', rememberCookie(config, token)),
    clearRememberCookie: () => headers.append('set-cookie', rememberCookie(config, '')),
    setHolderCookie: (secret) => headers.append('set-cookie', holderCookie(config, secret)),
    clearSessionCookie: () => headers.append('set-cookie', sessionCookie(config, '', 0)),
  }
}

/** One key per call, in order; `-` stands for none. */
function keysOf(header: string | undefined, calls: number): (string | null)[] {
  if (header === undefined) return []
  const keys = header.split(',').map((key) => key.trim())
  const isWellFormed = keys.length === calls && keys.every((key) => key === '-' || plain(key) !== null)
  if (isWellFormed) return keys.map((key) => (key === '-' ? null : key))
  throw new AppError('BAD_REQUEST', 'The header idempotency-key holds one key of 16 to 64 plain characters for each call, or -.', {
    fields: { 'idempotency-key': ['is malformed'] },
  })
}

function plain(value: string | undefined): string | null {
  return value !== undefined && /^[\w-]{16,64}$/.test(value) ? value : null
}

function credentialOrError(c: HonoContext<Environment>, config: Pick<Config, 'PUBLIC_URL'>): Credential | null | AppError {
  try {
    return credentialOf(c, config)
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
}

/** The longest wait that any of the calls was told. */
function retryAfter(errors: readonly TRPCError[]): Record<string, string> {
  const waits = errors
    .map((error) => toAppError(error).details)
    .flatMap((details) => (details && 'retryAfterSeconds' in details ? [details.retryAfterSeconds] : []))
  return waits.length > 0 ? { 'retry-after': String(Math.max(...waits)) } : {}
}

/** Who called was found out already, unless that is what failed. */
async function keepFault(fault: unknown, requestId: string, procedure: string | undefined, ctx: Context | undefined): Promise<void> {
  const session = await ctx?.session().catch(() => null)
  keepError(fault, { requestId, procedure: procedure ?? null, actorId: session?.userId ?? null })
}

function report(error: TRPCError, requestId: string, path: string | undefined, ctx: Context | undefined): void {
  const { code, cause } = toAppError(error)
  if (code === 'INTERNAL') {
    log.error({ requestId, procedure: path, err: error.cause ?? error }, 'A call failed by a fault of ours.')
    void keepFault(error.cause ?? error, requestId, path, ctx)
  }
  // The caller's answer has a cause where the database could not do it: whoever runs it must hear of that.
  else if (cause !== undefined)
    log.warn({ requestId, procedure: path, refused: code, err: cause }, 'A call was refused for a reason of the database.')
  else log.debug({ requestId, procedure: path, refused: code }, 'A call was refused.')
}
