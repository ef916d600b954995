/**
 * Generates the Prisma client and its metadata from prisma/schema, only when the schema changed.
 * Prisma's schema engine is a download that nothing here needs: any executable in its place lets `prisma generate` run.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')
const output = join(root, 'server/src/db/generated')
const stamp = join(output, '.stamp')

/** Regenerates when schema, generator or Prisma's version differ from those of the last run. Returns whether it did. Exits with 1 on an invalid schema. */
export function generate(): boolean {
  const fingerprint = fingerprintOfInputs()
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint) return false
  rmSync(output, { recursive: true, force: true })
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [prismaCli(), 'generate', '--no-hints', '--schema', join(root, 'prisma/schema')],
    {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, PRISMA_HIDE_UPDATE_MESSAGE: '1', CHECKPOINT_DISABLE: '1' },
    },
  )
  if (status !== 0) throw new Error(`prisma generate failed:\n${stdout}${stderr}`)
  writeFileSync(stamp, fingerprint)
  return true
}

function fingerprintOfInputs(): string {
  const files = [
    ...globSync('prisma/schema/**/*.prisma', { cwd: root }),
    'server/dev/generate.ts',
    'server/dev/metadata-generator.ts',
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
  } catch (error) {
    console.error((error as Error).message)
    process.exitCode = 1
  }
}
