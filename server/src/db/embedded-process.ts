/** The processes of embedded PostgreSQL: making a cluster, starting it, stopping it. */
import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fstatSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  chownSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { basename, dirname, join } from 'node:path'
import { makeOwnFolder, program } from './embedded-place.ts'
import type { Place } from './embedded-place.ts'
import { SetupError } from './setup-error.ts'

/** Makes the cluster unless it exists. A run that was killed leaves nothing that looks like one. */
export async function initialise(place: Place, password: string): Promise<void> {
  if (existsSync(join(place.data, 'PG_VERSION'))) return
  removeAbandonedDrafts(place.data)
  const draft = `${place.data}.new-${process.pid}-${randomInt(2 ** 31)}`
  const passwordFile = `${draft}.password`
  makeOwnFolder(draft, place.user)
  writeFileSync(passwordFile, password, { mode: 0o600 })
  if (place.user) chownSync(passwordFile, place.user.uid, place.user.gid)
  try {
    await run(place, 'initdb', [
      `--pgdata=${draft}`,
      `--pwfile=${passwordFile}`,
      '--username=postgres',
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--no-locale',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--no-sync',
      '--no-instructions',
    ])
    renameSync(draft, place.data)
  } catch (error) {
    if (!existsSync(join(place.data, 'PG_VERSION'))) throw error
  } finally {
    rmSync(passwordFile, { force: true })
    rmSync(draft, { recursive: true, force: true })
  }
}

/** The log goes on from start to start, and begins anew when it is longer than this. */
const longestLog = 5_000_000

/** A server process that was started. It outlives this process: Ctrl-C must reach it through us, and in our order. */
export interface Started {
  /** Null while it runs, then what its log says of the reason. */
  failure(): string | null
}

/** Starts the server and returns at once. */
export function start(place: Place, port: number, settings: Record<string, string>, logFile: string): Started {
  if (existsSync(logFile) && statSync(logFile).size > longestLog) rmSync(logFile)
  const log = openSync(logFile, 'a', 0o644)
  const from = fstatSync(log).size
  const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const child = spawn(program(place, 'postgres'), ['-D', place.data, '-p', String(port), ...options], {
    cwd: dirname(place.data),
    detached: true,
    stdio: ['ignore', log, log],
    windowsHide: true,
    ...place.user,
  })
  closeSync(log)
  let error: string | null = null
  child.on('error', (cause) => (error = cause.message))
  child.unref()
  return { failure: () => error ?? (child.exitCode === null && child.signalCode === null ? null : lastWords(logFile, from)) }
}

/** Stops the server whoever started it (fast: transactions are rolled back, everybody is disconnected) and waits until it has ended. */
export async function stop(place: Place): Promise<void> {
  if (!existsSync(join(place.data, 'postmaster.pid'))) return
  await run(place, 'pg_ctl', ['stop', '-D', place.data, '-m', 'fast', '-w', '-t', '60', '-s'])
}

/** The process id in the data folder's lock file, if there is one. It may be stale. */
export function postmasterPid(data: string): number | null {
  try {
    return Number.parseInt(readFileSync(join(data, 'postmaster.pid'), 'utf8'), 10) || null
  } catch {
    return null
  }
}

/**
 * Removes a lock file whose process id was given to another program since, as happens in containers and after a restart of the machine,
 * or that a crash left empty. PostgreSQL itself only asks whether the process lives. Returns whether it removed one.
 */
export function removeForeignLock(data: string): boolean {
  const lock = join(data, 'postmaster.pid')
  if (!existsSync(lock) || !isForeign(data, lock)) return false
  rmSync(lock, { force: true })
  return true
}

function isForeign(data: string, lock: string): boolean {
  const pid = postmasterPid(data)
  if (pid === null) return Date.now() - statSync(lock).mtimeMs > 5_000
  const commandLine = `/proc/${pid}/cmdline`
  return existsSync(commandLine) && !readFileSync(commandLine, 'utf8').split('\0').includes(data)
}

/** A TCP port of this machine that nobody uses. */
export async function freePort(): Promise<number> {
  const server = createServer()
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  server.on('error', reject)
  server.listen(0, '127.0.0.1', () => {
    const address = server.address()
    server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
  })
  return promise
}

async function run(place: Place, name: 'initdb' | 'pg_ctl', args: string[]): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const child = spawn(program(place, name), args, {
    cwd: dirname(place.data),
    stdio: ['ignore', 'ignore', 'pipe'],
    // Out of reach of the terminal's Ctrl-C: stopping must not be stopped.
    detached: process.platform !== 'win32',
    windowsHide: true,
    ...place.user,
  })
  let complaint = ''
  child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()))
  child.on('error', reject)
  child.on('close', (code) => (code === 0 ? resolve() : reject(new SetupError(`PostgreSQL's ${name} failed: ${complaint.trim()}`))))
  return promise
}

/** Another starter may write into the same file at the same time: what it says is then as good a reason. */
function lastWords(logFile: string, from: number): string {
  const lines = readFileSync(logFile).subarray(from).toString('utf8').trim().split('\n')
  return lines.filter((line) => /FATAL|PANIC|HINT/.test(line)).join(' ') || lines.at(-1) || 'it ended without a word'
}

function removeAbandonedDrafts(data: string): void {
  const prefix = `${basename(data)}.new-`
  for (const name of readdirSync(dirname(data))) {
    const pid = name.startsWith(prefix) ? Number.parseInt(name.slice(prefix.length), 10) : Number.NaN
    if (pid && !isAlive(pid)) rmSync(join(dirname(data), name), { recursive: true, force: true })
  }
}

/** Whether a process of this id runs. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
