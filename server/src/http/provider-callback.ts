/**
 * Where providers send the browser back to: one address for each, whatever frontends there are. It changes nothing. The answer is handed on to the
 * page that began the visit, which finishes it by a call: so what comes of it is typed, and no session begins by following a link.
 */
import type { Context, Handler } from 'hono'
import type { Config } from '#lib/config.ts'
import { isAppError, type AppError } from '#lib/errors.ts'
import { handOver, returnPageOf } from '../services/auth/index.ts'
import type { Limits } from '../trpc/limits.ts'
import { escaped, page } from './page.ts'
import type { Environment } from './request.ts'

/** What is handed on, of all that a provider may send. */
const handedOn = ['code', 'state', 'iss', 'error'] as const

export interface CallbackParts {
  readonly config: Pick<Config, 'PUBLIC_URL'>
  readonly limits: Pick<Limits, 'charge' | 'requireTries' | 'countTry'>
}

/**
 * Gives the handler of GET /auth/callback/:provider. It counts as a call of a stranger, whatever its state: each asks the database. A state that is
 * none of ours gets a page that says so, with status 400; who came too often one with 429 and Retry-After.
 */
export function providerCallback({ config, limits }: CallbackParts): Handler<Environment, '/auth/callback/:provider'> {
  return async function callback(c) {
    c.header('referrer-policy', 'no-referrer')
    const [provider, address] = [c.req.param('provider'), c.get('address')]
    try {
      limits.requireTries(address)
      await limits.charge(null, address)
      const { page: to } = await returnPageOf(provider, c.req.query('state') ?? '')
      const given = handedOn.flatMap((name) => [[name, c.req.query(name)] as const]).filter(([, value]) => value !== undefined)
      return c.redirect(handOver(to, { provider, ...Object.fromEntries(given) }), 303)
    } catch (error) {
      if (isAppError(error, 'TOO_MANY_REQUESTS')) return comeAgain(c, error)
      if (!isAppError(error, 'INVALID_TOKEN')) throw error
      limits.countTry(address)
      return c.html(page('Sign in again', `<p>${escaped(error.message)}</p><p><a href="${escaped(config.PUBLIC_URL)}">Back</a></p>`), 400)
    }
  }
}

/** The visit goes on where the person loads the same address again: nothing of it is used yet. */
function comeAgain(c: Context<Environment>, { details }: AppError<'TOO_MANY_REQUESTS'>): Response | Promise<Response> {
  const { retryAfterSeconds } = details
  c.header('retry-after', String(retryAfterSeconds))
  const body = `<p>Too many sign-ins come from your network at the moment. Load this page again in ${retryAfterSeconds} s.</p>`
  return c.html(page('Come again in a moment', body), 429)
}
