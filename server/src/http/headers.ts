/** The headers that every answer carries, and what a page may do. */
import type { MiddlewareHandler } from 'hono'
import type { Config } from '#lib/config.ts'
import type { Environment } from './request.ts'

/** For answers that are data: nothing of them may run, be framed or be kept. */
const DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"

/** For our few pages: their own inline style, forms to ourselves, no script but the one whose hash the page names. */
const PAGE_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

/** Adds them. A page whose address holds a token says `no-referrer` itself. */
export function securityHeaders({ PUBLIC_URL }: Pick<Config, 'PUBLIC_URL'>): MiddlewareHandler<Environment> {
  const https = PUBLIC_URL.startsWith('https:')
  return async function secure(c, next) {
    await next()
    const { headers } = c.res
    const isPage = headers.get('content-type')?.startsWith('text/html') ?? false
    if (!headers.has('content-security-policy')) headers.set('content-security-policy', isPage ? PAGE_POLICY : DATA_POLICY)
    headers.set('x-content-type-options', 'nosniff')
    headers.set('x-frame-options', 'DENY')
    if (!headers.has('referrer-policy')) headers.set('referrer-policy', 'same-origin')
    headers.set('cross-origin-opener-policy', 'same-origin')
    headers.set('cross-origin-resource-policy', 'same-origin')
    if (https) headers.set('strict-transport-security', 'max-age=31536000; includeSubDomains')
    if (!headers.has('cache-control')) headers.set('cache-control', 'no-store')
  }
}
