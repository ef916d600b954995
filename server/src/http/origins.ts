/** Which pages may call: CORS for the origins that are configured, and proof that a request with a cookie comes from a page of ours. */
import type { Context, MiddlewareHandler } from 'hono'
import type { Config } from '#lib/config.ts'
import { AppError } from '#lib/errors.ts'
import { refused } from './refusal.ts'
import type { Environment } from './request.ts'
import { hasBearer, hasSessionCookie, rememberTokenOf } from './session-cookie.ts'

type OriginConfig = Pick<Config, 'PUBLIC_URL' | 'ALLOWED_ORIGINS'>

const PREFLIGHT = {
  'access-control-allow-methods': 'GET,POST',
  'access-control-allow-headers': 'authorization,content-type,idempotency-key,last-event-id,trpc-accept,x-plinth-device,x-request-id',
  'access-control-max-age': '600',
}

/** Answers preflights, and lets the pages of ALLOWED_ORIGINS read the answers. An origin is named only when it is in that list. */
export function cors(config: OriginConfig): MiddlewareHandler<Environment> {
  return async function allowOrigins(c, next) {
    const origin = c.req.header('origin')
    const allowed = origin !== undefined && config.ALLOWED_ORIGINS.includes(origin)
    if (c.req.method === 'OPTIONS') c.res = new Response(null, { status: 204, headers: allowed ? PREFLIGHT : {} })
    else await next()
    c.res.headers.append('vary', 'Origin')
    if (!allowed) return
    c.res.headers.set('access-control-allow-origin', origin)
    c.res.headers.set('access-control-allow-credentials', 'true')
    c.res.headers.set('access-control-expose-headers', 'retry-after,x-request-id')
  }
}

/**
 * Refuses forged requests. A request that says it comes from a foreign page is refused; one with a session cookie must prove that it
 * comes from a page of ours, whatever its method and content type. A bearer token is proof enough: no page sends it by itself.
 */
export function sameOrigin(config: OriginConfig): MiddlewareHandler<Environment> {
  return async function requireSameOrigin(c, next) {
    const verdict = hasBearer(c) ? 'ours' : originOf(c, config)
    if (verdict === 'ours' || (verdict === 'unsaid' && !hasSessionCookie(c, config) && rememberTokenOf(c, config) === null)) return next()
    return refused(c, new AppError('FORBIDDEN', 'This call did not come from a page of this server.'))
  }
}

/** Sec-Fetch-Site cannot be set by a page's script; browsers omit it over plain http, where Origin, and for GET the Referer, must do. */
function originOf(c: Context<Environment>, { PUBLIC_URL, ALLOWED_ORIGINS }: OriginConfig): 'ours' | 'foreign' | 'unsaid' {
  const site = c.req.header('sec-fetch-site')
  if (site === 'same-origin') return 'ours'
  const origin = c.req.header('origin') ?? (c.req.method === 'GET' && PUBLIC_URL.startsWith('http:') ? refererOrigin(c) : undefined)
  if (origin !== undefined && ALLOWED_ORIGINS.includes(origin)) return 'ours'
  if (site !== undefined) return 'foreign'
  if (origin === undefined) return 'unsaid'
  return origin === new URL(PUBLIC_URL).origin ? 'ours' : 'foreign'
}

function refererOrigin(c: Context<Environment>): string | undefined {
  const referer = c.req.header('referer')
  return referer !== undefined && URL.canParse(referer) ? new URL(referer).origin : undefined
}
