/** Two questions of whoever runs this server: is the process alive, and may traffic come. */
import type { Handler } from 'hono'
import type { Environment } from './request.ts'

/** A condition of readiness: resolves when it holds, and throws when it does not. */
export type Check = () => Promise<unknown>

const CHECK_TIMEOUT_MS = 2_000

/** Answers while the process can answer at all: restart it when it does not. */
export const livez: Handler<Environment> = (c) => c.json({ status: 'ok' })

/** Answers 200 when every check holds, 503 with the names of those that do not. Why is in the log: a stranger may ask this. */
export function readyz(checks: Record<string, Check>): Handler<Environment> {
  return async function ready(c) {
    const entries = Object.entries(checks).map(async ([name, check]) => [name, await holds(check)] as const)
    const results = Object.fromEntries(await Promise.all(entries))
    const ok = Object.values(results).every((result) => result === 'ok')
    return c.json({ status: ok ? 'ok' : 'unavailable', checks: results }, ok ? 200 : 503)
  }
}

async function holds(check: Check): Promise<'ok' | 'failed'> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(reject, CHECK_TIMEOUT_MS)
  try {
    await Promise.race([check(), late])
    return 'ok'
  } catch {
    return 'failed'
  } finally {
    clearTimeout(timer)
  }
}
