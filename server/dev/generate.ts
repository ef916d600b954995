/**
 * Generates the Prisma client and its metadata from prisma/schema, and those of the tests' own schemas, only when a schema changed.
 * Prisma's schema engine is a download that nothing here needs: any executable in its place lets `prisma generate` run.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { refuseInTypes } from './refuse-in-types.ts'
import { strictArgumentsIn } from './strict-arguments.ts'

const root = join(import.meta.dirname, '../..')

/**
 * Regenerates when schema, generator or Prisma's version differ from those of the last run. Returns whether it did. Throws on an invalid schema.
 * Both folders are relative to the repository; `output` must be the one that the schema's generators name.
 */
export function generate(schema = 'prisma/schema', output = 'server/src/db/generated'): boolean {
  const folder = join(root, output)
  const stamp = join(folder, '.stamp')
  const fingerprint = fingerprintOfInputs(schema)
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint) return false
  rmSync(folder, { recursive: true, force: true })
  runPrisma(schema)
  refuseInTypes(folder)
  strictArgumentsIn(folder)
  writeFileSync(stamp, fingerprint)
  return true
}

function runPrisma(schema: string): void {
  const { status, stdout, stderr } = spawnSync(process.execPath, [prismaCli(), 'generate', '--no-hints', '--schema', join(root, schema)], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, PRISMA_HIDE_UPDATE_MESSAGE: '1', CHECKPOINT_DISABLE: '1' },
  })
  if (status !== 0) throw new Error(`prisma generate failed:\n${stdout}${stderr}`)
}

function fingerprintOfInputs(schema: string): string {
  const files = [
    ...globSync(`${schema}/**/*.prisma`, { cwd: root }),
    'server/dev/generate.ts',
    'server/dev/metadata-generator.ts',
    'server/dev/refuse-in-types.ts',
    'server/dev/strict-arguments.ts',
    'pnpm-workspace.yaml',
  ].toSorted()
  const hash = createHash('sha256')
  for (const file of files) hash.update(file).update(readFileSync(join(root, file)))
  return hash.digest('hex')
}

function prismaCli(): string {
  const manifest = createRequire(join(root, 'server/package.json')).resolve('prisma/package.json')
  return join(manifest, '..', (JSON.parse(readFileSync(manifest, 'utf8')) as { bin: { prisma: string } }).bin.prisma)
}

if (import.meta.main) {
  try {
    generate()
    for (const folder of globSync('server/test/fixtures/*/schema.prisma', { cwd: root }).map(dirname))
      generate(folder, join(folder, 'generated'))
  } catch (error) {
    console.error((error as Error).message)
    process.exitCode = 1
  }
}
