/** Rounds of measurements that take turns, and what a round has cost. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { type Calls, load } from './load.ts'
import { type Backends, cpuOf } from './processes.ts'
import type { Row } from './rows.ts'
import { median, quantile, spread } from './statistics.ts'

/** What one operation cost in each round, and how long all of them took. */
export interface Series {
  readonly server: number[]
  readonly database: (number | null)[]
  readonly perSecond: number[]
  readonly latencies: number[]
}

export function series(): Series {
  return { server: [], database: [], perSecond: [], latencies: [] }
}

/** CPU together, round by round: of the process, and of PostgreSQL where it can be read. */
export function together({ server, database }: Series): number[] {
  return server.map((us, round) => us + (database[round] ?? 0))
}

export function rowOf(part: string, what: string, who: string, of: Series, note?: string): Row {
  const isReadable = of.database.every((us) => us !== null)
  return {
    part,
    what,
    who,
    cpuUs: median(of.server),
    databaseUs: isReadable ? median(of.database.filter((us) => us !== null)) : null,
    spread: spread(together(of)),
    ...(of.latencies.length > 0 && { p50Ms: quantile(of.latencies, 0.5), p99Ms: quantile(of.latencies, 0.99) }),
    perSecond: median(of.perSecond),
    ...(note !== undefined && { note }),
  }
}

interface Subject {
  readonly child: ChildProcess
  readonly database: string
  readonly backends: Backends
}

/** One round of requests. `settled` is waited for before the clock of the CPU stops: what a request leaves to be done is its cost too. */
export async function requestRound(subject: Subject & { url: string; calls: Calls; count: number; lanes: number; settled?: () => Promise<void> }, into: Series): Promise<void> {
  const { child, database, backends, url, calls, count, lanes, settled } = subject
  const [cpu, used] = [await cpuOf(child), await backends.used(database)]
  const { seconds, latencies } = await load(url, calls, { count, lanes })
  await settled?.()
  into.server.push((await cpuOf(child) - cpu) / count)
  into.database.push(perOne(await backends.used(database), used, count))
  into.perSecond.push(count / seconds)
  into.latencies.push(...latencies)
}

/** One round of an operation that a worker offers (worker.ts). */
export async function operationRound(subject: Subject & { operation: string; ms: number; lanes: number }, into: Series): Promise<void> {
  const { child, database, backends, operation, ms, lanes } = subject
  const used = await backends.used(database)
  const answer = once(child, 'message') as Promise<[{ count: number; cpuUs: number; seconds: number; latencies: number[] }]>
  child.send({ operation, ms, lanes })
  const [{ count, cpuUs, seconds, latencies }] = await answer
  into.server.push(cpuUs / count)
  into.database.push(perOne(await backends.used(database), used, count))
  into.perSecond.push(count / seconds)
  into.latencies.push(...latencies)
}

function perOne(after: number | null, before: number | null, count: number): number | null {
  return after === null || before === null ? null : Math.max(0, after - before) / count
}
