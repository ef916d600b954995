/** How hard a job is tried, how long it may take, and how long its traces stay. */
import type { QueueOptions } from 'pg-boss'
import type { Job } from '#db'

/** Where a job goes whose last attempt has failed. `redrive` takes it back to the queue it came from. */
export const deadLetterQueue = 'dead_letters'

const hour = 3_600
const day = 24 * hour

export interface Patience {
  /** How often a job is tried before it is given up. */
  readonly attempts: number
  /** The wait before the second attempt: by chance between this and its double, so that a crowd that failed together does not return together. It doubles with each attempt. */
  readonly firstRetrySeconds: number
  readonly longestRetrySeconds: number
  /** How often a process looks for jobs whose worker has vanished. */
  readonly superviseSeconds: number
  /** How often a process looks for jobs by itself: for retries that came due, and when a wake-up got lost. At least 0.5. */
  readonly pollSeconds: number
}

/** Ten attempts in 9 to 17 minutes: longer than a restart of a mail server, short enough that a person hears of it the same day. */
export const patience: Patience = { attempts: 10, firstRetrySeconds: 1, longestRetrySeconds: 600, superviseSeconds: 10, pollSeconds: 2 }

/** A job that takes longer has failed. */
export const longestRunMs = 60_000

/** How many fetch loops a queue has in each process, and how many jobs one takes at a time. */
export const loops = 2
export const fetchSize = 10

export const queueOptions = (job: Job, { attempts, firstRetrySeconds, longestRetrySeconds }: Patience): QueueOptions => ({
  retryLimit: attempts - 1,
  retryDelay: firstRetrySeconds,
  retryBackoff: true,
  retryDelayMax: longestRetrySeconds,
  // The lease: a job whose worker was killed goes without heartbeats and is taken again 10 to 20 seconds later.
  heartbeatSeconds: 10,
  expireInSeconds: 300,
  // A dead letter waits this long for a person. Less than the inbox remembers: redriven, it still has its effect once.
  retentionSeconds: 30 * day,
  // Done is done. A queue that keeps order keeps a given-up job for a day, and with it the later jobs of the same aggregate.
  deleteAfterSeconds: isOrdered(job) ? day : hour,
})

/** Whether the events of one aggregate (their team, else their user) are handled one after the other, in the order of the feed. */
export function isOrdered(job: Job): boolean {
  return job.kind !== 'schedule' && job.order === 'PER_AGGREGATE'
}
