/**
 * How many mutations a second commit with and without the dispatcher, and how long it takes from a commit to its effect and to a
 * live listener, at a steady pace. One process, one queue.
 *
 * `DATABASE_URL=... BENCH_SECONDS=5 node bench/dispatcher.ts`, on a deployed database that may be written to.
 */
import { randomUUID } from 'node:crypto'
import { type Job, watchFeed } from '../server/src/db/index.ts'
import { notifySoon, stopListening } from '../server/src/db/notify.ts'
import { jobFigures, startJobs, stopJobs } from '../server/src/jobs/index.ts'
import { openPool } from '../server/src/jobs/pool.ts'
import { readConfig } from '../server/src/lib/config.ts'
import { quantile } from './statistics.ts'

const url = process.env['DATABASE_URL']
if (!url) throw new Error('Name the database: DATABASE_URL=postgresql://... node bench/dispatcher.ts')
const seconds = Number(process.env['BENCH_SECONDS'] ?? 5)
const [writers, pace] = [16, 200]
const config = readConfig({ DATABASE_URL: url, PLINTH_SECRET: 'x'.repeat(32), NODE_ENV: 'test' })
const quiet = { info() {}, warn: console.warn, error: console.error }
const pool = openPool(config, writers, quiet as never)

const effects: number[] = []
const seen: number[] = []
const sentAt = new Map<string, number>()
const record = { kind: 'effect', service: 'teams', name: 'teams.bench', on: ['teams.bench.written'], run: async ({ id }) => void effects.push(age(id)) } satisfies Job

const without = await flatOut(seconds)
await startJobs({ config, jobs: [record] })
await drained()
const end = new AbortController()
void follow(end.signal)
const beside = await flatOut(seconds)
const backlog = performance.now()
await drained()
const drainMs = Math.round(performance.now() - backlog)
effects.length = seen.length = 0
await paced(seconds, pace)
await drained()
const figures = { without, with: beside, drainMs, pace, effect: quantiles(effects), listener: quantiles(seen) }
if (process.send) process.send(figures)
else console.log(figures)
end.abort()
await stopJobs()
await stopListening()
await pool.end()

/** A mutation's tail: its activity and outbox rows in one statement, the commit, the notification. */
async function mutate(): Promise<void> {
  const id = randomUUID()
  await pool.query(
    `WITH event AS (SELECT $1::uuid AS id, core.clock() AS at),
     activity AS (
       INSERT INTO core.activity (service, id, created_at, event, actor_kind, data)
       SELECT 'teams', id, at, 'teams.bench.written', 'SYSTEM', '{"from":"MEMBER","to":"ADMIN"}' FROM event
     )
     INSERT INTO core.outbox (service, event_id, event, actor_kind, data, created_at)
     SELECT 'teams', id, 'teams.bench.written', 'SYSTEM', '{"from":"MEMBER","to":"ADMIN"}', at FROM event`,
    [id],
  )
  sentAt.set(id, performance.now())
  notifySoon('plinth_outbox', 'teams')
}

async function flatOut(forSeconds: number): Promise<number> {
  const until = performance.now() + forSeconds * 1000
  let count = 0
  const write = async () => {
    for (; performance.now() < until; count++) await mutate()
  }
  await Promise.all(Array.from({ length: writers }, write))
  return Math.round(count / forSeconds)
}

async function paced(forSeconds: number, perSecond: number): Promise<void> {
  const start = performance.now()
  const writes: Promise<void>[] = []
  while (writes.length < forSeconds * perSecond) {
    const due = Math.floor(((performance.now() - start) / 1000) * perSecond)
    while (writes.length < due) writes.push(mutate())
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  await Promise.all(writes)
}

async function drained(): Promise<void> {
  for (;;) {
    const { outbox, queues } = await jobFigures()
    if (outbox.every(({ waiting }) => waiting === 0) && queues.every(({ waiting, running }) => waiting + running === 0)) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function follow(signal: AbortSignal): Promise<void> {
  for await (const { id } of watchFeed('teams', { signal })) seen.push(age(id))
}

function age(id: string): number {
  return performance.now() - (sentAt.get(id) ?? performance.now())
}

function quantiles(values: number[]): Record<string, number> {
  return { count: values.length, p50: quantile(values, 0.5), p99: quantile(values, 0.99), max: quantile(values, 1) }
}
