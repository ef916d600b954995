/** The process: reads its configuration, starts, and stops when it is told to. */
import cluster from 'node:cluster'
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'
import { SetupError } from '#db/setup-error.ts'
import { ConfigError, readConfig, type Config } from '#lib/config.ts'
import { log } from '#lib/log.ts'
import { joinSiblings, type Channel } from '#lib/siblings.ts'
import type { Plinth } from './start.ts'

process.on('uncaughtException', die)
// A quarter of a start's CPU is compiling. Not in the machine's temporary folder: who may write what is compiled there may run what they like.
enableCompileCache(join(import.meta.dirname, '../../.plinth/compile-cache'))

const channel: Channel = {
  send: (message) => void process.send?.(message, undefined, undefined, () => undefined),
  onMessage: (hear) => void process.on('message', hear),
}

try {
  const config = readConfig(process.env)
  if (config.PLINTH_PROCESSES > 1 && cluster.isPrimary) await (await import('./primary.ts')).runProcesses(config)
  else await run(config)
} catch (error) {
  if (!(error instanceof ConfigError || error instanceof SetupError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exit(1)
}

async function run(config: Config): Promise<void> {
  const beside = cluster.isPrimary ? undefined : joinSiblings(channel, { count: config.PLINTH_PROCESSES, number: numberOf(process.env) })
  // Loaded only now, so that a wrong variable is told at once.
  const { start } = await import('./start.ts')
  const plinth = await start(config)
  const { url } = plinth
  if (beside) beside.tell('ready', { url })
  else log.info({ role: config.PLINTH_ROLE, url }, url ? 'Plinth listens.' : 'Plinth works.')
  stopOnSignal(plinth, config, beside?.told)
}

/** Set by the primary (primary.ts), and by nobody else. */
function numberOf({ PLINTH_PROCESS }: NodeJS.ProcessEnv): number {
  return Number(PLINTH_PROCESS)
}

/** What nobody caught, a rejection too, leaves its trace in the log before the process ends. */
function die(error: unknown): never {
  log.fatal({ error }, 'Plinth ends by a fault of its own.')
  process.exit(1)
}

/** A second signal, or a drain that does not end, ends the process at once. */
function stopOnSignal(plinth: Plinth, { DRAIN_MS }: Config, told: Promise<void> | undefined): void {
  let stopping: 'NOT' | 'BY_SIGNAL' | 'TOLD' = 'NOT'
  const stop = async (by: 'BY_SIGNAL' | 'TOLD'): Promise<void> => {
    if (stopping === by) process.exit(1)
    if (stopping !== 'NOT') return
    stopping = by
    log.info('Plinth stops: no new requests, the accepted ones are finished.')
    setTimeout(() => process.exit(1), DRAIN_MS + 5_000).unref()
    await plinth.stop()
    process.exit(0)
  }
  process.on('SIGTERM', () => void stop('BY_SIGNAL'))
  process.on('SIGINT', () => void stop('BY_SIGNAL'))
  // A signal of the terminal reaches this process and the primary alike: that it is told, too, is no second signal.
  void told?.then(() => stop('TOLD'))
}
