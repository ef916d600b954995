/** A copy of the workspace in which schema and code can be changed for real: its own files, everybody's installed packages. */
import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { consumerConfig } from '../../dev/publish/consumer/config.ts'
import type { Edit } from './changes.ts'

const root = join(import.meta.dirname, '../../..')
const uses = 'server/test/promise/uses'
const copied = [
  'client/package.json',
  'client/contract.json',
  'client/README.md',
  'client/src',
  'LICENSE',
  'package.json',
  'pnpm-workspace.yaml',
  'prisma/schema',
  'server/dev',
  'server/package.json',
  'server/src',
  uses,
  'tsconfig.json',
]

export interface Workspace {
  readonly folder: string
  /** Makes these edits on the original files. @throws where a text to change is not there exactly once */
  apply(edits: readonly Edit[]): void
  /** Runs a script or a tool of the copy and gives what it printed. */
  run(args: readonly string[]): Promise<{ ok: boolean; output: string }>
  remove(): void
}

/** Makes the copy, with a project outside of the workspace beside it (`consumer`), which knows the packed client alone. */
export function copyWorkspace(): Workspace {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'plinth-promise-')))
  for (const path of copied)
    cpSync(join(root, path), join(folder, path), { recursive: true, filter: (file) => !/\.test\.ts$|\/node_modules\b/.test(file) })
  for (const member of ['', 'server', 'client']) linkPackages(folder, member)
  cpSync(join(folder, 'client/contract.json'), join(folder, 'client/contract.before.json'))
  writeConfigs(folder)
  return {
    folder,
    apply: (edits) => apply(folder, edits),
    run: async (args) => run(folder, args),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** Gives a member of a copy its packages: those of the registry are shared, those of the workspace are the copy's own. */
export function linkPackages(folder: string, member: string): void {
  const [from, to] = [join(root, member, 'node_modules'), join(folder, member, 'node_modules')]
  mkdirSync(to, { recursive: true })
  for (const name of readdirSync(from).filter((entry) => !entry.startsWith('.') && entry !== '@plinth'))
    symlinkSync(join(from, name), join(to, name))
  mkdirSync(join(to, '@plinth'))
  for (const own of ['server', 'client']) symlinkSync(join(folder, own), join(to, '@plinth', own))
}

function writeConfigs(folder: string): void {
  const workspace = { extends: './tsconfig.json', include: ['server/src', 'client/src', uses], exclude: [] }
  writeFileSync(join(folder, 'tsconfig.promise.json'), JSON.stringify(workspace))
  mkdirSync(join(folder, 'consumer/node_modules/@plinth'), { recursive: true })
  symlinkSync(join(folder, 'client/dist/package'), join(folder, 'consumer/node_modules/@plinth/client'))
  cpSync(join(folder, uses, 'client.ts'), join(folder, 'consumer/client.ts'))
  writeFileSync(join(folder, 'consumer/package.json'), '{ "private": true, "type": "module" }')
  const compilerOptions = { ...consumerConfig.compilerOptions, noEmit: true, skipLibCheck: true }
  writeFileSync(join(folder, 'consumer/tsconfig.json'), JSON.stringify({ ...consumerConfig, compilerOptions }))
}

function apply(folder: string, edits: readonly Edit[]): void {
  for (const path of ['prisma/schema', 'server/src', 'client/src']) {
    rmSync(join(folder, path), { recursive: true, force: true })
    cpSync(join(root, path), join(folder, path), { recursive: true, filter: (file) => !file.endsWith('.test.ts') })
  }
  for (const { file, from, to } of edits) {
    const path = join(folder, file)
    const text = readFileSync(path, 'utf8')
    if (text.split(from).length !== 2) throw new Error(`${file} has no single "${from}": review server/test/promise/changes.ts`)
    writeFileSync(
      path,
      text.replace(from, () => to),
    )
  }
}

async function run(folder: string, args: readonly string[]): Promise<{ ok: boolean; output: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ ok: boolean; output: string }>()
  const child = spawn(process.execPath, args, { cwd: folder, env: { ...process.env, NO_COLOR: '1' } })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.on('error', reject)
  child.on('close', (code) => resolve({ ok: code === 0, output }))
  return promise
}

/** The compiler's script. */
export const compiler = join(createRequire(join(root, 'package.json')).resolve('typescript/package.json'), '../bin/tsc')
