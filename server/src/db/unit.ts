/** The unit of work: one attempt at an outermost transaction, and the nested transactions inside it. Carried by AsyncLocalStorage. */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Connection } from './connection.ts'
import type { Channel } from './notify.ts'
import type { EventRecord } from './record.ts'
import type { SoftDeletingTx } from './soft-delete/index.ts'

/** How far the COMMIT of a unit came: `SENT` and no answer means that nobody here knows. */
export type CommitState = 'NONE' | 'SENT' | 'DONE'

/** What is known of one attempt, by the connection that carries it and by everything that runs in it. */
export interface Unit {
  /** `USER:<id>`, `SYSTEM:<name>`: what the database's own triggers see as app.actor. */
  readonly actor: string
  /** Set with BEGIN's answer. */
  connection: Connection | undefined
  now: Date
  /** Prisma's view of the transaction. */
  prisma: SoftDeletingTx | undefined
  /** False as soon as the outermost function has ended: nothing may be added any more. */
  open: boolean
  /** The claim of the call's key was answered: it is decided what became of every attempt before this one. */
  claimed: boolean
  commit: CommitState
  /** The first error of a statement or of the connection: PostgreSQL has given the transaction up since, and what follows follows from it. */
  failure: unknown
  /** What a nested transaction threw: the whole is rolled back, even where somebody caught it. */
  doom: { readonly error: unknown } | undefined
  /** What nested refusals recorded: it outlives a rollback. */
  readonly traces: EventRecord[]
  /** What it notifies with the commit. */
  readonly news: News[]
}

export interface News {
  readonly channel: Channel
  readonly payload: string
}

/** One transaction function under way: the outermost, or a nested one. */
export interface Scope {
  readonly unit: Unit
  readonly records: EventRecord[]
  open: boolean
  /** Nested transactions that run side by side take turns. */
  turn: Promise<unknown>
}

const scopes = new AsyncLocalStorage<Scope>()

/** Makes a unit that has no connection yet. */
export function openUnit(actor: string): Unit {
  return {
    actor,
    connection: undefined,
    now: new Date(0),
    prisma: undefined,
    open: true,
    claimed: false,
    commit: 'NONE',
    failure: undefined,
    doom: undefined,
    traces: [],
    news: [],
  }
}

/** Makes a scope in which nothing was recorded yet. */
export function openScope(unit: Unit): Scope {
  return { unit, records: [], open: true, turn: Promise.resolve() }
}

/** Runs `fn` as this scope. */
export function inScope<T>(scope: Scope, fn: () => T): T {
  return scopes.run(scope, fn)
}

/** Gives the transaction function that this code runs in, ended or not. */
export function currentScope(): Scope | undefined {
  return scopes.getStore()
}

/** Gives Prisma's view of the transaction that this code runs in, where one is open. */
export function currentTransaction(): SoftDeletingTx | undefined {
  const unit = scopes.getStore()?.unit
  return unit?.open ? unit.prisma : undefined
}
