/** A second Plinth in a process of its own, on the database of a test: what one does, the other must learn. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestServer } from './server.ts'

export interface SecondProcess extends AsyncDisposable {
  readonly url: string
}

/** Starts one that serves, and resolves when it listens. It runs no jobs: those are the first one's. */
export async function startSecondProcess({ config }: Pick<TestServer, 'config'>): Promise<SecondProcess> {
  const { DATABASE_URL, DIRECT_URL, PLINTH_SECRET, PUBLIC_URL } = config
  const own = { PLINTH_ROLE: 'web', HOST: '127.0.0.1', PORT: '0', LOG_LEVEL: 'info', SIGN_IN_LIMIT: 'off', POOL_MAX: '5' }
  const limits = { CALLS_PER_MINUTE: '1000000', ANONYMOUS_CALLS_PER_MINUTE: '1000000', DRAIN_MS: '1000' }
  const child = spawn(process.execPath, [join(import.meta.dirname, '../src/index.ts')], {
    env: { PATH: process.env['PATH'], NODE_ENV: 'test', DATABASE_URL, DIRECT_URL, PLINTH_SECRET, PUBLIC_URL, ...own, ...limits },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  for await (const line of createInterface(child.stdout)) {
    const { url, msg } = JSON.parse(line) as { url?: string; msg?: string }
    if (msg !== 'Plinth listens.' || url === undefined) continue
    child.stdout.resume()
    return { url, [Symbol.asyncDispose]: () => end(child) }
  }
  throw new Error('The second process ended before it listened')
}

async function end(child: ReturnType<typeof spawn>): Promise<void> {
  if (child.exitCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  await exited
}
