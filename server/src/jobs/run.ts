/** One delivery of one job: what the queue holds becomes an event, and the handler gets it. */
import { runConsumer, type FeedEvent, type Job } from '#db/consumers.ts'
import { counter, histogram } from '#lib/metrics.ts'
import { longestRunMs } from './settings.ts'

const runs = counter('plinth_job_runs_total', 'Attempts at jobs, by how they ended: done or failed.', ['queue', 'outcome'])
const durations = histogram('plinth_job_duration_seconds', 'How long an attempt at a job took.', { labels: ['queue'] })

/** An event as the dispatcher writes it into a job: JSON. */
export type Delivery = Omit<FeedEvent, 'position' | 'at'> & { position: string; at: string }

/** A job of the clock carries nothing. */
export type JobData = Delivery | Record<string, never>

/** Runs the handler. A throw, or more than a minute, is a failed attempt. An event that the job no longer subscribes to is done. */
export async function run(job: Job, data: JobData): Promise<void> {
  const begun = performance.now()
  let outcome = 'failed'
  try {
    await withinTime(handle(job, data), longestRunMs)
    outcome = 'done'
  } finally {
    durations(performance.now() - begun, [job.name])
    runs([job.name, outcome])
  }
}

async function handle(job: Job, data: JobData): Promise<unknown> {
  if (job.kind === 'schedule') return job.run()
  const event = eventOf(data as Delivery)
  if (!job.on.includes(event.name)) return undefined
  return job.kind === 'consumer' ? runConsumer(job, event) : job.run(event)
}

function eventOf(delivery: Delivery): FeedEvent {
  // The spread of a union is no longer one: name and data are still those of one event.
  return { ...delivery, position: BigInt(delivery.position), at: new Date(delivery.at) } as FeedEvent
}

async function withinTime(work: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`The job took longer than ${ms / 1000} seconds`)), ms)
  })
  try {
    await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Lets at most `max` functions run at once; the others wait in the order they came. Keeps the jobs from taking every connection. */
export function limiter(max: number): <T>(fn: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = []
  let free = max
  return async (fn) => {
    if (free > 0) free--
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await fn()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else free++
    }
  }
}
