/** Real processes that are killed and started again: the web process, the worker, PostgreSQL and all its children. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { closeSync, existsSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** A program of the system under test, run by this Node. */
export interface Program {
  readonly name: string
  /** Starts it and waits until it is ready. One that gives up while it starts (its database is down) is started again. */
  start(): Promise<void>
  /** SIGKILL, and waits until it is gone. */
  kill(): Promise<void>
  /** Whether it is up and ready. */
  ready(): boolean
  /** How often it ended without having been killed, after it had been ready. It should never. */
  deaths(): number
}

export interface ProgramOptions {
  readonly name: string
  readonly file: string
  readonly env: Record<string, string>
  /** Where its output goes. */
  readonly log: string
  /** Whether it does its work by now, where it does not say so itself with a message. */
  readonly probe?: () => Promise<boolean>
}

interface Run {
  child: ChildProcess | null
  /** It sent a message: it is ready. */
  spoke: boolean
  ready: boolean
  killed: boolean
  deaths: number
}

const patienceMs = 60_000

/** Makes a program that does not run yet. */
export function createProgram(options: ProgramOptions): Program {
  const run: Run = { child: null, spoke: false, ready: false, killed: false, deaths: 0 }
  return {
    name: options.name,
    start: () => start(options, run),
    kill: () => kill(run),
    ready: () => run.ready,
    deaths: () => run.deaths,
  }
}

async function start(options: ProgramOptions, run: Run): Promise<void> {
  run.killed = false
  for (const deadline = Date.now() + patienceMs; Date.now() < deadline;) {
    if (run.killed) return
    const child = (run.child ??= launch(options, run))
    const isUp = options.probe ? await options.probe().catch(() => false) : run.spoke
    run.ready = isUp && run.child === child && !run.killed
    if (run.ready) return
    await sleep(25)
  }
  throw new Error(`${options.name} was not ready within ${patienceMs / 1000} seconds; its output is ${options.log}`)
}

function launch({ file, env, log }: ProgramOptions, run: Run): ChildProcess {
  const output = openSync(log, 'a')
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', file], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    // The channel ends with this process, and the program with the channel: none outlives a campaign that was killed.
    stdio: ['ignore', output, output, 'ipc'],
  })
  closeSync(output)
  run.spoke = false
  child.once('message', () => (run.spoke = run.child === child))
  child.once('exit', () => {
    if (run.child !== child) return
    if (run.ready && !run.killed) run.deaths += 1
    run.child = null
    run.ready = false
  })
  return child
}

async function kill(run: Run): Promise<void> {
  const child = run.child
  run.killed = true
  run.ready = false
  if (!child || child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await gone
}

/** Kills a process and everything it started, the parent frozen meanwhile so that it starts nothing new. Waits until all are gone. */
export async function killTree(pid: number): Promise<void> {
  signal(pid, 'SIGSTOP')
  const family = [...descendants(pid), pid]
  for (const member of family) signal(member, 'SIGKILL')
  await gone(family)
}

/** Kills one process and waits until it is gone. */
export async function killOne(pid: number): Promise<void> {
  signal(pid, 'SIGKILL')
  await gone([pid])
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

async function gone(pids: readonly number[]): Promise<void> {
  for (const deadline = Date.now() + 10_000; pids.some(runs); await sleep(5)) {
    if (Date.now() > deadline) throw new Error(`Processes survived SIGKILL: ${pids.filter(runs).join(', ')}`)
  }
}

/** Whether the process still runs. One that has ended and waits for its parent to notice does not. */
export function runs(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
  return !existsSync('/proc/self/stat') || (statOf(pid)?.state ?? 'Z') !== 'Z'
}

/** Every process below this one, children before their own. */
export function descendants(pid: number): number[] {
  const parents = allParents()
  const below: number[] = []
  for (let level = [pid]; level.length > 0;) {
    level = parents.filter(({ parent }) => level.includes(parent)).map((one) => one.pid)
    below.push(...level)
  }
  return below
}

interface Parent {
  readonly pid: number
  readonly parent: number
}

function allParents(): Parent[] {
  if (!existsSync('/proc/self/stat')) return parentsByPs()
  const pids = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
  return pids.map((pid) => ({ pid, parent: statOf(pid)?.parent ?? 0 }))
}

function parentsByPs(): Parent[] {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
  return [...stdout.matchAll(/(\d+)\s+(\d+)/g)].map(([, pid, parent]) => ({ pid: Number(pid), parent: Number(parent) }))
}

/** The name of a process stands in parentheses and may hold any character; what follows is plain. */
function statOf(pid: number): { state: string; parent: number } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const [state = 'Z', parent = '0'] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { state, parent: Number(parent) }
  } catch {
    return null
  }
}
