/**
 * Generates the Prisma client and its metadata from prisma/schema, and those of the tests' own schemas, only when a schema changed.
 * Prisma's schema engine is a download that nothing here needs: any executable in its place lets `prisma generate` run.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { refuseInTypes } from './refuse-in-types.ts'
import { strictArgumentsIn } from './strict-arguments.ts'

const root = join(import.meta.dirname, '../..')

/**
 * Regenerates when schema, generator or Prisma's version differ from those of the last run. Returns whether it did. Throws on an invalid schema,
 * and then changes nothing. Both folders are relative to the repository; `output` must be the one that the schema's generators name.
 * It is made elsewhere and put in place whole: neither a running process nor a parallel run ever finds half of it.
 */
export function generate(schema = 'prisma/schema', output = 'server/src/db/generated'): boolean {
  const folder = join(root, output)
  const fingerprint = fingerprintOfInputs(schema)
  if (stampOf(folder) === fingerprint) return false
  const workshop = makeWorkshop()
  try {
    // At the same place within the workshop, for the schema names its output relative to itself.
    for (const file of globSync(`${schema}/**/*.prisma`, { cwd: root })) cpSync(join(root, file), join(workshop, file))
    const made = join(workshop, output)
    runPrisma(workshop, schema)
    refuseInTypes(made)
    strictArgumentsIn(made)
    writeFileSync(join(made, '.stamp'), fingerprint)
    if (stampOf(folder) !== fingerprint) putInPlace(made, folder)
  } finally {
    rmSync(workshop, { recursive: true, force: true })
  }
  return true
}

/** In the repository, since a folder is renamed within one file system alone. */
function makeWorkshop(): string {
  mkdirSync(join(root, '.plinth'), { recursive: true })
  return mkdtempSync(join(root, '.plinth/generate-'))
}

function stampOf(folder: string): string | null {
  const stamp = join(folder, '.stamp')
  return existsSync(stamp) ? readFileSync(stamp, 'utf8') : null
}

/** Two renames: what was there goes away with the workshop. A parallel run may come first with either, and has then done the same. */
function putInPlace(made: string, folder: string): void {
  mkdirSync(dirname(folder), { recursive: true })
  unlessFirst(['ENOENT'], () => renameSync(folder, `${made}.before`))
  unlessFirst(['ENOTEMPTY', 'EEXIST'], () => renameSync(made, folder))
}

function unlessFirst(codes: readonly string[], step: () => void): void {
  try {
    step()
  } catch (error) {
    if (!codes.includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
}

function runPrisma(workshop: string, schema: string): void {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [prismaCli(), 'generate', '--no-hints', '--schema', join(workshop, schema)],
    {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, PRISMA_HIDE_UPDATE_MESSAGE: '1', CHECKPOINT_DISABLE: '1' },
    },
  )
  // The paths of the files as they are edited.
  if (status !== 0) throw new Error(`prisma generate failed:\n${stdout}${stderr}`.replaceAll(`${relative(root, workshop)}/`, ''))
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
