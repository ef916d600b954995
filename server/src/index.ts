/** The process: reads its configuration, starts, and stops when it is told to. */
import { SetupError } from '#db/setup-error.ts'
import { ConfigError, readConfig, type Config } from '#lib/config.ts'
import { log } from '#lib/log.ts'
import type { Plinth } from './start.ts'

process.on('uncaughtException', die)

try {
  const config = readConfig(process.env)
  // Loaded only now, so that a wrong variable is told at once.
  const { start } = await import('./start.ts')
  const plinth = await start(config)
  log.info({ role: config.PLINTH_ROLE, url: plinth.url }, plinth.url ? 'Plinth listens.' : 'Plinth works.')
  stopOnSignal(plinth, config)
} catch (error) {
  if (!(error instanceof ConfigError || error instanceof SetupError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exit(1)
}

/** What nobody caught, a rejection too, leaves its trace in the log before the process ends. */
function die(error: unknown): never {
  log.fatal({ error }, 'Plinth ends by a fault of its own.')
  process.exit(1)
}

/** A second signal, or a drain that does not end, ends the process at once. */
function stopOnSignal(plinth: Plinth, { DRAIN_MS }: Config): void {
  let stopping = false
  const stop = async (): Promise<void> => {
    if (stopping) process.exit(1)
    stopping = true
    log.info('Plinth stops: no new requests, the accepted ones are finished.')
    setTimeout(() => process.exit(1), DRAIN_MS + 5_000).unref()
    await plinth.stop()
    process.exit(0)
  }
  process.on('SIGTERM', () => void stop())
  process.on('SIGINT', () => void stop())
}
