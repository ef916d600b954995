/** The map of every URL, and what each request passes on its way. */
import type { AnyTRPCRouter } from '@trpc/server'
import { Hono } from 'hono'
import { keepError } from '#db'
import type { Config } from '#lib/config.ts'
import { AppError } from '#lib/errors.ts'
import { log } from '#lib/log.ts'
import { figures, together, type Family } from '#lib/metrics.ts'
import '#lib/process-figures.ts'
import { siblings } from '#lib/siblings.ts'
import { docs, docsAreGiven } from './http/docs/routes.ts'
import { front } from './http/front.ts'
import { securityHeaders } from './http/headers.ts'
import { livez, readyz, type Check } from './http/health.ts'
import { metrics } from './http/metrics.ts'
import { onlyJson, smallBody } from './http/limits.ts'
import { cors, sameOrigin } from './http/origins.ts'
import { outbox } from './http/outbox.ts'
import { providerCallback } from './http/provider-callback.ts'
import { refused } from './http/refusal.ts'
import { identified, type Environment } from './http/request.ts'
import { trpcHandler, type Sessions } from './http/trpc.ts'
import { bodiesOf } from './trpc/bodies.ts'
import { createLimits } from './trpc/limits.ts'
import { createStreams } from './trpc/streams.ts'

export interface AppParts {
  readonly config: Config
  readonly router: AnyTRPCRouter
  readonly sessions: Sessions
  /** What must hold before traffic may come; the names are shown, the reasons are not. */
  readonly checks: Record<string, Check>
}

export interface App {
  readonly fetch: Hono<Environment>['fetch']
  /** Turns readiness red, ends the subscriptions so that clients resume elsewhere, and asks callers to come back on a new connection. */
  drain(): void
}

/** Puts the app together. */
export function createApp({ config, router, sessions, checks }: AppParts): App {
  const streams = createStreams()
  const limits = createLimits(config)
  const { app, drain } = createHealth({ config, checks })

  app.get('/', front(config))
  const bodies = bodiesOf(router)
  app.use('/trpc/*', cors(config), onlyJson(bodies), sameOrigin(config), smallBody(bodies))
  app.all('/trpc/*', trpcHandler({ config, router, sessions, limits, streams }))
  if (docsAreGiven(config)) app.route('/', docs(router, config))
  app.get('/auth/callback/:provider', providerCallback({ config, limits }))
  if (config.NODE_ENV === 'development') app.route('/', outbox(config))
  return {
    fetch: app.fetch,
    drain() {
      drain()
      streams.drain()
    },
  }
}

/** Puts together what a worker answers: whether it lives, whether it is ready, and its figures. */
export function createWorkerApp(parts: Pick<AppParts, 'config' | 'checks'>): App {
  const { app, drain } = createHealth(parts)
  return { fetch: app.fetch, drain }
}

/** Those of all processes of the machine, whichever was asked. */
async function everyonesFigures(): Promise<Family[]> {
  const beside = siblings()
  return beside ? together(await beside.ask('figures', null)) : figures()
}

/** What every process answers, whatever its role. */
function createHealth({ config, checks }: Pick<AppParts, 'config' | 'checks'>): { app: Hono<Environment>; drain: () => void } {
  let draining = false
  const app = new Hono<Environment>()
  app.use(identified(config), securityHeaders(config))
  app.use(async (c, next) => {
    await next()
    if (draining) c.res.headers.set('connection', 'close')
  })
  app.get('/livez', livez)
  app.get('/readyz', readyz({ ...checks, traffic: async () => (draining ? Promise.reject(new Error('draining')) : undefined) }))
  app.get('/metrics', metrics(config, everyonesFigures))
  app.notFound((c) => refused(c, new AppError('NOT_FOUND', 'There is nothing at this address.')))
  app.onError((error, c) => {
    if (error instanceof AppError) return refused(c, error)
    log.error({ requestId: c.get('requestId'), err: error }, 'A request failed by a fault of ours.')
    keepError(error, { requestId: c.get('requestId') })
    return refused(c, new AppError('INTERNAL', 'Something went wrong on our side.'))
  })
  return { app, drain: () => void (draining = true) }
}
