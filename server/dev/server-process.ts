/** The server as a child process of `pnpm dev`: started, stopped in peace, started again. */
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { root } from './environment.ts'

/** Long enough for the drain that development sets, short enough for somebody who waits. */
const patienceMs = 5_000

export interface ServerProcess {
  /** Starts the server, after stopping the one that runs. Resolves when it answers, with false when it ended instead. */
  restart(): Promise<boolean>
  stop(): Promise<void>
}

/** Runs server/src/index.ts with these variables. `onExit` is told when it ends by itself. */
export function serverProcess(environment: Record<string, string>, url: string, onExit: (code: number | null) => void): ServerProcess {
  let child: ChildProcess | null = null
  const stop = async (): Promise<void> => {
    const old = child
    child = null
    if (old) await end(old)
  }
  const restart = async (): Promise<boolean> => {
    await stop()
    const fresh = fork(join(root, 'server/src/index.ts'), {
      cwd: root,
      env: environment,
      execArgv: ['--import', join(import.meta.dirname, 'follow-parent.ts')],
    })
    child = fresh
    fresh.on('exit', (code) => {
      if (child !== fresh) return
      child = null
      onExit(code)
    })
    return answers(Number(new URL(url).port), () => child === fresh)
  }
  return { restart, stop }
}

/** Asks by message: Windows has no signal that a process could answer in peace. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  if (child.connected) child.send('stop')
  const patience = setTimeout(() => child.kill('SIGKILL'), patienceMs)
  await ended
  clearTimeout(patience)
}

/** Listening is enough: whether it is ready may depend on a migration that waits for us. */
async function answers(port: number, stillRuns: () => boolean): Promise<boolean> {
  while (stillRuns()) {
    if (await accepts(port)) return true
    await sleep(50)
  }
  return false
}

async function accepts(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect(port, 'localhost', () => resolve(true))
  socket.on('error', () => resolve(false))
  return promise.finally(() => socket.destroy())
}
