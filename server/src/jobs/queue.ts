/** The queue: every consumer, effect and schedule has one of its own in pg-boss, so that none waits for another's failures. */
import type pg from 'pg'
import { PgBoss, type Job as QueuedJob, type JobResult } from 'pg-boss'
import { keepError, type Job } from '#db'
import { onHearing, onNotification } from '#db/notify.ts'
import { SetupError } from '#db/setup-error.ts'
import type { Log } from './pool.ts'
import { limiter, run, type Delivery, type JobData } from './run.ts'
import { queueSchema } from './schema.ts'
import { deadLetterQueue, fetchSize, isOrdered, loops, patience, queueOptions, type Patience } from './settings.ts'

export interface Queue {
  readonly boss: PgBoss
  /** Takes no more jobs and waits up to `drainMs` for those that run; the rest goes back, for another process to take. */
  stop(drainMs: number): Promise<void>
}

export interface QueueInput {
  readonly pool: pg.Pool
  readonly jobs: readonly Job[]
  readonly log: Log
  /** How many handlers run at once in this process. */
  readonly concurrency: number
  readonly patience?: Patience
}

/** Opens the queue, brings its queues and subscriptions in line with `jobs`, and starts to work. Throws where the deploy is missing. */
export async function startQueue(input: QueueInput): Promise<Queue> {
  const { pool, jobs, log, patience: tried = patience } = input
  const boss = new PgBoss({
    db: { executeSql: (text, values) => pool.query(text, values) },
    schema: queueSchema,
    migrate: false,
    createSchema: false,
    schedule: false,
    // The application's role owns nothing; autovacuum and the owner's REINDEX do their work.
    reindex: false,
    superviseIntervalSeconds: tried.superviseSeconds,
    monitorIntervalSeconds: tried.superviseSeconds,
    maintenanceIntervalSeconds: 300,
  })
  boss.on('error', (fault) => log.warn({ error: asError(fault) }, 'The queue met a fault; it goes on.'))
  boss.on('warning', (warning) => log.warn({ warning }, 'The queue warns.'))
  await boss.start().catch(explain)
  await createQueues(boss, input)
  await subscribeAll(pool, jobs)
  const workers = await startWorkers(boss, input)
  return { boss, stop: (drainMs) => stop(boss, workers, drainMs) }
}

function explain(error: unknown): never {
  // pg-boss has no code for it, and says so in these words.
  const undeployed = error instanceof Error && /not installed|requires migrations/.test(error.message)
  throw undeployed ? new SetupError('The tables of the queue are missing or of another version: run `pnpm db:deploy`.') : error
}

/** pg-boss hands on copies of errors that are no Errors any more, and of those the log keeps nothing. */
function asError(fault: { readonly message: string }): Error {
  return fault instanceof Error ? fault : Object.assign(new Error(fault.message), fault)
}

async function createQueues(boss: PgBoss, { jobs, patience: tried = patience }: QueueInput): Promise<void> {
  await boss.createQueue(deadLetterQueue)
  for (const job of jobs) {
    const options = { ...queueOptions(job, tried), deadLetter: deadLetterQueue }
    await boss.createQueue(job.name, { ...options, policy: isOrdered(job) ? 'key_strict_fifo' : 'standard' })
    await boss.updateQueue(job.name, options)
  }
}

/**
 * Subscriptions stand in the database, for every process's dispatcher to see: while two versions run side by side, the old one's
 * dispatcher already queues for the new one's consumers.
 */
async function subscribeAll(pool: pg.Pool, jobs: readonly Job[]): Promise<void> {
  const wanted = jobs.flatMap((job) => (job.kind === 'schedule' ? [] : job.on.map((event) => ({ event, name: job.name }))))
  await pool.query(
    `WITH wanted AS (SELECT * FROM unnest($1::text[], $2::text[]) AS wanted (event, name)),
     gone AS (
       DELETE FROM ${queueSchema}.subscription
       WHERE name = ANY ($3) AND NOT EXISTS (SELECT FROM wanted WHERE wanted.event = subscription.event AND wanted.name = subscription.name)
     )
     INSERT INTO ${queueSchema}.subscription (event, name) SELECT event, name FROM wanted ON CONFLICT DO NOTHING`,
    [wanted.map(({ event }) => event), wanted.map(({ name }) => name), jobs.map(({ name }) => name)],
  )
}

interface Workers {
  /** The ids of each queue's loops. */
  readonly byQueue: ReadonlyMap<string, readonly string[]>
  readonly unsubscribe: readonly (() => void)[]
}

/** pg-boss polls at best twice a second; the dispatcher's notification wakes the loops of exactly the queues that got something. */
async function startWorkers(boss: PgBoss, input: QueueInput): Promise<Workers> {
  const limited = limiter(input.concurrency)
  const byQueue = new Map<string, readonly string[]>()
  for (const job of input.jobs)
    byQueue.set(job.name, await Promise.all(Array.from({ length: loops }, () => startLoop(boss, job, limited, input))))
  const wake = (queue: string) => byQueue.get(queue)?.forEach((id) => boss.notifyWorker(id))
  const unsubscribe = [onNotification('plinth_jobs', wake), onHearing(() => [...byQueue.keys()].forEach(wake))]
  return { byQueue, unsubscribe }
}

/** A loop that found something looks again at once: the next of an ordered aggregate becomes free only when its predecessor is done. */
async function startLoop(boss: PgBoss, job: Job, limited: ReturnType<typeof limiter>, input: QueueInput): Promise<string> {
  const { pollSeconds } = input.patience ?? patience
  const options = { batchSize: fetchSize, pollingIntervalSeconds: pollSeconds, perJobResults: true } as const
  const loop = await boss.work<JobData, unknown, typeof options>(job.name, options, async (batch) => {
    const results = await Promise.all(batch.map((queued) => limited(() => attempt(job, queued, input))))
    boss.notifyWorker(loop)
    return results
  })
  return loop
}

async function attempt(job: Job, queued: QueuedJob<JobData>, { log, patience: tried = patience }: QueueInput): Promise<JobResult> {
  try {
    await run(job, queued.data)
    return { id: queued.id, status: 'completed' }
  } catch (error) {
    const attemptNumber = queued.retryCount + 1
    const details = { error, job: job.name, event: queued.data['id'], attempt: attemptNumber }
    if (attemptNumber >= tried.attempts) {
      log.error(details, 'A job failed for the last time; it waits among the dead letters.')
      keepError(error, { procedure: job.name, requestId: (queued.data as Partial<Delivery>).requestId ?? null })
    } else log.warn(details, 'A job failed; it is tried again.')
    return { id: queued.id, status: 'failed', output: { message: error instanceof Error ? error.message.slice(0, 500) : 'unknown' } }
  }
}

async function stop(boss: PgBoss, { byQueue, unsubscribe }: Workers, drainMs: number): Promise<void> {
  unsubscribe.forEach((end) => end())
  const finished = Promise.all([...byQueue.keys()].map((queue) => boss.offWork(queue, { wait: true })))
  let timer: NodeJS.Timeout | undefined
  await Promise.race([finished, new Promise((resolve) => (timer = setTimeout(resolve, drainMs)))])
  clearTimeout(timer)
  // Fails what still runs, so that it is tried again elsewhere, and ends the timers.
  await boss.stop({ graceful: false, close: false })
}
