/** A connection of the pool: pg's client, which also knows the transaction that it carries. */
import { AsyncLocalStorage } from 'node:async_hooks'
import pg from 'pg'
import { isStalePlan, wasNeverSent } from './errors.ts'
import { watchedQuery } from './queries.ts'
import { forgetPlans, statementName } from './statements.ts'
import { currentScope, type Unit } from './unit.ts'

interface Statement {
  readonly text: string
  readonly name?: string
  readonly values?: unknown[]
}

type Result = pg.QueryResult<Record<string, unknown>>
type Callback = (error: Error | undefined, result: Result) => void

let answerWithinMs = 20_000

/** Sets how long an answer may take before the connection is given up: longer than the server's own statement_timeout. */
export function giveUpAfter(ms: number): void {
  answerWithinMs = ms
}

/** What pg's pool makes its connections from. */
export class Connection extends pg.Client {
  /** The transaction that this connection carries, from BEGIN's answer until the end of COMMIT or ROLLBACK. */
  #unit: Unit | undefined
  #busy: Promise<unknown> | undefined

  // pg declares twelve overloads; `never` is what fits them all.
  override query(...args: never[]): never {
    const [statement, values, callback] = args as unknown as [Statement | string, unknown[] | undefined, Callback | undefined]
    if (typeof callback === 'function') return this.#alone(statement, values, callback) as never
    const whole = typeof statement === 'string' ? { text: statement, ...(values && { values }) } : statement
    return this.#inTurn(() => this.#send(whole)) as never
  }

  /**
   * Runs one statement of our own in the transaction, prepared, past Prisma. Throws where the connection carries it no longer:
   * Prisma rolls back and gives the connection away when the time is up, whatever the function is doing.
   */
  run(unit: Unit, text: string, values: unknown[] = []): Promise<Result> {
    return this.#inTurn(async () => {
      if (this.#unit !== unit) throw new Error('An expired transaction takes no more statements')
      return this.#ask({ text, values, name: statementName(text) })
    })
  }

  /** A statement outside any transaction. It failed as a whole, so a stale plan is simply made anew. */
  #alone(statement: Statement | string, values: unknown[] | undefined, callback: Callback): void {
    const done = this.#watch(typeof statement === 'string' ? statement : statement.text)
    const finish: Callback = (error, result) => {
      done(error)
      callback(error, result)
    }
    // pg takes an object in place of the text in this form too; its types do not say so.
    super.query(statement as string, values as unknown[], (error, result: Result) => {
      if (typeof statement === 'string' || !isStalePlan(error)) return finish(error, result)
      forgetPlans()
      super.query({ ...statement, name: statementName(statement.text) } as unknown as string, values as unknown[], finish)
    })
  }

  /** pg 9 will refuse a statement while another is under way; a transaction function may well start two. */
  #inTurn(work: () => Promise<Result>): Promise<Result> {
    const result = this.#busy ? this.#busy.then(work, work) : work()
    this.#busy = result
    const clear = (): void => {
      if (this.#busy === result) this.#busy = undefined
    }
    result.then(clear, clear)
    return result
  }

  #send(statement: Statement): Promise<Result> {
    if (statement.text === 'BEGIN') return this.#begin()
    if (statement.text === 'COMMIT') return this.#commit().finally(() => (this.#unit = undefined))
    if (statement.text === 'ROLLBACK') return this.#ask({ text: 'ROLLBACK' }).finally(() => (this.#unit = undefined))
    return this.#ask(statement)
  }

  /** BEGIN, the actor and the clock in one trip. Prisma names and parametrises BEGIN too, which two statements in one cannot be. */
  async #begin(): Promise<Result> {
    const unit = currentScope()?.unit
    if (!unit || unit.connection) return this.#ask({ text: 'BEGIN' })
    const text = `BEGIN; SELECT set_config('app.actor', ${pg.escapeLiteral(unit.actor)}, true), core.clock() AS now`
    const results = (await this.#ask({ text })) as unknown as [Result, Result]
    unit.now = results[1].rows[0]?.now as Date
    unit.connection = this
    this.#unit = unit
    return results[0]
  }

  async #commit(): Promise<Result> {
    const unit = this.#unit
    if (unit) unit.commit = 'SENT'
    const result = await this.#ask({ text: 'COMMIT' }).catch((error: unknown) => {
      if (unit && wasNeverSent(error)) unit.commit = 'NONE'
      throw error
    })
    if (unit) unit.commit = result.command === 'COMMIT' ? 'DONE' : 'NONE'
    // PostgreSQL answers the COMMIT of a transaction that it has given up with ROLLBACK, and calls that a success.
    if (result.command === 'COMMIT') return result
    throw new Error('The database had given the transaction up after an error that its function caught', { cause: unit?.failure })
  }

  async #ask(statement: Statement): Promise<Result> {
    const done = this.#watch(statement.text)
    try {
      const result = (await super.query(statement as pg.QueryConfig)) as Result
      done()
      return result
    } catch (error) {
      done(error)
      if (this.#unit) this.#unit.failure ??= error
      if (isStalePlan(error)) forgetPlans()
      throw error
    }
  }

  /** A peer that fell silent (no FIN, no RST) would hold the connection, and its caller, for ever. Gives what is called with the answer. */
  #watch(text: string): (error?: unknown) => void {
    const begun = performance.now()
    // Where the answer comes is no part of the call any more.
    const answered = AsyncLocalStorage.bind(watchedQuery)
    const timer = setTimeout(() => void this.end(), answerWithinMs)
    return (error) => {
      clearTimeout(timer)
      answered(text, performance.now() - begun, error !== undefined && error !== null)
    }
  }
}
