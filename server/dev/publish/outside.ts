/**
 * Installs the packed client with npm in a folder of its own, as a stranger would, and looks at it from there: its types with every check on,
 * its code at run time against a real server, and what publint and "are the types wrong" say. Needs the registry; the test suite has the same without one.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setStage } from '../demo/stage.ts'
import { consumerConfig } from './consumer/config.ts'

const root = join(import.meta.dirname, '../../..')
const tarball = join(root, 'client/dist/plinth-client.tgz')
const PUBLINT = 'publint@0.3'
const TYPES = '@arethetypeswrong/cli@0.18'

/** This Node, and others where they are named: `node server/dev/publish/outside.ts /usr/bin/node`. */
const nodes = [process.execPath, ...process.argv.slice(2)]

const stage = await setStage()
const folder = mkdtempSync(join(tmpdir(), 'plinth-outside-'))
try {
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(consumerConfig))
  for (const file of ['consumer.ts', 'calls.mjs']) cpSync(join(import.meta.dirname, 'consumer', file), join(folder, file))
  run('npm', ['install', '--no-audit', '--no-fund', '--loglevel', 'error', tarball, 'typescript@7.0.2'])
  console.log(`installed: ${readdirSync(join(folder, 'node_modules')).join(', ')}`)
  console.log(
    run('npx', ['tsc', '-p', '.', '--extendedDiagnostics'])
      .match(/^(?:Files|Types|Instantiations|Memory used|Check time):.*$/gm)
      ?.join('\n'),
  )
  for (const node of nodes) console.log(run(node, ['calls.mjs', stage.url]).trim())
  console.log(run('npx', ['-y', PUBLINT, '--strict', join(folder, 'node_modules/@plinth/client')]).trim())
  console.log(run('npx', ['-y', TYPES, tarball, '--profile', 'esm-only']).trim())
} finally {
  rmSync(folder, { recursive: true, force: true })
  await stage.clear()
}

function run(command: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: folder, encoding: 'utf8', shell: process.platform === 'win32' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}\n${stdout}${stderr}`)
  return stdout
}
