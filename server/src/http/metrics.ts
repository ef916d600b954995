/** `/metrics`: the figures of this process, and of those beside it, for whoever has the token. */
import { timingSafeEqual } from 'node:crypto'
import type { Handler } from 'hono'
import type { Config } from '#lib/config.ts'
import { AppError } from '#lib/errors.ts'
import { exposition, type Family } from '#lib/metrics.ts'
import { sha256 } from '#lib/secrets.ts'
import { refused } from './refusal.ts'
import type { Environment } from './request.ts'

/**
 * Gives the figures in the format of Prometheus to `Authorization: Bearer <METRICS_TOKEN>`; 401 to everybody else. Where no token is
 * configured there is nothing at this address: figures name procedures and how much they are used.
 */
export function metrics({ METRICS_TOKEN }: Pick<Config, 'METRICS_TOKEN'>, collect: () => Promise<Family[]>): Handler<Environment> {
  const wanted = METRICS_TOKEN === undefined ? null : sha256(`Bearer ${METRICS_TOKEN}`)
  return async function scrape(c) {
    if (!wanted) return c.notFound()
    if (!timingSafeEqual(sha256(c.req.header('authorization') ?? ''), wanted)) {
      c.header('www-authenticate', 'Bearer')
      return refused(c, new AppError('UNAUTHORIZED', 'The figures are for those who have the token.'))
    }
    return c.body(exposition(await collect()), 200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' })
  }
}
