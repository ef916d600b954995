/** The whole workspace, copied, for what writes files into it: its tests and documents too, and a history of one commit. */
import { spawn } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { scriptOf } from '../../dev/tool.ts'
import { linkPackages } from '../promise/workspace.ts'

const root = join(import.meta.dirname, '../../..')
const left = /\/(?:node_modules|\.git|\.plinth|\.env|dist|coverage)$/

export interface Copy extends AsyncDisposable {
  readonly folder: string
  /** Runs a script of package.json, and the one that pnpm runs before it. @throws with all that it printed, where it fails */
  script(name: string, args: readonly string[], environment?: Readonly<Record<string, string>>): Promise<void>
}

export async function copyAll(): Promise<Copy> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'plinth-service-')))
  // PostgreSQL, which root may not run, is run by another user.
  chmodSync(folder, 0o755)
  cpSync(root, folder, { recursive: true, filter: (path) => !left.test(path) })
  for (const member of ['', 'server', 'client', 'bench'].filter((name) => existsSync(join(root, name, 'node_modules'))))
    linkPackages(folder, member)
  for (const args of [
    ['init', '-q'],
    ['add', '-A'],
    ['-c', 'user.name=test', '-c', 'user.email=test@example.com', 'commit', '-qm', 'As it was'],
  ])
    await run(folder, 'git', args)
  return {
    folder,
    script: async (name, args, environment) => {
      const before = commandOf(folder, `pre${name}`)
      if (before) await run(folder, process.execPath, before, environment)
      await run(folder, process.execPath, [...(commandOf(folder, name) ?? [`no script ${name}`]), ...args], environment)
    },
    [Symbol.asyncDispose]: async () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** A script is a file that Node runs, or a tool with its arguments. */
function commandOf(folder: string, name: string): string[] | undefined {
  const { scripts } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { scripts: Record<string, string> }
  const [tool = '', ...args] = (scripts[name] ?? '').split(' ')
  if (tool === '') return undefined
  return tool === 'node' ? args : [scriptOf(folder, tool), ...args]
}

async function run(
  folder: string,
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<void> {
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(?:VITEST|NODE_ENV|NODE_OPTIONS)/.test(name)))
  const child = spawn(program, args, { cwd: folder, env: { ...inherited, NO_COLOR: '1', ...environment } })
  const { promise, resolve } = Promise.withResolvers<number | null>()
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.on('error', (error) => (output += String(error)))
  child.on('close', resolve)
  const code = await promise
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}:\n${output}`)
}
