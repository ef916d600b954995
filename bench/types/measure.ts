/** Measures the type-checker: what a synthetic project costs, as a median of several runs. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const root = join(import.meta.dirname, '../..')
const require = createRequire(join(root, 'server/package.json'))

/** What `tsc --extendedDiagnostics` says. Instantiations and types are exact, seconds depend on the machine's load. */
export interface Cost {
  files: number
  types: number
  instantiations: number
  megabytes: number
  checkSeconds: number
}

/** Makes an empty project of its own that resolves packages as the server does, with this tsconfig on top of the repository's. */
export function emptyProject(name: string, compilerOptions: Record<string, unknown> = {}): string {
  const folder = join(tmpdir(), `plinth-types-${name}`)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  symlinkSync(join(root, 'server/node_modules'), join(folder, 'node_modules'))
  const types = { types: ['node'], typeRoots: [join(root, 'node_modules/@types')], ...compilerOptions }
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ extends: join(root, 'tsconfig.json'), compilerOptions: types, include: ['src'], exclude: [] }))
  return folder
}

/** Generates the Prisma client of `folder`/prisma. */
export function generatePrisma(folder: string): void {
  const cli = join(require.resolve('prisma/package.json'), '../build/index.js')
  run([cli, 'generate', '--no-hints', '--schema', join(folder, 'prisma/schema.prisma')], folder)
}

/** Checks the project `runs` times; the seconds are the median. Throws where it does not compile. */
export function check(folder: string, runs = 5): Cost {
  const costs = Array.from({ length: runs }, () => parse(run([compiler(), '-p', folder, '--noEmit', '--extendedDiagnostics'], folder)))
  const byTime = costs.toSorted((a, b) => a.checkSeconds - b.checkSeconds)
  return byTime[Math.floor(runs / 2)] as Cost
}

/** The path of the compiler's script. */
export function compiler(): string {
  return join(createRequire(join(root, 'package.json')).resolve('typescript/package.json'), '../bin/tsc')
}

function run(command: string[], cwd: string): string {
  const env = { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, PRISMA_HIDE_UPDATE_MESSAGE: '1', CHECKPOINT_DISABLE: '1' }
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd, encoding: 'utf8', env })
  if (status !== 0) throw new Error(`${command.join(' ')}\n${stdout}${stderr}`)
  return stdout
}

function parse(output: string): Cost {
  const number = (label: string): number => Number(new RegExp(`^${label}:\\s+([\\d.]+)`, 'm').exec(output)?.[1])
  return {
    files: number('Files'),
    types: number('Types'),
    instantiations: number('Instantiations'),
    megabytes: Math.round(number('Memory used') / 1024),
    checkSeconds: number('Check time'),
  }
}
