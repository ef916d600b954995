/** The campaign's own PostgreSQL: durable as in production (fsync on), killed as a whole or one process at a time, and brought back. */
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { openEmbedded, removeEmbedded, type Embedded } from '#db/embedded.ts'
import { isAlive } from '#db/embedded-process.ts'
import { killOne, killTree } from './processes.ts'

const folder = join(import.meta.dirname, '../../../.plinth/faults')
const database = 'plinth'

const restless = `SELECT 1 AS waits FROM core.outbox UNION ALL SELECT 1 FROM jobs.job WHERE state IN ('created', 'retry', 'active') LIMIT 1`
const endLeases = `
  UPDATE jobs.job SET state = 'retry', start_after = now(), heartbeat_on = NULL
  WHERE state = 'active' AND started_on < now() - interval '2 s'`

export interface Cluster {
  readonly port: number
  /** The database as its owner, past every proxy. */
  readonly ownerUrl: string
  /** The same through a proxy that listens on this port. */
  urlThrough(port: number): string
  /** Kills the postmaster and all its children. */
  kill(): Promise<void>
  /** Starts it again and waits until it has recovered. */
  restart(): Promise<void>
  /** Kills one process of the server; the others are then ended by PostgreSQL itself. Waits until it has recovered. */
  killBackend(pid: number): Promise<void>
  /** The processes that serve clients. */
  backends(): Promise<number[]>
  /** Whether nothing waits in the outbox, and no job is under way or to be tried again. */
  isCalm(): Promise<boolean>
  /** Gives back the jobs that somebody took and has not finished within two seconds, as the queue does after 10 to 20. */
  endLeases(): Promise<void>
  /** Stops it and removes its files. */
  remove(): Promise<void>
}

/** Makes a cluster of this process alone. What runs before this one that were killed have left is removed. */
export async function openCluster(): Promise<Cluster> {
  await removeAbandoned()
  const own = join(folder, String(process.pid))
  const open = (): Promise<Embedded> => openEmbedded({ folder: join(own, 'postgres'), database, purpose: 'command' })
  const state = { embedded: await open() }
  const ownerUrl = state.embedded.url
  const restart = async (): Promise<void> => {
    state.embedded = await open()
  }
  return {
    port: Number(new URL(ownerUrl).port),
    ownerUrl,
    urlThrough: (port) => withPort(ownerUrl, port),
    kill: async () => killTree(pidOf(state.embedded)),
    restart,
    killBackend: async (pid) => {
      await killOne(pid)
      await recovered(ownerUrl)
      await restart()
    },
    backends: () => backendsOf(ownerUrl),
    endLeases: async () => {
      await ask(ownerUrl, endLeases)
    },
    isCalm: async () => {
      const rows = await ask(ownerUrl, restless)
      return rows.length === 0
    },
    remove: async () => {
      await state.embedded.close().catch(() => undefined)
      await removeEmbedded(join(own, 'postgres'))
      rmSync(own, { recursive: true, force: true })
    },
  }
}

function pidOf({ pid }: Embedded): number {
  if (pid === null) throw new Error('PostgreSQL does not run')
  return pid
}

async function recovered(url: string): Promise<void> {
  for (const deadline = Date.now() + 60_000; ; await sleep(20)) {
    const answer = await ask(url, 'SELECT 1').catch(() => null)
    if (answer) return
    if (Date.now() > deadline) throw new Error('PostgreSQL did not recover within a minute')
  }
}

async function backendsOf(url: string): Promise<number[]> {
  const rows = await ask(url, `SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`)
  return rows.map(({ pid }) => Number(pid))
}

async function ask(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000, application_name: 'plinth faults' })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return (await client.query<Record<string, unknown>>(sql)).rows
  } finally {
    await client.end().catch(() => undefined)
  }
}

function withPort(url: string, port: number): string {
  const copy = new URL(url)
  copy.port = String(port)
  return copy.href
}

async function removeAbandoned(): Promise<void> {
  if (!existsSync(folder)) return
  for (const pid of readdirSync(folder)) {
    if (isAlive(Number(pid))) continue
    await removeEmbedded(join(folder, pid, 'postgres'))
    rmSync(join(folder, pid), { recursive: true, force: true })
  }
}
