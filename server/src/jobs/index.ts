/** The part of the process that works after the fact: the dispatcher, the queue, the schedules, and the tail of live subscriptions. */
import type pg from 'pg'
import type { Config } from '#lib/config.ts'
import { log as processLog } from '#lib/log.ts'
import type { Job } from '#db'
import { poolMax } from '#db/client.ts'
import { showPool } from '#db/pool-figures.ts'
import { startTail, stopTail } from '#db/feed-watch.ts'
import { listen } from '#db/notify.ts'
import { startDispatcher, type Dispatcher } from './dispatcher.ts'
import { backlogs, outboxLag, showJobFigures, type Backlog, type OutboxLag } from './figures.ts'
import { openPool, services, type Log, type PoolConfig } from './pool.ts'
import { startQueue, type Queue } from './queue.ts'
import { startScheduler, type Scheduler } from './scheduler.ts'
import { houseSchedules, type HouseSchedule } from './schedules.ts'
import type { Patience } from './settings.ts'

/** Dispatcher, queue and tail share these connections, beside the pool of POOL_MAX and the two of notifications. */
const poolSize = 4

export interface JobsInput {
  readonly config: PoolConfig & Pick<Config, 'PLINTH_ROLE' | 'POOL_MAX' | 'DRAIN_MS' | 'NODE_ENV'>
  readonly jobs: readonly Job[]
  readonly log?: Log
  /** How hard jobs are tried; tests shorten it. */
  readonly patience?: Patience
}

interface Running {
  readonly pool: pg.Pool
  readonly drainMs: number
  readonly worker?: { readonly dispatcher: Dispatcher; readonly queue: Queue; readonly scheduler: Scheduler }
}

let running: Running | undefined
showJobFigures(() => running?.worker && running.pool)
showPool('jobs', () => running?.pool)

/**
 * Starts what this process's role asks for: `worker` and `all` dispatch and work, `web` and `all` serve subscriptions.
 * Listens for notifications (db/notify.ts), if the process does not yet. Throws where the queue's schema was not deployed.
 */
export async function startJobs({ config, jobs, log = processLog, patience }: JobsInput): Promise<void> {
  if (running) throw new Error('The jobs run already')
  const pool = openPool(config, poolSize, log)
  running = { pool, drainMs: config.DRAIN_MS }
  try {
    await listen(config)
    if (config.PLINTH_ROLE !== 'worker') startTail(pool, log)
    if (config.PLINTH_ROLE === 'web') return
    const concurrency = Math.max(2, Math.floor(poolMax(config) / 2))
    running = { ...running, worker: await startWorker({ pool, jobs, log, concurrency, ...(patience && { patience }) }) }
  } catch (error) {
    await stopJobs()
    throw error
  }
}

/** Stops: subscriptions end, jobs under way finish within DRAIN_MS, the others go back to the queue. Leaves the listening to its owner. */
export async function stopJobs(): Promise<void> {
  const stopped = running
  running = undefined
  if (!stopped) return
  stopTail()
  if (stopped.worker) {
    const { dispatcher, queue, scheduler } = stopped.worker
    await Promise.all([dispatcher.stop(), scheduler.stop(), queue.stop(stopped.drainMs)])
  }
  await stopped.pool.end()
}

/** Gives how far events are behind, and what waits in the queues: for health checks and metrics. Throws where the jobs do not run. */
export async function jobFigures(): Promise<{ outbox: OutboxLag[]; queues: Backlog[] }> {
  if (!running) throw new Error('The jobs do not run')
  const { pool } = running
  return { outbox: await outboxLag(pool), queues: await backlogs(pool) }
}

async function startWorker(input: { pool: pg.Pool; jobs: readonly Job[]; log: Log; concurrency: number; patience?: Patience }) {
  const { pool, log } = input
  const house = houseSchedules(pool)
  const queue = await startQueue({ ...input, jobs: [...input.jobs, ...house.map(asJob)] })
  const dispatcher = await startDispatcher(pool, services, log).catch(async (error: unknown) => {
    await queue.stop(0)
    throw error
  })
  const clockworks = [...house, ...input.jobs.filter((job) => job.kind === 'schedule')]
  return { queue, dispatcher, scheduler: startScheduler(queue.boss, pool, clockworks, log) }
}

/** The house is no service; its schedules run like those of one. */
function asJob(schedule: HouseSchedule): Job {
  return { kind: 'schedule', service: 'core' as never, name: schedule.name, cron: schedule.cron, run: schedule.run }
}
