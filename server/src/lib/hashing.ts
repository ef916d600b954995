/** The threads that hash, and the line before them. */
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { AppError } from './errors.ts'
import type { HashingAnswer, HashingTask } from './hashing-thread.ts'
import { openLine } from './line.ts'
import { reading } from './metrics.ts'
import { siblings } from './siblings.ts'

/** One core is left to the event loop and to PostgreSQL: with a hash on each, nobody else comes through. Several processes share the cores. */
export const hashesAtOnce = Math.max(1, Math.floor(Math.min(availableParallelism() - 1, 3) / (siblings()?.count ?? 1)))
const assumedMs = 60

const limits = {
  atOnce: hashesAtOnce,
  longest: 64 * hashesAtOnce,
  full(waiting: number) {
    const retryAfterSeconds = Math.ceil((waiting * assumedMs) / hashesAtOnce / 1000)
    return new AppError('UNAVAILABLE', 'Too many people are signing in just now: try again shortly.', { retryAfterSeconds })
  },
}

const line = openLine(limits)

/**
 * Another line, of the same length, for what hashes and then has as much to do again: a crowd whose next hash begins while the last is still
 * being acted on leaves the event loop to nobody else (decision 029). What runs in it takes its place in the line of hashes as well. Whoever
 * waits for a lock of the database keeps the others waiting for a tenth of a second at most.
 *
 * @throws UNAVAILABLE with retryAfterSeconds when too many already wait.
 */
export const wholeTurns = openLine({ ...limits, turnMs: 100 })

reading(
  'plinth_password_hashes',
  'Password hashes under way, and those that wait in line: sign-ins with what comes after theirs.',
  () => [
    [['running'], line.running],
    [['waiting'], line.waiting + wholeTurns.waiting],
  ],
  { labels: ['state'] },
)

/**
 * Does a task in its turn, on a thread beside the event loop's.
 *
 * @throws UNAVAILABLE with retryAfterSeconds when too many already wait.
 */
export async function hashInLine(task: HashingTask): Promise<string | boolean> {
  return line(() => onThread(task))
}

const program = new URL('./hashing-thread.ts', import.meta.url)
const idle: Worker[] = []

/** A thread that breaks is not used again; while it has nothing to do it keeps no process alive. */
async function onThread(task: HashingTask): Promise<string | boolean> {
  // Flags of this process (a profiler, --eval) are none of the thread's.
  const thread = idle.pop() ?? new Worker(program, { execArgv: [] })
  thread.ref()
  try {
    thread.postMessage(task, [])
    const [answer] = (await once(thread, 'message')) as [HashingAnswer]
    idle.push(thread)
    if ('error' in answer) throw answer.error
    return answer.value
  } finally {
    thread.unref()
  }
}
