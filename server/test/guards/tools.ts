/** The compiler and the runner of tests, in a copy of the workspace. */
import { spawn } from 'node:child_process'
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../cases/collect.ts'
import { compiler } from '../promise/workspace.ts'
import type { Report } from './verdict.ts'

const config = 'tsconfig.guards.json'

/** Says whether the server of the copy compiles, without its tests. */
export async function compile(folder: string): Promise<boolean> {
  cpSync(join(root, 'tsconfig.json'), join(folder, 'tsconfig.json'))
  writeFileSync(join(folder, config), JSON.stringify({ extends: './tsconfig.json', include: ['server/src'], exclude: ['**/*.test.ts'] }))
  return (await node(folder, [compiler, '-p', config, '--noEmit', '--pretty', 'false'], {})) === 0
}

/** Runs the tests whose names begin so, on this PostgreSQL, and gives what vitest reports. */
export async function runTests(folder: string, databaseUrl: string, files: readonly string[], names: readonly string[]): Promise<Report> {
  cpSync(join(root, 'vitest.config.ts'), join(folder, 'vitest.config.ts'))
  const output = join(folder, 'report.json')
  rmSync(output, { force: true })
  const pattern = names.map((name) => `(^| )${RegExp.escape(name)}`).join('|')
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  const args = [vitest, 'run', ...files, '-t', pattern, '--reporter=json', `--outputFile.json=${output}`]
  await node(folder, args, { TEST_DATABASE_URL: databaseUrl })
  if (!existsSync(output)) throw new Error('vitest reported nothing')
  return JSON.parse(readFileSync(output, 'utf8')) as Report
}

async function node(cwd: string, args: readonly string[], env: Record<string, string>): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const child = spawn(process.execPath, args, {
    cwd,
    env: { ...process.env, ...env, NO_COLOR: '1' },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  child.on('error', reject)
  child.on('close', (code) => resolve(code ?? 1))
  return promise
}
