/** Two questions of whoever runs this server: is the process alive, and may traffic come. */
import type { Handler } from 'hono'
import { log } from '#lib/log.ts'
import type { Environment } from './request.ts'

/** A condition of readiness: resolves when it holds, and throws when it does not. */
export type Check = () => Promise<unknown>

const CHECK_TIMEOUT_MS = 2_000

/** Answers while the process can answer at all: restart it when it does not. */
export const livez: Handler<Environment> = (c) => c.json({ status: 'ok' })

/**
 * Answers 200 when every check holds, 503 with the names of those that do not. A stranger may ask this: why is in the log, once each time that
 * a check begins to fail.
 */
export function readyz(checks: Record<string, Check>): Handler<Environment> {
  const failing = new Set<string>()
  const ask = async (name: string, check: Check) => {
    const { failed, error } = await outcomeOf(check)
    if (failed && !failing.has(name)) log.warn({ check: name, error }, 'A check of readiness fails.')
    failing[failed ? 'add' : 'delete'](name)
    return [name, failed ? 'failed' : 'ok'] as const
  }
  return async function ready(c) {
    const entries = Object.entries(checks).map(([name, check]) => ask(name, check))
    const results = Object.fromEntries(await Promise.all(entries))
    const ok = Object.values(results).every((result) => result === 'ok')
    return c.json({ status: ok ? 'ok' : 'unavailable', checks: results }, ok ? 200 : 503)
  }
}

/** Asks at most once in this time, and gives the same answer meanwhile: whoever asks often costs nothing. */
export function atMostEvery(ms: number, check: Check): Check {
  let answer: Promise<unknown> | undefined
  let askedAt = -Infinity
  return () => {
    if (answer && performance.now() - askedAt < ms) return answer
    askedAt = performance.now()
    return (answer = check())
  }
}

async function outcomeOf(check: Check): Promise<{ failed: boolean; error?: unknown }> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`No answer within ${CHECK_TIMEOUT_MS} ms`)), CHECK_TIMEOUT_MS)
  try {
    await Promise.race([check(), late])
    return { failed: false }
  } catch (error) {
    return { failed: true, error }
  } finally {
    clearTimeout(timer)
  }
}
