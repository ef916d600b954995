/** When a transaction is run again, and what the caller is told when it is not. */
import { performance } from 'node:perf_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import { AppError, isAppError } from '#lib/errors.ts'
import { apart } from './apart.ts'
import { type Attempt, attempt, type Ending, type Task } from './attempt.ts'
import { database } from './client.ts'
import { asAppError, type Failure, failureOf } from './errors.ts'
import { decodeResult } from './idempotency.ts'
import type { EventRecord } from './record.ts'
import type { Scope } from './unit.ts'

const mostAttempts = 5

/** What a further attempt can mend, and the pause before it: others let go within milliseconds, a database comes back in hundreds. */
const pauseMs: Partial<Record<Failure, number>> = { COLLISION: 5, LOCKED: 5, STALE_PLAN: 0, UNREACHABLE: 100, LOST: 100 }

type Answer<T> = Extract<Ending<T>, { kind: 'ANSWER' }>

/**
 * Runs a task until it is done, refused, or not to be mended: up to five attempts, none begun after the time limit of a transaction.
 * A lost COMMIT is tried again only under a key: its claim waits for the one that may still be under way, and then finds either the
 * result or a free place.
 */
export async function untilDone<T>(task: Task<T>): Promise<T> {
  const latest = performance.now() + database().limits.timeout
  const unknown: Answer<T>[] = []
  for (let count = 1; ; count++) {
    const made = await attempt(task)
    if (made.state === 'COMMITTED') return answerTo(made.ending, unknown)
    if (made.state === 'UNKNOWN') {
      // A refusal stands, and so does what the key kept, whatever became of the commit.
      if (made.ending.kind !== 'ANSWER') return answerTo(made.ending, unknown)
      if (!task.claim) throw unknownOutcome(made.error)
      unknown.push(made.ending)
    } else if (made.unit.claimed) unknown.length = 0
    const wait = made.state === 'UNKNOWN' ? pauseMs.LOST : mendable(made)
    if (wait === undefined || count === mostAttempts || performance.now() > latest) return giveUp(made, task, unknown)
    await pause(wait * 2 ** (count - 1) * (0.5 + Math.random()))
  }
}

function answerTo<T>(ending: Ending<T>, unknown: readonly Answer<T>[]): T {
  if (ending.kind === 'REFUSAL') throw ending.error
  if (ending.kind === 'ANSWER') return ending.answer
  const ours = unknown.find((one) => one.attempt === ending.attempt)
  return ours ? ours.answer : (decodeResult(ending.stored) as T)
}

function mendable({ error, unit }: Extract<Attempt<unknown>, { state: 'ROLLED_BACK' }>): number | undefined {
  if (isAppError(error)) return undefined
  const failure = failureOf(unit.failure) ?? failureOf(error)
  return failure && pauseMs[failure]
}

async function giveUp<T>(made: Exclude<Attempt<T>, { state: 'COMMITTED' }>, task: Task<T>, unknown: readonly Answer<T>[]): Promise<never> {
  if (unknown.length > 0 || made.state === 'UNKNOWN') throw unknownOutcome(made.error)
  const { error, unit } = made
  if (unit.traces.length > 0) await writeTraces(task, unit.traces)
  if (isAppError(error)) throw error
  throw asAppError(unit.failure) ?? asAppError(error) ?? error
}

/** What a nested refusal recorded outlives the rollback of the transaction around it. Whether it was written never changes the refusal. */
async function writeTraces(task: Task<unknown>, traces: readonly EventRecord[]): Promise<void> {
  const run = async (scope: Scope): Promise<void> => void scope.records.push(...traces)
  await apart(() => untilDone({ actor: task.actor, claim: undefined, run })).catch((error: unknown) => {
    if (!isAppError(error, 'UNKNOWN_OUTCOME')) throw error
  })
}

function unknownOutcome(cause: unknown): AppError {
  const error = new AppError('UNKNOWN_OUTCOME', 'The connection broke at the last moment: this may or may not have been done.')
  return Object.assign(error, { cause })
}
