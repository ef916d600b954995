/** `pnpm check`: everything that can be said of the code without running it, side by side. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { openTemporary } from '../src/db/embedded-temporary.ts'
import { migrationsFolder, readMigrations } from '../src/db/migrations/files.ts'
import { lintMigrations } from './migration-rules/lint.ts'
import { changeSince, readSchema } from './schema-engine.ts'
import { root } from './environment.ts'
import { scriptOf } from './tool.ts'

interface Check {
  readonly name: string
  /** What to do about a failure. */
  readonly remedy: string
  /** Null where all is well, otherwise what is not. */
  readonly run: () => Promise<string | null>
}

const checks: readonly Check[] = [
  { name: 'types', remedy: '', run: () => tool('typescript', 'tsc', ['-p', '.', '--noEmit', '--pretty', 'false']) },
  { name: 'lint', remedy: '', run: () => tool('oxlint', 'oxlint', ['--type-aware', '-f', 'unix', '--deny-warnings']) },
  { name: 'format', remedy: 'pnpm format mends it', run: () => tool('oxfmt', 'oxfmt', ['--list-different']) },
  { name: 'unused', remedy: '', run: () => tool('knip', 'knip', ['--no-progress', '--no-config-hints']) },
  {
    name: 'generated',
    remedy: 'pnpm contract, pnpm docs:api and node server/dev/configuration.ts write them',
    run: generatedFilesAreFresh,
  },
  { name: 'migration rules', remedy: 'docs/migrations.md says how each is done without downtime', run: migrationsKeepTheRules },
  { name: 'migrations', remedy: 'pnpm db:new <name> writes the migration that is missing', run: migrationsMakeTheSchema },
]

/** The schema and what the migrations build must be the same. */
async function migrationsMakeTheSchema(): Promise<string | null> {
  const server = await openTemporary()
  try {
    return await changeSince(server.url, readSchema(root), readMigrations(migrationsFolder))
  } finally {
    await server.close()
  }
}

async function migrationsKeepTheRules(): Promise<string | null> {
  return (await lintMigrations(migrationsFolder)).join('\n') || null
}

/** What is made from the API and committed. */
async function generatedFilesAreFresh(): Promise<string | null> {
  const { staleFiles } = await import('./access.ts')
  const { configurationFile, isConfigurationFresh } = await import('./configuration.ts')
  const stale = [...staleFiles(), ...(isConfigurationFresh() ? [] : [configurationFile])].map((path) => `${path} is stale`)
  const contract = await runNode([join(import.meta.dirname, 'contract.ts'), '--check'])
  return [...stale, ...(contract === null ? [] : [contract])].join('\n') || null
}

async function tool(packageName: string, name: string, args: string[]): Promise<string | null> {
  return runNode([scriptOf(root, packageName, name), ...args])
}

async function runNode(args: string[]): Promise<string | null> {
  const { promise, resolve, reject } = Promise.withResolvers<string | null>()
  const child = spawn(process.execPath, args, { cwd: root, env: { ...process.env, NO_COLOR: '1' } })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.on('error', reject)
  child.on('close', (code) => resolve(code === 0 ? null : output.trim() || `exit code ${code}`))
  return promise
}

async function main(): Promise<void> {
  const begun = performance.now()
  const results = await Promise.all(
    checks.map(async ({ name, remedy, run }) => {
      const fault = await run()
      const seconds = ((performance.now() - begun) / 1000).toFixed(1)
      console.log(fault === null ? `ok      ${name} (${seconds} s)` : `FAILED  ${name} (${seconds} s)\n${fault}\n${remedy}`)
      return fault === null
    }),
  )
  if (results.includes(false)) process.exitCode = 1
}

await main()
