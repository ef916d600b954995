/** What is known of every request: an id, and where it comes from. */
import { randomUUID } from 'node:crypto'
import { isIP } from 'node:net'
import type { HttpBindings } from '@hono/node-server'
import type { Context, MiddlewareHandler } from 'hono'
import { routePath } from 'hono/route'
import type { Config } from '#lib/config.ts'
import { logRequest } from '#lib/log.ts'

/** Hono's generics for this app: what Node gives, and what the middleware below adds. */
export interface Environment {
  Bindings: HttpBindings
  Variables: { requestId: string; address: string | null }
}

/** Gives each request its id, answers with it, and writes one line when it is over. A caller's own id is taken when it is plain. */
export function identified({ TRUSTED_PROXIES }: Pick<Config, 'TRUSTED_PROXIES'>): MiddlewareHandler<Environment> {
  return async function identify(c, next) {
    const start = performance.now()
    const given = c.req.header('x-request-id')
    const requestId = given !== undefined && /^[\w-]{8,64}$/.test(given) ? given : randomUUID()
    c.set('requestId', requestId)
    c.set('address', addressOf(c, TRUSTED_PROXIES))
    await next()
    c.res.headers.set('x-request-id', requestId)
    // Neither the query nor the address nor the agent: they hold inputs, tokens and people.
    const line = { requestId, method: c.req.raw.method, path: routeOf(c), status: c.res.status, ms: Math.round(performance.now() - start) }
    logRequest(c.res.status >= 500 ? 'warn' : 'info', line)
  }
}

/** The path where it may name procedures, the pattern of the route elsewhere: what a stranger typed is not worth a line in the log. */
function routeOf(c: Context<Environment>): string {
  return /^\/trpc\/[\w.,]{1,200}$/.test(c.req.path) ? c.req.path : routePath(c, -1)
}

/**
 * The client's address. Of X-Forwarded-For only the entries that our own proxies wrote are believed, counted from the right:
 * everything left of them is whatever the client liked to send.
 */
export function addressOf(c: Context<Environment>, trustedProxies: number): string | null {
  const peer = c.env.incoming.socket.remoteAddress
  const forwarded = trustedProxies > 0 ? (c.req.header('x-forwarded-for') ?? '') : ''
  const hops = [
    ...forwarded
      .split(',')
      .map((hop) => hop.trim())
      .filter(Boolean),
    peer ?? '',
  ]
  const claimed = bare(hops[Math.max(0, hops.length - 1 - trustedProxies)] ?? '')
  return isIP(claimed) ? claimed : (peer ?? null)
}

/** An address without the port that some proxies add. */
function bare(hop: string): string {
  return hop.replace(/^\[(.*)\](?::\d+)?$/, '$1').replace(/^([\d.]+):\d+$/, '$1')
}
