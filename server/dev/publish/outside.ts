/**
 * Installs the packed client with npm in a folder of its own, as a stranger would, and looks at it from there: its types with every check on,
 * its code at run time, and what publint and "are the types wrong" say. Needs the registry; the test suite has the same without one.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { consumerConfig } from './consumer/config.ts'

const root = join(import.meta.dirname, '../../..')
const tarball = join(root, 'client/dist/plinth-client.tgz')
const PUBLINT = 'publint@0.3'
const TYPES = '@arethetypeswrong/cli@0.18'

const folder = mkdtempSync(join(tmpdir(), 'plinth-outside-'))
try {
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(consumerConfig))
  cpSync(join(import.meta.dirname, 'consumer/consumer.ts'), join(folder, 'consumer.ts'))
  run('npm', ['install', '--no-audit', '--no-fund', '--loglevel', 'error', tarball, 'typescript@7.0.2'])
  console.log(`installed: ${readdirSync(join(folder, 'node_modules')).join(', ')}`)
  console.log(
    run('npx', ['tsc', '-p', '.', '--extendedDiagnostics'])
      .match(/^(?:Files|Types|Instantiations|Memory used|Check time):.*$/gm)
      ?.join('\n'),
  )
  console.log(run('node', ['consumer.js']).trim())
  console.log(run('npx', ['-y', PUBLINT, '--strict', join(folder, 'node_modules/@plinth/client')]).trim())
  console.log(run('npx', ['-y', TYPES, tarball, '--profile', 'esm-only']).trim())
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function run(command: string, args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: folder, encoding: 'utf8', shell: process.platform === 'win32' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}\n${stdout}${stderr}`)
  return stdout
}
