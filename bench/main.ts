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
  whole: { name: 'whole', rounds: 16, requests: 600, roundMs: 300, sizes: [1_000, 100_000, 3_000_000], starts: 7, seconds: 8 },
}

const parts: Record<string, (world: World, backends: Backends, mode: Mode) => Promise<Part>> = { contest, sessions, prisma, lists, throughput, starts, answers }

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
      done.push(await part(world, backends, mode))
      hangUp()
      process.stderr.write(`${name} took ${((performance.now() - from) / 1_000).toFixed(0)} s\n`)
    }
    await backends.end()
  } finally {
    hangUp()
    await world.close()
  }
  load.push(loadavg()[0] ?? 0)
  const results = resultsOf(done, (performance.now() - begun) / 60_000, postgres, load)
  const page = pageOf(results, notes())
  process.stdout.write(`${page}\n`)
  // A part of a run is no run.
  if (only) return
  writeFileSync(join(root, 'docs/bench.md'), page)
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
