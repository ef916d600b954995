/** A whole Plinth in one process: what index.ts runs, and what tests run beside themselves. */
import { createServer, type Server } from 'node:http'
import { Server as NetServer, type AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { asAppError, connectDatabase, disconnectDatabase, settleErrors } from '#db'
import { stopListening } from '#db/notify.ts'
import { SetupError } from '#db/setup-error.ts'
import { closeBreachedPasswords, useBreachedPasswords } from '#lib/breached-passwords.ts'
import { doubtsAbout } from '#lib/config-doubts.ts'
import type { Config } from '#lib/config.ts'
import { log, useLog } from '#lib/log.ts'
import { closeMail, useMail } from '#lib/mail.ts'
import { useSealingKeys } from '#lib/sealed.ts'
import { useSecret } from '#lib/secrets.ts'
import { siblings } from '#lib/siblings.ts'
import { createApp, createWorkerApp, type App } from './app.ts'
import { databaseAnswers, migrationsApplied } from './http/checks.ts'
import { startJobs, stopJobs } from './jobs/index.ts'
import { jobs } from './jobs/jobs.ts'
import { personalData } from './personal-data.ts'
import { appRouter } from './router.ts'
import {
  findSession,
  onRevoked,
  settleSessions,
  setUpCode,
  stepUpNeedsOf,
  usePasskeys,
  usePersonalData,
  useProviders,
  useThrottles,
} from './services/auth/index.ts'

export interface Plinth {
  /** Where it listens; null for a worker without a HEALTH_PORT. */
  readonly url: string | null
  /** Answers what was accepted, ends the subscriptions so that clients resume elsewhere, stops the jobs and lets go of the database. */
  stop(): Promise<void>
}

/** A caller that holds its connection open is given this long to use it once more, and be told that it closes. */
const LAST_CALL_MS = 500

/**
 * Starts everything that the role asks for.
 *
 * @throws SetupError in one sentence when the port is taken or the database cannot be used.
 */
export async function start(config: Config, options: Pick<Parameters<typeof startJobs>[0], 'patience'> = {}): Promise<Plinth> {
  await useLog(config)
  useSecret(config.PLINTH_SECRET)
  useSealingKeys(config.PLINTH_SEALING_KEYS)
  useMail(config)
  useThrottles(config.SIGN_IN_LIMIT)
  useProviders(config)
  usePasskeys(config)
  usePersonalData(personalData)
  try {
    await useBreachedPasswords(config.BREACHED_PASSWORDS_FILE)
    const { warnings } = await connectDatabase(config)
    if (isFirst()) for (const warning of warnings) log.warn(warning)
    await startJobs({ config, jobs, ...options })
    const plinth = await (config.PLINTH_ROLE === 'worker' ? work(config) : serve(config))
    if (isFirst()) for (const doubt of doubtsAbout(config)) log.warn(doubt)
    return plinth
  } catch (error) {
    await release()
    throw inOneSentence(error)
  }
}

/** Of several processes one speaks for all. */
function isFirst(): boolean {
  return (siblings()?.number ?? 1) === 1
}

/** A database that goes away while Plinth starts is no fault of the code: whoever runs it starts it again. */
function inOneSentence(error: unknown): unknown {
  if (asAppError(error)?.code !== 'UNAVAILABLE') return error
  return new SetupError('DATABASE_URL: the database went away while Plinth started.', { cause: error })
}

const checks = { database: databaseAnswers, migrations: migrationsApplied }

async function serve(config: Config): Promise<Plinth> {
  const app = createApp({ config, router: appRouter, sessions: { find: findSession, stepUpNeeds: stepUpNeedsOf, onRevoked }, checks })
  if (isFirst()) await offerSetUp()
  return answerWith(app, config, { name: 'PORT', port: config.PORT })
}

/** A worker answers nobody but those who watch over it. */
async function work(config: Config): Promise<Plinth> {
  const { HEALTH_PORT } = config
  if (HEALTH_PORT === undefined) return { url: null, stop: release }
  return answerWith(createWorkerApp({ config, checks }), config, { name: 'HEALTH_PORT', port: HEALTH_PORT })
}

interface Place {
  /** The variable that says where. */
  readonly name: 'PORT' | 'HEALTH_PORT'
  readonly port: number
}

async function answerWith(app: App, config: Config, place: Place): Promise<Plinth> {
  const server = await listenOn(config.HOST, place, app)
  const { port } = server.address() as AddressInfo
  return {
    url: `http://localhost:${port}`,
    async stop() {
      app.drain()
      // Side by side: a job that is under way has the same time as a request.
      await Promise.all([close(server, config.DRAIN_MS), stopJobs()])
      await release()
    },
  }
}

/**
 * The timeouts are for receiving a request; how long an answer or a subscription lasts is nobody's concern here. What is idle stays open for longer
 * than proxies keep it, 60 s by default: whoever closes first must be the one who sends, or requests are lost in a connection that is just closing.
 */
function listenOn(host: string, place: Place, app: App): Promise<Server> {
  const server = createServer(
    { headersTimeout: 10_000, requestTimeout: 30_000, connectionsCheckingInterval: 2_000, keepAliveTimeout: 75_000 },
    // With its own Request and Response, whose text goes out as it is instead of through a stream.
    getRequestListener(app.fetch),
  )
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(portError(error, host, place)))
    server.listen(place.port, host, () => resolve(server))
  })
}

function portError(error: NodeJS.ErrnoException, host: string, { name, port }: Place): Error {
  if (error.code === 'EADDRINUSE') return new SetupError(`${name} ${port} is in use: stop what listens there, or choose another.`)
  if (error.code === 'EACCES') return new SetupError(`${name} ${port} may not be opened by this user: choose one above 1023.`)
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND') return new SetupError(`HOST ${host} is no address of this machine.`)
  return error
}

/**
 * Takes no new connection, answers what came on the old ones, and resolves when the last is closed. What is left after `drainMs` is cut.
 * http's own close() would also cut idle connections at once, and with them the requests that are just arriving on them.
 */
async function close(server: Server, drainMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.once('close', resolve))
  NetServer.prototype.close.call(server)
  const idle = setInterval(() => server.closeIdleConnections(), LAST_CALL_MS)
  const hard = setTimeout(() => {
    log.warn('Requests that were not finished within DRAIN_MS are cut.')
    server.closeAllConnections()
  }, drainMs)
  await closed
  clearInterval(idle)
  clearTimeout(hard)
}

/** While there is no administrator, the log shows the code that makes one. */
async function offerSetUp(): Promise<void> {
  const setupCode = await setUpCode()
  if (setupCode !== null) log.warn({ setupCode }, 'There is no administrator yet: auth.setUp takes this code and makes one.')
}

/** In the order in which one needs the other. Safe to call when only some of it was started. */
async function release(): Promise<void> {
  await stopJobs()
  await settleSessions()
  await settleErrors()
  closeMail()
  await closeBreachedPasswords()
  await stopListening()
  await disconnectDatabase()
}
