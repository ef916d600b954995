/** `pnpm bench [--quick]`: everything in one run, written to docs/bench.md and bench/results.json. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, release, totalmem, type } from 'node:os'
import { join } from 'node:path'
import { contestants } from './contestants.ts'
import { contest } from './http.ts'
import { hangUp } from './load.ts'
import { answers, prisma, sessions } from './operations.ts'
import { prepare } from './prepare.ts'
import { type Backends, watchBackends } from './processes.ts'
import type { Mode, Part } from './rows.ts'
import { lists, starts, throughput } from './servers.ts'
import { pageOf, type Results } from './table.ts'
import { openWorld, settings, type World } from './world.ts'

const modes: Record<'quick' | 'whole', Mode> = {
  quick: { name: 'quick', rounds: 5, requests: 240, roundMs: 120, sizes: [1_000, 100_000], starts: 3, seconds: 3 },
  whole: { name: 'whole', rounds: 12, requests: 400, roundMs: 250, sizes: [1_000, 100_000, 3_000_000], starts: 7, seconds: 6 },
}

const parts: Record<string, (world: World, backends: Backends, mode: Mode) => Promise<Part>> = { contest, sessions, prisma, throughput, starts, answers, lists }

const root = join(import.meta.dirname, '..')
const mode = modes[process.argv.includes('--quick') ? 'quick' : 'whole']
const only = process.argv.find((argument) => argument.startsWith('--only='))?.slice('--only='.length).split(',')

await main()

async function main(): Promise<void> {
  const begun = performance.now()
  const load = [loadavg()[0] ?? 0]
  prepare()
  const world = await openWorld()
  const done: Part[] = []
  let postgres = ''
  try {
    const backends = await watchBackends(world.url('postgres'))
    postgres = String((await world.sql('postgres', 'SHOW server_version'))[0]?.['server_version'])
    for (const [name, part] of Object.entries(parts)) {
      if (only && !only.includes(name)) continue
      const from = performance.now()
      await part(world, backends, mode).then(
        (found) => done.push(found),
        // The others are worth their minutes all the same; its figures are then not measured, and the table says so.
        (error: unknown) => void (process.stderr.write(`${name} failed: ${String(error)}\n`), (process.exitCode = 1)),
      )
      hangUp()
      process.stderr.write(`${name} took ${((performance.now() - from) / 1_000).toFixed(0)} s\n`)
      if (!only) write(resultsOf(done, (performance.now() - begun) / 60_000, postgres, [...load, loadavg()[0] ?? 0]))
    }
    await backends.end()
  } finally {
    hangUp()
    await world.close()
  }
  load.push(loadavg()[0] ?? 0)
  process.stdout.write(`${pageOf(resultsOf(done, (performance.now() - begun) / 60_000, postgres, load), notes())}\n`)
}

/** After each part, so that a run that is ended early leaves what it found. A run of chosen parts is none, and is printed alone. */
function write(results: Results): void {
  writeFileSync(join(root, 'docs/bench.md'), pageOf(results, notes()))
  writeFileSync(join(root, 'bench/results.json'), `${JSON.stringify(results, null, 2)}\n`)
}

function resultsOf(done: readonly Part[], minutes: number, postgres: string, load: readonly number[]): Results {
  const cores = cpus()
  return {
    mode: mode.name,
    at: `${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC`,
    minutes,
    machine: {
      CPU: `${cores.length} × ${cores[0]?.model.trim() ?? 'unknown'}`,
      memory: `${Math.round(totalmem() / 2 ** 30)} GB`,
      system: `${type()} ${release()}`,
      'load average': load.map((each) => each.toFixed(1)).join(' to '),
      commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim(),
    },
    versions: versions(postgres),
    commands: Object.fromEntries(contestants.map(({ title, program }) => [title, commandOf(program('postgresql://…', 3000))])),
    rows: done.flatMap(({ rows }) => rows),
    figures: Object.assign({}, ...done.map(({ figures }) => figures)) as Results['figures'],
  }
}

function versions(postgres: string): Record<string, string> {
  const { dependencies } = JSON.parse(readFileSync(join(root, 'bench/package.json'), 'utf8')) as { dependencies: Record<string, string> }
  return { node: process.version, PostgreSQL: `${postgres} (${Object.entries(settings).map((pair) => pair.join('=')).join(', ')}, otherwise as it comes)`, ...dependencies }
}

function commandOf({ file, env }: ReturnType<(typeof contestants)[number]['program']>): string {
  const words = Object.entries({ NODE_ENV: 'production', ...env }).map(([name, value]) => `${name}=${/\s/.test(value) ? `'${value}'` : value}`)
  return [...words, 'node', join('bench', file)].join(' ')
}

function notes(): string {
  const file = join(root, 'bench/notes.md')
  return existsSync(file) ? readFileSync(file, 'utf8') : ''
}
