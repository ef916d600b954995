/** The system under test as separate processes: PostgreSQL, and, each behind a proxy of its own, the web process and the worker. */
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { pathToFileURL } from 'node:url'
import { freePort } from '#db/embedded-process.ts'
import { deploy } from '../../src/deploy.ts'
import { openCluster, type Cluster } from './cluster.ts'
import type { Side } from './points.ts'
import { createProgram, type Program } from './processes.ts'
import { openProxy, type Proxy } from './proxy.ts'
import { layEffectsTable } from './arena.ts'

export interface System {
  /** Where the web process answers. */
  readonly url: string
  /** The folder where mails end up. */
  readonly mails: string
  readonly cluster: Cluster
  readonly proxies: Readonly<Record<Side, Proxy>>
  readonly programs: Readonly<Record<Side, Program>>
  /** Ends everything and removes the cluster. */
  close(): Promise<void>
}

export interface SystemOptions {
  /** The folder of the sources to run: the server's own, or a spoiled copy. */
  readonly sources: string
  /** Where the processes write their output, and the mails. */
  readonly folder: string
  /** What the web process and the worker are told beside what all campaigns tell them. */
  readonly env?: Readonly<Record<string, string>>
}

const open = new Set<System>()

/** Ends every system that this process has started: for whoever is interrupted. */
export async function closeAll(): Promise<void> {
  await Promise.all([...open].map((system) => system.close()))
}

/** The folder of the server's sources as they are. */
export const ownSources = join(import.meta.dirname, '../..')

/** Starts everything, with an empty database, and waits until all of it is ready. */
export async function startSystem({ sources, folder, env = {} }: SystemOptions): Promise<System> {
  const cluster = await openCluster()
  await deploy(cluster.ownerUrl)
  await layEffectsTable(cluster.ownerUrl)
  const proxies = { web: await openProxy(cluster.port), worker: await openProxy(cluster.port) }
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const mails = join(folder, 'mails')
  const shared = { ...environment(folder), ...env, MAIL_URL: pathToFileURL(mails).href, PUBLIC_URL: url, PORT: String(port) }
  const programs = {
    web: createProgram({
      name: 'web',
      file: join(sources, 'test/faults/web.ts'),
      env: { ...shared, PLINTH_ROLE: 'web', DATABASE_URL: cluster.urlThrough(proxies.web.port) },
      log: join(folder, 'web.log'),
      probe: async () => (await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(1_000) })).ok,
    }),
    worker: createProgram({
      name: 'worker',
      file: join(sources, 'test/faults/worker.ts'),
      env: { ...shared, PLINTH_ROLE: 'worker', DATABASE_URL: cluster.urlThrough(proxies.worker.port) },
      log: join(folder, 'worker.log'),
    }),
  }
  const system: System = { url, mails, cluster, proxies, programs, close: () => close(system) }
  open.add(system)
  try {
    await Promise.all([programs.web.start(), programs.worker.start()])
    return system
  } catch (error) {
    await system.close()
    throw error
  }
}

async function close(system: System): Promise<void> {
  if (!open.delete(system)) return
  const { programs, proxies, cluster } = system
  await Promise.all([programs.web.kill(), programs.worker.kill()])
  await Promise.all([proxies.web.close(), proxies.worker.close()])
  await cluster.remove()
}

/** As in production, except that nobody is throttled: the clients are few addresses and many calls. */
function environment(folder: string): Record<string, string> {
  return {
    NODE_ENV: 'production',
    HOST: '127.0.0.1',
    PLINTH_SECRET: randomBytes(32).toString('base64'),
    SIGN_IN_LIMIT: 'off',
    CALLS_PER_MINUTE: '1000000',
    ANONYMOUS_CALLS_PER_MINUTE: '1000000',
    POOL_MAX: '12',
    LOG_LEVEL: 'warn',
    // A process that is started dozens of times need not be compiled each time.
    NODE_COMPILE_CACHE: join(folder, 'compiled'),
  }
}
