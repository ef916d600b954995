/** A process that takes a job and never ends it: for the test that kills it. */
import { effect } from '#db/consumers.ts'
import { listen } from '#db/notify.ts'
import { readConfig } from '#lib/config.ts'
import { log } from '#lib/log.ts'
import { openPool } from './pool.ts'
import { startQueue } from './queue.ts'

const config = readConfig(process.env)
log.level = 'silent'
const hang = effect({ name: 'teams.test', on: ['teams.team.created'], run: () => new Promise(() => process.send?.('took')) })
await listen(config)
await startQueue({ pool: openPool(config, 2, log), jobs: [hang], log, concurrency: 2 })
process.send?.('ready')
