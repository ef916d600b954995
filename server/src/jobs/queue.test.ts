import { fork } from 'node:child_process'
import { once } from 'node:events'
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { connectDatabase, disconnectDatabase, settleErrors } from '#db'
import { effect, type FeedEvent, type Job } from '#db/consumers.ts'
import { listen, notifySoon, stopListening } from '#db/notify.ts'
import { readConfig } from '#lib/config.ts'
import { log } from '#lib/log.ts'
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from '../../test/database.ts'
import { eventually, putEvent } from '../../test/outbox.ts'
import { startDispatcher } from './dispatcher.ts'
import { backlogs } from './figures.ts'
import { openPool, services } from './pool.ts'
import { startQueue, type Queue } from './queue.ts'
import { deadLetterQueue } from './settings.ts'

log.level = 'silent'
const patience = { attempts: 3, firstRetrySeconds: 1, longestRetrySeconds: 1, superviseSeconds: 1, pollSeconds: 0.5 }
let database: TestDatabase
let owner: pg.Pool
const cleanups: (() => Promise<unknown>)[] = []

beforeEach(async () => {
  database = await createTestDatabase()
  owner = new pg.Pool({ connectionString: database.ownerUrl, max: 4 })
  owner.on('error', () => undefined)
  await listen(config())
})

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
  await stopListening()
  await owner.end()
  await database.drop()
})

const environment = (url = database.url) => ({ DATABASE_URL: url, PLINTH_SECRET: 'x'.repeat(32), NODE_ENV: 'test' })
const config = (url?: string) => readConfig(environment(url))

async function work(jobs: Job[], drainMs = 2_000, pollSeconds = patience.pollSeconds): Promise<Queue> {
  const pool = openPool(config(), 4, log)
  const queue = await startQueue({ pool, jobs, log, concurrency: 4, patience: { ...patience, pollSeconds } })
  cleanups.push(() => queue.stop(drainMs).then(() => pool.end()))
  return queue
}

async function dispatch(): Promise<void> {
  const pool = openPool(config(), 2, log)
  const dispatcher = await startDispatcher(pool, services, log)
  cleanups.push(() => dispatcher.stop().then(() => pool.end()))
}

/** Tells a team's event apart by a number that is in no schema. */
const numberOf = (event: FeedEvent) => (event.data as { number?: number }).number

