import pg from 'pg'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { effect } from '#db/consumers.ts'
import { stopListening } from '#db/notify.ts'
import { readConfig } from '#lib/config.ts'
import { log } from '#lib/log.ts'
import { createEmptyDatabase } from '../../test/database.ts'
import { eventually, putEvent } from '../../test/outbox.ts'
import { openSpine, type Spine } from '../../test/spine.ts'
import { watchFeed } from '#db'
import { jobFigures, startJobs, stopJobs } from './index.ts'

log.level = 'silent'
let spine: Spine
let owner: pg.Pool

beforeAll(async () => {
  spine = await openSpine()
  owner = new pg.Pool({ connectionString: spine.database.ownerUrl, max: 1 })
  owner.on('error', () => undefined)
})

afterEach(async () => {
  await stopJobs()
  await stopListening()
  await owner.query('TRUNCATE core.outbox, core.feed')
})

afterAll(async () => {
  await owner.end()
  await spine[Symbol.asyncDispose]()
})

const config = (PLINTH_ROLE: string, url = spine.database.url) =>
  readConfig({ DATABASE_URL: url, PLINTH_SECRET: 'x'.repeat(32), NODE_ENV: 'test', PLINTH_ROLE })
const seen: string[] = []
const jobs = [effect({ name: 'teams.test', on: ['teams.trial.made'], run: async ({ id }) => seen.push(id) })]
const put = () => putEvent(owner, { name: 'teams.trial.made', data: { step: 'one' } })

const pause = (ms: number) => new Promise<undefined>((resolve) => setTimeout(resolve, ms))

async function firstEvent(): Promise<string | undefined> {
  for await (const { id } of watchFeed('teams', { signal: AbortSignal.timeout(10_000) })) return id
  return undefined
}

test('a process that does all dispatches, works and serves subscriptions', async () => {
  await startJobs({ config: config('all'), jobs })
  const live = firstEvent()
  const ids: string[] = []
  await eventually(async () =>
    Promise.race([
      live,
      put()
        .then((id) => ids.push(id))
        .then(() => pause(50)),
    ]),
  )
  expect(ids).toContain(await live)
  await eventually(() => ids.every((id) => seen.includes(id)))
})

test('a web process dispatches nothing', async () => {
  await startJobs({ config: config('web'), jobs })
  await put()
  await pause(1_200)
  expect((await jobFigures()).outbox.find(({ service }) => service === 'teams')).toMatchObject({ waiting: 1, oldestMs: expect.any(Number) })
})

test('a worker serves no subscriptions', async () => {
  await startJobs({ config: config('worker'), jobs })
  await expect(firstEvent()).rejects.toThrow('startTail()')
  const id = await put()
  await eventually(() => seen.includes(id))
})

test('what waits is told by age, and is nothing when all is done', async () => {
  await put()
  await pause(100)
  await startJobs({ config: config('web'), jobs })
  const before = (await jobFigures()).outbox.find(({ service }) => service === 'teams')
  expect(before?.oldestMs).toBeGreaterThanOrEqual(100)
  await stopJobs()
  await startJobs({ config: config('all'), jobs })
  await eventually(async () => (await jobFigures()).outbox.every(({ waiting, oldestMs }) => waiting === 0 && oldestMs === 0))
})

test('a start that fails leaves nothing running, and the next one succeeds', async () => {
  await using empty = await createEmptyDatabase()
  await expect(startJobs({ config: { ...config('all', empty.url), DATABASE_ROLE: '' }, jobs })).rejects.toThrow('db:deploy')
  await stopListening()
  await startJobs({ config: config('all'), jobs })
  await expect(startJobs({ config: config('all'), jobs })).rejects.toThrow('run already')
})
