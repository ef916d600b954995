/** What a run needs that a clone does not have: the peers, installed by their own lockfile, and the stock stack's Prisma client. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const here = import.meta.dirname

/** Installs the peers, and generates the stock stack's client, where that was not done for what is written now. */
export function prepare(): void {
  const stamp = join(here, 'node_modules/.prepared')
  const wanted = ['package.json', 'pnpm-lock.yaml', 'peers/schema.prisma'].map((file) => readFileSync(join(here, file), 'utf8')).join('\n')
  if (existsSync(stamp) && existsSync(join(here, 'peers/generated')) && readFileSync(stamp, 'utf8') === wanted) return
  const [pnpm, first] = pnpmCommand()
  execute(pnpm, [...first, 'install', '--frozen-lockfile'])
  const manifest = createRequire(join(here, 'package.json')).resolve('prisma/package.json')
  execute(process.execPath, [join(manifest, '../build/index.js'), 'generate', '--no-hints', '--schema', 'peers/schema.prisma'])
  writeFileSync(stamp, wanted)
}

/** The pnpm that runs us, or the one that the project asks for. */
function pnpmCommand(): [command: string, first: string[]] {
  const path = process.env['npm_execpath']
  if (!path?.includes('pnpm')) return ['npx', ['-y', 'pnpm@12']]
  return /\.[cm]?js$/.test(path) ? [process.execPath, [path]] : [path, []]
}

function execute(command: string, args: string[]): void {
  const env = { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, PRISMA_HIDE_UPDATE_MESSAGE: '1', CHECKPOINT_DISABLE: '1' }
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: here, env, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}${stderr}`)
}