async function put(event: Parameters<typeof putEvent>[1] = {}): Promise<string> {
  const id = await putEvent(owner, event)
  notifySoon('plinth_outbox')
  return id
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

test('an effect gets the event as it was recorded, with its position', async () => {
  const seen: FeedEvent[] = []
  await work([effect({ name: 'teams.test', on: ['teams.team.created'], run: async (event) => seen.push(event) })])
  await dispatch()
  const team = randomUUID()
  const id = await put({ team, data: { number: 7 } })
  await eventually(() => seen.length > 0)
  expect(seen).toEqual([
    {
      id,
      service: 'teams',
      position: 1n,
      name: 'teams.team.created',
      data: { number: 7 },
      actorKind: 'SYSTEM',
      actorId: 'test',
      team,
      user: null,
      requestId: null,
      at: expect.any(Date),
    },
  ])
})

test('an effect does not wait for a poll, which comes every ten seconds here', { retry: 3 }, async () => {
  const arrived = new Map<string, number>()
  await work(
    [effect({ name: 'teams.test', on: ['teams.team.created'], run: async ({ id }) => arrived.set(id, performance.now()) })],
    2_000,
    10,
  )
  await dispatch()
  const latencies: number[] = []
  for (let turn = 0; turn < 5; turn++) {
    const id = await put()
    const sentAt = performance.now()
    latencies.push((await eventually(() => arrived.get(id))) - sentAt)
  }
  expect(latencies.toSorted((a, b) => a - b)[2]).toBeLessThan(500)
})

test('an effect that fails is tried again with the same event id', async () => {
  const ids: string[] = []
  const run = async ({ id }: FeedEvent) => {
    if (ids.push(id) < 3) throw new Error('the mail server is away')
  }
  await work([effect({ name: 'teams.test', on: ['teams.team.created'], run })])
  await dispatch()
  const id = await put()
  await eventually(() => ids.length === 3)
  expect(ids).toEqual([id, id, id])
  await eventually(async () => (await backlogs(owner)).length === 0)
})

test('a poisonous event is given up after its attempts, waits among the dead letters, and the others go on meanwhile', async () => {
  const done: (number | undefined)[] = []
  const attempts: number[] = []
  let poisonous = true
  await connectDatabase(readConfig({ DATABASE_URL: database.url, PLINTH_SECRET: 'x'.repeat(32), NODE_ENV: 'test' }))
  const run = async (event: FeedEvent) => {
    if (poisonous && numberOf(event) === 1) throw new Error(`poison, for the ${attempts.push(1)}. time`)
    done.push(numberOf(event))
  }
  const { boss } = await work([effect({ name: 'teams.test', on: ['teams.team.created'], run })])
  await dispatch()
  for (const number of [0, 1, 2]) await put({ data: { number } })
  await eventually(() => done.length === 2)
  await eventually(async () => (await backlogs(owner)).some(({ dead }) => dead === 1), 15_000)
  expect(attempts).toHaveLength(3)
  expect(await backlogs(owner)).toEqual([{ queue: 'teams.test', waiting: 0, running: 0, dead: 1 }])
  await settleErrors()
  await disconnectDatabase()
  expect((await owner.query('SELECT procedure, message FROM core.error_log')).rows).toEqual([
    { procedure: 'teams.test', message: 'poison, for the 3. time' },
  ])
  poisonous = false
  await boss.redrive(deadLetterQueue)
  await eventually(() => done.includes(1))
})

test('where order is asked for, the events of a team are handled one by one in the order of the feed, by any number of workers', async () => {
  const seen = new Map<string, (number | undefined)[]>()
  const under = new Set<string>()
  const overlaps: string[] = []
  let failures = 0
  const run = async (event: FeedEvent) => {
    const team = event.team ?? ''
    if (under.has(team)) overlaps.push(team)
    under.add(team)
    await pause(Math.random() * 20)
    under.delete(team)
    if (numberOf(event) === 3 && failures++ < 2) throw new Error('not yet')
    seen.set(team, [...(seen.get(team) ?? []), numberOf(event)])
  }
  const ordered = effect({ name: 'teams.test', on: ['teams.team.created'], order: 'PER_AGGREGATE', run })
  await work([ordered])
  await work([ordered])
  await dispatch()
  await dispatch()
  const teams = [randomUUID(), randomUUID(), randomUUID()]
  for (let number = 0; number < 8; number++) for (const team of teams) await put({ team, data: { number } })
  await eventually(() => teams.every((team) => seen.get(team)?.length === 8), 18_000)
  expect(overlaps).toEqual([])
  for (const team of teams) expect(seen.get(team)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
})

test('where order is asked for, an event that was given up holds back its own team and no other', async () => {
  const done: string[] = []
  const [bad, good] = [randomUUID(), randomUUID()]
  const run = async (event: FeedEvent) => {
    if (event.team === bad && numberOf(event) === 0) throw new Error('poison')
    done.push(`${event.team} ${numberOf(event)}`)
  }
  await work([effect({ name: 'teams.test', on: ['teams.team.created'], order: 'PER_AGGREGATE', run })])
  await dispatch()
  for (const number of [0, 1]) for (const team of [bad, good]) await put({ team, data: { number } })
  await eventually(async () => (await backlogs(owner)).some(({ dead }) => dead === 1), 15_000)
  expect(done).toEqual([`${good} 0`, `${good} 1`])
})

test('the job of a worker that was killed with SIGKILL is taken by another when its heartbeat is old', async () => {
  const child = fork(new URL('worker.child.ts', import.meta.url), { env: { ...process.env, ...environment() } })
  await once(child, 'message')
  await dispatch()
  const id = await put()
  await once(child, 'message')
  child.kill('SIGKILL')
  const seen: string[] = []
  await work([effect({ name: 'teams.test', on: ['teams.team.created'], run: async (event) => seen.push(event.id) })])
  await pause(300)
  expect(seen).toEqual([])
  await owner.query(`UPDATE jobs.job SET heartbeat_on = heartbeat_on - interval '1 minute' WHERE state = 'active'`)
  await eventually(() => seen.length > 0)
  expect(seen).toEqual([id])
})

test('a stop lets the job under way finish', async () => {
  const seen: string[] = []
  const run = async (event: FeedEvent) => {
    seen.push('begun')
    await pause(300)
    seen.push(event.id)
  }
  const queue = await work([effect({ name: 'teams.test', on: ['teams.team.created'], run })])
  await dispatch()
  const id = await put()
  await eventually(() => seen.length > 0)
  await queue.stop(2_000)
  expect(seen).toEqual(['begun', id])
  expect(await backlogs(owner)).toEqual([])
})

test('a stop that cannot wait any longer gives the job back, and another worker does it', async () => {
  let begun = 0
  const hang = effect({ name: 'teams.test', on: ['teams.team.created'], run: () => new Promise(() => begun++) })
  const queue = await work([hang])
  await dispatch()
  const id = await put()
  await eventually(() => begun > 0)
  await queue.stop(100)
  const seen: string[] = []
  await work([effect({ name: 'teams.test', on: ['teams.team.created'], run: async (event) => seen.push(event.id) })])
  await eventually(() => seen.length > 0)
  expect(seen).toEqual([id])
})

test('an event that nobody subscribes to any more makes no job, and one that is still queued is done without the handler', async () => {
  const seen: string[] = []
  const before = await work(
    [effect({ name: 'teams.test', on: ['teams.team.created', 'teams.team.deleted'], run: () => new Promise(() => {}) })],
    1,
  )
  await before.stop(1)
  await dispatch()
  await put({ name: 'teams.team.deleted' })
  await eventually(async () => (await backlogs(owner)).some(({ waiting }) => waiting === 1))
  await work([effect({ name: 'teams.test', on: ['teams.team.created'], run: async (event) => seen.push(event.name) })])
  await put({ name: 'teams.team.deleted' })
  await put({ name: 'teams.team.created' })
  await eventually(async () => seen.length > 0 && (await backlogs(owner)).length === 0)
  expect(seen).toEqual(['teams.team.created'])
})

test('a database without the queue is named in one sentence', async () => {
  await using empty = await createEmptyDatabase()
  const pool = openPool({ ...config(empty.url), DATABASE_ROLE: '' }, 1, log)
  await expect(startQueue({ pool, jobs: [], log, concurrency: 1 })).rejects.toThrow('run `pnpm db:deploy`')
  await pool.end()
})
