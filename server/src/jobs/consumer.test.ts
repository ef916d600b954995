import { randomUUID } from 'node:crypto'
import pg from 'pg'
import type { PgBoss } from 'pg-boss'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { consumer, transaction, type FeedEvent, type Tx } from '#db'
import { listen, notifySoon, stopListening } from '#db/notify.ts'
import { readConfig } from '#lib/config.ts'
import { log } from '#lib/log.ts'
import { eventually, putEvent } from '../../test/outbox.ts'
import { ada, openSpine, type Spine } from '../../test/spine.ts'
import { startDispatcher } from './dispatcher.ts'
import { backlogs } from './figures.ts'
import { openPool, services } from './pool.ts'
import { startQueue } from './queue.ts'

log.level = 'silent'
let spine: Spine
let owner: pg.Pool
const cleanups: (() => Promise<unknown>)[] = []

beforeEach(async () => {
  spine = await openSpine()
  owner = new pg.Pool({ connectionString: spine.database.ownerUrl, max: 2 })
  owner.on('error', () => undefined)
  await listen(config())
})

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
  await stopListening()
  await owner.end()
  await spine[Symbol.asyncDispose]()
})

const config = () => readConfig({ DATABASE_URL: spine.database.url, PLINTH_SECRET: 'x'.repeat(32), NODE_ENV: 'test' })

async function work(inTransaction: (tx: Tx<'teams'>, event: FeedEvent<'teams.trial.made'>) => Promise<unknown>): Promise<PgBoss> {
  const pool = openPool(config(), 4, log)
  const patience = { attempts: 6, firstRetrySeconds: 1, longestRetrySeconds: 1, superviseSeconds: 1, pollSeconds: 0.5 }
  const jobs = [consumer({ name: 'teams.test', on: ['teams.trial.made'], inTransaction })]
  const queue = await startQueue({ pool, jobs, log, concurrency: 3, patience })
  cleanups.push(() => queue.stop(2_000).then(() => pool.end()))
  return queue.boss
}

async function dispatch(): Promise<void> {
  const pool = openPool(config(), 2, log)
  const dispatcher = await startDispatcher(pool, services, log)
  cleanups.push(() => dispatcher.stop().then(() => pool.end()))
}

const slugs = async () => (await spine.ask<{ slug: string }>('SELECT slug FROM teams.teams ORDER BY slug')).map(({ slug }) => slug)
const idle = () => eventually(async () => (await spine.count('core.outbox')) === 0 && (await backlogs(owner)).length === 0)

test('a mutation, its event and the effect of a consumer: each is there once', async () => {
  await work((tx, { id }) => tx.team.create({ data: { name: 'made after the fact', slug: `after-${id}` } }))
  await dispatch()
  await transaction('teams', ada, async (tx) => tx.record('teams.trial.made', {}, { step: 'one' }))
  await eventually(async () => (await slugs()).length === 1)
  const [event] = await spine.ask<{ event_id: string; position: string }>('SELECT event_id, position FROM core.feed')
  expect(event?.position).toBe('1')
  expect(await slugs()).toEqual([`after-${event?.event_id}`])
  expect(await spine.ask('SELECT service, consumer, event_id FROM core.inbox')).toEqual([
    { service: 'teams', consumer: 'teams.test', event_id: event?.event_id },
  ])
})

test('an event that is delivered many times, to several workers at once, has its effect once', async () => {
  let deliveries = 0
  const effect = async (tx: Tx<'teams'>, { id }: FeedEvent) => {
    deliveries++
    await tx.team.create({ data: { name: 'once', slug: `${id}-${deliveries}` } })
  }
  const boss = await work(effect)
  await work(effect)
  await dispatch()
  const ids = [randomUUID(), randomUUID(), randomUUID()]
  for (const id of ids) await putEvent(owner, { id, name: 'teams.trial.made', data: { step: 'one' } })
  notifySoon('plinth_outbox')
  await idle()
  const { rows } = await owner.query<{ data: object }>('SELECT data FROM jobs.job')
  for (let again = 0; again < 5; again++)
    await boss.insert(
      'teams.test',
      rows.map(({ data }) => ({ data })),
    )
  await idle()
  expect((await slugs()).map((slug) => slug.slice(0, 36))).toEqual(ids.toSorted())
  expect(await spine.count('core.inbox')).toBe(3)
})

test('a consumer that fails after it wrote leaves nothing of the failed attempts', async () => {
  let attempts = 0
  await work(async (tx, { id }) => {
    await tx.team.create({ data: { name: 'in the end', slug: id } })
    if (++attempts < 3) throw new Error('not yet')
  })
  await dispatch()
  const id = await putEvent(owner, { name: 'teams.trial.made', data: { step: 'one' } })
  notifySoon('plinth_outbox')
  await idle()
  expect(attempts).toBe(3)
  expect(await slugs()).toEqual([id])
})
