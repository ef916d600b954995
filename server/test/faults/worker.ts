/** The worker of a campaign: the worker as it is, with one more consumer in each service that leaves a row for every effect it has. */
import { flushCompileCache } from 'node:module'
import { connectDatabase, consumer, type FeedEvent, type Job } from '#db'
import { currentScope } from '#db/unit.ts'
import { readConfig } from '#lib/config.ts'
import { useMail } from '#lib/mail.ts'
import { useSecret } from '#lib/secrets.ts'
import { startJobs } from '../../src/jobs/index.ts'
import { patience } from '../../src/jobs/settings.ts'
import { personalData } from '../../src/personal-data.ts'
import { jobs as auth, usePersonalData } from '../../src/services/auth/index.ts'
import { jobs as teams } from '../../src/services/teams/index.ts'
import { effectful } from './subscribers.ts'
import { effectsTable } from './snapshot.ts'

process.on('disconnect', () => process.exit(0))

const config = readConfig(process.env)
useSecret(config.PLINTH_SECRET)
useMail(config)
usePersonalData(personalData)
await connectDatabase(config)
// A campaign is hundreds of outages in minutes: a job that meets seven of them would wait for longer than the whole campaign lasts.
const tireless = { ...patience, attempts: 100, longestRetrySeconds: 4 }
await startJobs({ config, jobs: [...auth, ...teams, ...effectful.map(asConsumer)], patience: tireless })
process.send?.('ready')
flushCompileCache()

function asConsumer({ name, on }: (typeof effectful)[number]): Job {
  return consumer({ name, on: [...on], inTransaction: (_, event) => leaveEffect(name, event) })
}

/** On the connection of the transaction itself: the effect is committed with the inbox row, or not at all. */
async function leaveEffect(name: string, event: FeedEvent): Promise<void> {
  const unit = currentScope()?.unit
  if (!unit?.connection) throw new Error('A consumer runs in a transaction')
  await unit.connection.run(unit, `INSERT INTO ${effectsTable} (consumer, event_id) VALUES ($1, $2)`, [name, event.id])
}
