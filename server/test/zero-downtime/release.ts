/** A release that runs: its process, where it answers, and what it has written by itself. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Acknowledged, Message, Rates } from './messages.ts'

export interface Release {
  readonly url: string
  readonly setupCode: string | null
  /** Lets it make so many writes a second by itself. */
  write(rates: Rates): void
  /** Sends SIGTERM and waits for its end. Gives the name that each of its teams was given last. Throws unless it ends with 0. */
  stop(): Promise<ReadonlyMap<string, string>>
  kill(): void
}

export interface Start {
  /** Its server folder. */
  readonly sources: string
  readonly databaseUrl: string
  /** What it calls the column that is renamed. */
  readonly column: string
}

/** Starts a release, and resolves when it listens. */
export async function startRelease(
  { sources, databaseUrl, column }: Start,
  onWrites: (acknowledged: readonly Acknowledged[], failures: readonly string[]) => void,
): Promise<Release> {
  const child = fork(join(sources, 'test/zero-downtime/release.child.ts'), {
    env: { ...environment, DATABASE_URL: databaseUrl, NAME_COLUMN: column },
  })
  const ready = Promise.withResolvers<Extract<Message, { kind: 'ready' }>>()
  const names = new Map<string, string>()
  const ended = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | string)
  void ended.then((how) => ready.reject(new Error(`the release ended with ${how} before it listened`)))
  child.on('message', (message: Message) => {
    if (message.kind === 'ready') ready.resolve(message)
    if (message.kind === 'writes') onWrites(message.acknowledged, message.failures)
    if (message.kind === 'names') for (const [id, name] of message.names) names.set(id, name)
  })
  const { url, setupCode } = await ready.promise
  return {
    url,
    setupCode,
    write: (rates) => child.send(rates),
    async stop() {
      child.kill('SIGTERM')
      const how = await ended
      if (how !== 0) throw new Error(`the release ended with ${how}`)
      return names
    },
    kill: () => child.kill('SIGKILL'),
  }
}

const environment = {
  PATH: process.env['PATH'],
  NODE_ENV: 'production',
  PLINTH_ROLE: 'web',
  HOST: '127.0.0.1',
  PORT: '0',
  PLINTH_SECRET: 'a secret that tests alone may know, and everybody does',
  LOG_LEVEL: 'fatal',
  SIGN_IN_LIMIT: 'off',
  CALLS_PER_MINUTE: '1000000',
  ANONYMOUS_CALLS_PER_MINUTE: '1000000',
  POOL_MAX: '16',
}
