/** The edge alone: the real app over real HTTP, with a router of its own and no database, for what no procedure of ours would ever do. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { createClient, type Client, type ClientOptions } from '@plinth/client'
import type { AnyTRPCRouter } from '@trpc/server'
import { readConfig, type Config } from '#lib/config.ts'
import { divertLog, log } from '#lib/log.ts'
import { SessionId, UserId } from '#lib/ids.ts'
import { useSecret } from '#lib/secrets.ts'
import { createApp, type App } from '../src/app.ts'
import type { Sessions } from '../src/http/trpc.ts'
import type { SessionInfo } from '../src/services/auth/index.ts'
import { edgeRouter, type EdgeRouter } from './fixtures/edge-router.ts'

export interface Edge {
  readonly url: string
  readonly app: App
  /** Every line that was logged since the start, parsed. */
  readonly lines: Record<string, unknown>[]
  readonly sessions: FakeSessions
  client(token?: string, fetch?: typeof globalThis.fetch, options?: Pick<ClientOptions, 'streaming'>): Client<EdgeRouter>
  /** Calls a procedure as a raw request. A mutation when there is an input object. */
  call(path: string, init?: RequestInit & { input?: unknown }): Promise<Response>
  stop(): Promise<void>
}

/** Sessions in memory: each token is one, until it is revoked. */
export interface FakeSessions extends Sessions {
  add(token: string, info?: Partial<SessionInfo>): SessionInfo
  revoke(token: string): void
  /** How many lookups there were. */
  readonly lookups: number
}

/** Starts it. `env` overrides the configuration of tests; another router may stand in, whose procedures the client's type then does not know. */
export async function startEdge(env: Partial<Record<keyof Config, string>> = {}, router: AnyTRPCRouter = edgeRouter): Promise<Edge> {
  const config = readConfig({ ...defaults, ...env })
  useSecret(config.PLINTH_SECRET)
  const lines: Record<string, unknown>[] = []
  const restore = divertLog({ write: (line) => void lines.push(JSON.parse(line)) })
  log.level = config.LOG_LEVEL
  const sessions = fakeSessions()
  const app = createApp({ config, router, sessions, checks: { database: async () => undefined } })
  const server = createServer(getRequestListener(app.fetch))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    app,
    lines,
    sessions,
    client: (token, fetch, options) =>
      createClient<EdgeRouter>({ url, ...options, ...(token !== undefined && { token }), ...(fetch && { fetch }) }),
    call: (path, { input, ...init } = {}) => fetch(`${url}/trpc/${path}`, input === undefined ? init : posted(input, init)),
    async stop() {
      restore()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** The name of the cookie under the default PUBLIC_URL of these tests. */
export const COOKIE = '__Host-plinth_session'

const defaults = {
  NODE_ENV: 'test',
  PUBLIC_URL: 'https://plinth.example.com',
  DATABASE_URL: 'postgres://nobody@localhost/none',
  PLINTH_SECRET: 'a secret that tests alone may know, and everybody does',
  CALLS_PER_MINUTE: '100000',
  ANONYMOUS_CALLS_PER_MINUTE: '100000',
}

function posted(input: unknown, init: RequestInit): RequestInit {
  return {
    method: 'POST',
    body: JSON.stringify({ json: input }),
    ...init,
    headers: { 'content-type': 'application/json', ...init.headers },
  }
}

function fakeSessions(): FakeSessions {
  const known = new Map<string, SessionInfo>()
  const listeners = new Set<() => void>()
  let lookups = 0
  return {
    get lookups() {
      return lookups
    },
    async find({ token, kind }, { beforeQuery } = {}) {
      beforeQuery?.()
      lookups++
      const info = known.get(token)
      return info?.kind === kind ? info : null
    },
    stepUpNeeds: async () => ({ level: 1, methods: ['PASSWORD'] }),
    onRevoked(_userId, revoked) {
      listeners.add(revoked)
      return () => void listeners.delete(revoked)
    },
    add(token, info = {}) {
      const made = { ...someone(), kind: token.startsWith('cookie') ? ('COOKIE' as const) : ('BEARER' as const), ...info }
      known.set(token, made)
      return made
    },
    revoke(token) {
      known.delete(token)
      for (const revoked of listeners) revoked()
    },
  }
}

let people = 0

function someone(): Omit<SessionInfo, 'kind'> {
  const number = String(people++).padStart(12, '0')
  return {
    sessionId: SessionId.parse(`01991f0e-7b1c-7000-8000-${number}`),
    userId: UserId.parse(`person${number}`),
    role: 'USER',
    emailVerified: true,
    methods: ['PASSWORD'],
    level: 1,
    impersonatorId: null,
    authenticatedAt: new Date(),
    endsAt: new Date(Date.now() + 86_400_000),
  }
}
