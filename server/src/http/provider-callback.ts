/**
 * Where providers send the browser back to: one address for each, whatever frontends there are. It changes nothing. The answer is handed on to the
 * page that began the visit, which finishes it by a call: so what comes of it is typed, and no session begins by following a link.
 */
import type { Handler } from 'hono'
import type { Config } from '#lib/config.ts'
import { isAppError } from '#lib/errors.ts'
import { handOver, returnPageOf } from '../services/auth/index.ts'
import type { Limits } from '../trpc/limits.ts'
import { escaped, page } from './page.ts'
import type { Environment } from './request.ts'

/** What is handed on, of all that a provider may send. */
const handedOn = ['code', 'state', 'iss', 'error'] as const

export interface CallbackParts {
  readonly config: Pick<Config, 'PUBLIC_URL'>
  readonly limits: Pick<Limits, 'requireTries' | 'countTry'>
}

/** Gives the handler of GET /auth/callback/:provider. A state that is none of ours gets a page that says so, with status 400. */
export function providerCallback({ config, limits }: CallbackParts): Handler<Environment, '/auth/callback/:provider'> {
  return async function callback(c) {
    c.header('referrer-policy', 'no-referrer')
    const [provider, address] = [c.req.param('provider'), c.get('address')]
    limits.requireTries(address)
    try {
      const { page: to } = await returnPageOf(provider, c.req.query('state') ?? '')
      const given = handedOn.flatMap((name) => [[name, c.req.query(name)] as const]).filter(([, value]) => value !== undefined)
      return c.redirect(handOver(to, { provider, ...Object.fromEntries(given) }), 303)
    } catch (error) {
      if (!isAppError(error, 'INVALID_TOKEN')) throw error
      limits.countTry(address)
      return c.html(page('Sign in again', `<p>${escaped(error.message)}</p><p><a href="${escaped(config.PUBLIC_URL)}">Back</a></p>`), 400)
    }
  }
}
