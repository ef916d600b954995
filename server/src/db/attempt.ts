/** One attempt at an outermost transaction, from BEGIN to the answer of COMMIT. */
import { currentCall } from '#lib/call.ts'
import type { AppError } from '#lib/errors.ts'
import { database } from './client.ts'
import { finish } from './finish.ts'
import { type Claim, claimKey } from './idempotency.ts'
import { deliver, notifySoon } from './notify.ts'
import { type Refusal, refusalOf } from './refusal.ts'
import { inScope, openScope, openUnit, type Scope, type Unit } from './unit.ts'

/** How much longer than Prisma's own limit: where that speaks, it says more. */
const graceMs = 500
/** What setTimeout can count to: 24 days. */
const longestTimer = 2 ** 31 - 1

/** What is to be done in a transaction. */
export interface Task<T> {
  /** The actor's name, as the database's own triggers see it. */
  readonly actor: string
  readonly claim: Claim | undefined
  readonly run: (scope: Scope) => Promise<T | Refusal>
}

/** What the function of an attempt came to. */
export type Ending<T> =
  | { readonly kind: 'ANSWER'; readonly answer: T; readonly attempt: string | undefined }
  | { readonly kind: 'REFUSAL'; readonly error: AppError }
  /** The call had its effect before: this is what its key kept, and the attempt that did it. */
  | { readonly kind: 'REPEAT'; readonly stored: unknown; readonly attempt: string }

/** `UNKNOWN`: the connection broke between COMMIT and its answer. */
export type Attempt<T> =
  | { readonly state: 'COMMITTED'; readonly ending: Ending<T> }
  | { readonly state: 'UNKNOWN'; readonly ending: Ending<T>; readonly error: unknown }
  | { readonly state: 'ROLLED_BACK'; readonly error: unknown; readonly unit: Unit }

/** Runs a task once. Never throws: how it ended decides what is done next. */
export async function attempt<T>(task: Task<T>): Promise<Attempt<T>> {
  const unit = openUnit(task.actor)
  const scope = openScope(unit)
  const { prisma, limits } = database()
  let ending: Ending<T> | undefined
  try {
    await inScope(scope, () =>
      prisma.$transaction(async (inside) => {
        unit.prisma = inside
        ending = await withinTime(perform(task, scope), limits.timeout).finally(() => close(scope))
      }, limits),
    )
  } catch (error) {
    if (!ending || !isUnknown(unit)) return { state: 'ROLLED_BACK', error, unit }
    tell(unit)
    return { state: 'UNKNOWN', ending, error }
  }
  if (!ending) throw new Error('The transaction was committed before its function ended')
  for (const service of new Set(scope.records.map((record) => record.service))) notifySoon('plinth_outbox', service)
  tell(unit)
  return { state: 'COMMITTED', ending }
}

/**
 * Rejects when the time of a transaction is up. Prisma rolls back then and takes the connection away, but of a function that asks for nothing
 * more it hears no more, and its caller would wait for ever. What the function still does meets a transaction that has ended.
 */
async function withinTime<T>(work: Promise<T>, ms: number): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => late.reject(new Error('The function of an expired transaction did not end')),
    Math.min(ms + graceMs, longestTimer),
  )
  try {
    return await Promise.race([work, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

/** The notification itself takes a trip through the database: nothing that was revoked here may pass here meanwhile. */
function tell({ news }: Unit): void {
  for (const { channel, payload } of news) deliver(channel, payload)
}

async function perform<T>(task: Task<T>, scope: Scope): Promise<Ending<T>> {
  const { unit } = scope
  const { connection } = unit
  if (!connection) throw new Error('BEGIN went past the pool of this process')
  const { claim } = task
  const found = claim && (await claimKey(connection, unit, claim))
  unit.claimed = found !== undefined
  if (found?.state === 'DONE') return { kind: 'REPEAT', stored: found.result, attempt: found.attempt }
  const result = await task.run(scope)
  await scope.turn
  if (unit.doom) throw unit.doom.error
  close(scope)
  const error = refusalOf(result)
  if (error) {
    await finish(connection, unit, scope.records, claim && { claim, refused: true })
    return { kind: 'REFUSAL', error }
  }
  const answer = answerOf(result as T)
  await finish(connection, unit, scope.records, claim && { claim, result: answer })
  return { kind: 'ANSWER', answer, attempt: found?.attempt }
}

/** A result that the procedure may not give is found out while it can still be rolled back. */
function answerOf<T>(result: T): T {
  const output = currentCall()?.output
  return output ? (output(result) as T) : result
}

function close(scope: Scope): void {
  scope.open = false
  scope.unit.open = false
}

/** The server says ERROR of a COMMIT that it did not carry out. Anything else that ends it (FATAL, a broken socket) says nothing. */
function isUnknown(unit: Unit): boolean {
  return unit.commit === 'SENT' && (unit.failure as { severity?: string } | undefined)?.severity !== 'ERROR'
}
