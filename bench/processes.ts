/** The processes that are measured, and what they and PostgreSQL have used of the CPU. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { requireFromServer } from './packages.ts'

const pg = requireFromServer('pg') as typeof import('../server/node_modules/@types/pg/index.d.ts')

const started = new Set<ChildProcess>()
process.on('exit', () => started.forEach((child) => child.kill('SIGKILL')))

/** How a contestant runs. */
export interface Program {
  /** Relative to this folder. */
  readonly file: string
  readonly env: Record<string, string>
}

/** Starts a Node process with the probe in it. Its output goes nowhere, as to a log that somebody else reads; its errors are shown. */
export function run({ file, env }: Program, nodeOptions: readonly string[] = []): ChildProcess {
  const child = fork(join(import.meta.dirname, file), {
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], NODE_ENV: 'production', ...env },
    execArgv: ['--import', join(import.meta.dirname, 'probe.ts'), ...nodeOptions],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  started.add(child)
  child.once('exit', () => started.delete(child))
  return child
}

/** Ends a process, and waits for it. */
export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'exit')
}

/** Gives the microseconds of CPU that a process has used, all its threads together. */
export async function cpuOf(child: ChildProcess): Promise<number> {
  const answer = once(child, 'message') as Promise<[{ cpu: number }]>
  child.send('cpu')
  return (await answer)[0].cpu
}

/** What PostgreSQL's processes have used of the CPU, for those who can look: Linux alone says. */
export interface Backends {
  /** The microseconds of the connections to one database since `use()` was last called for it; null where they cannot be read. */
  used(database: string): Promise<number | null>
  end(): Promise<void>
}

/** Opens the look at PostgreSQL's processes. The server must run on this machine. */
export async function watchBackends(url: string): Promise<Backends> {
  const client = new pg.Client({ connectionString: url })
  // The end of the run stops the server under it; the fault that came before is the one to tell.
  client.on('error', () => undefined)
  await client.connect()
  return {
    async used(database) {
      const { rows } = await client.query<{ pid: number }>(
        "SELECT pid FROM pg_stat_activity WHERE datname = $1 AND backend_type = 'client backend' AND pid <> pg_backend_pid()",
        [database],
      )
      const each = rows.map(({ pid }) => scheduled(pid))
      return each.includes(null) ? null : each.reduce<number>((sum, us) => sum + (us ?? 0), 0)
    },
    end: () => client.end(),
  }
}

/** The first number of schedstat: nanoseconds on a CPU. */
function scheduled(pid: number): number | null {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1_000
  } catch {
    return null
  }
}
