/** The real process, as it runs in production: a child that is killed, and whose output is read. */
import { spawn, type ChildProcess } from 'node:child_process'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

export interface Child {
  readonly process: ChildProcess
  /** What it wrote to stdout and stderr so far. */
  output(): string
  /** Resolves with the exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>
}

/** Starts `server/src/index.ts` with exactly this environment. */
export function startChild(env: Record<string, string>): Child {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../src/index.ts')], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
  })
  let text = ''
  child.stdout.on('data', (chunk) => (text += chunk))
  child.stderr.on('data', (chunk) => (text += chunk))
  const ended = new Promise<number | string>((resolve) => child.on('close', (code, signal) => resolve(code ?? signal ?? 'unknown')))
  return { process: child, output: () => text, ended }
}

/** Waits until a server answers that it is ready. Throws with its output when it ends before. */
export async function ready(url: string, child: Child): Promise<void> {
  let end: number | string | undefined
  void child.ended.then((how) => (end = how))
  for (let turn = 0; turn < 600; turn++) {
    if (end !== undefined) throw new Error(`it ended with ${end}:\n${child.output()}`)
    const answer = await fetch(`${url}/readyz`).catch(() => null)
    if (answer?.ok) return
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  throw new Error(`it did not become ready:\n${child.output()}`)
}

/** Gives a port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
