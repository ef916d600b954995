/** A process that dispatches until it is killed: for the tests that kill it. */
import { listen } from '#db/notify.ts'
import { readConfig } from '#lib/config.ts'
import { log } from '#lib/log.ts'
import { startDispatcher } from './dispatcher.ts'
import { openPool, services } from './pool.ts'

const config = readConfig(process.env)
log.level = 'silent'
await listen(config)
await startDispatcher(openPool(config, 2, log), services, log)
process.send?.('ready')
