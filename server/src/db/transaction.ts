/** One transaction: rows, activity and outbox, exactly once. */
import { type Actor, actorId } from '#lib/actor.ts'
import type { Service } from './models.ts'
import { type Refusal, refusalOf } from './refusal.ts'
import { claimOf } from './idempotency.ts'
import { untilDone } from './retry.ts'
import { type Tx, txOf } from './tx.ts'
import { currentScope, inScope, openScope, type Scope } from './unit.ts'

export type { Tx } from './tx.ts'

/**
 * Runs `fn` in one transaction on the service's database and gives what it returned, once that is committed.
 *
 * - Inside another transaction it joins that one: one connection, one commit. Nested transactions that run side by side take turns.
 * - `fn` may run several times (a collision, a lock that did not come, a connection that broke), so it does nothing but read and write
 *   through `tx` and other services: no mail, no network, no hashing. Record what is to be done, a job does it.
 * - `fn` returns `refuse(...)` to say no: what it wrote and recorded is committed, then the AppError is thrown. A throw rolls back.
 * - Nested: a refusal is thrown into the function around it, which may catch it and go on. Uncaught, it rolls everything back but for
 *   what the refusing function recorded: that is written by itself. Any other error of a nested transaction rolls everything back,
 *   even when somebody catches it.
 * - In a call with an idempotency key the outermost transaction claims the key first and keeps the result. One call has one. A refusal
 *   is not kept: it gives the key back, and the same call sent again is decided anew.
 * - The result is checked against the procedure's output before the commit, and what the check gives is returned.
 *
 * @throws CONFLICT KEY_REUSED, ALREADY_DONE (the key); CONFLICT TOO_BUSY, UNAVAILABLE (nothing was done, after up to five attempts);
 *   UNKNOWN_OUTCOME (the connection broke at the commit and there is no key to look it up by).
 */
export async function transaction<S extends Service, T>(service: S, actor: Actor, fn: (tx: Tx<S>) => Promise<T | Refusal>): Promise<T> {
  const around = currentScope()
  if (around) return inTurn(around, () => nested(around, service, actor, fn))
  const claim = claimOf(service)
  return untilDone({ actor: nameOf(actor), claim, run: (scope) => fn(txOf(scope, service, actor)) })
}

async function nested<S extends Service, T>(around: Scope, service: S, actor: Actor, fn: (tx: Tx<S>) => Promise<T | Refusal>): Promise<T> {
  const { unit } = around
  if (!around.open || !unit.open) throw new Error('The transaction around this one has ended: await everything that its function starts')
  const scope = openScope(unit)
  const result = await run(scope, () => fn(txOf(scope, service, actor)))
  around.records.push(...scope.records)
  const refusal = refusalOf(result)
  if (!refusal) return result as T
  unit.traces.push(...scope.records)
  throw refusal
}

async function run<T>(scope: Scope, fn: () => Promise<T>): Promise<T> {
  try {
    const result = await inScope(scope, fn)
    await scope.turn
    return result
  } catch (error) {
    scope.unit.doom ??= { error }
    throw error
  } finally {
    scope.open = false
  }
}

/** One after the other: they share a connection, and each must find the records of the one before complete. */
function inTurn<T>(scope: Scope, work: () => Promise<T>): Promise<T> {
  const turn = scope.turn.then(work)
  scope.turn = turn.catch(() => undefined)
  return turn
}

function nameOf(actor: Actor): string {
  const id = actorId(actor)
  return id === null ? actor.kind : `${actor.kind}:${id}`
}
