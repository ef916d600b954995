/** What squawk says of migrations: the public rules for changing a PostgreSQL schema under load (squawkhq.com/docs/rules). */
import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { promisify } from 'node:util'
import type { Finding } from './script.ts'

const { getBinaryPath } = createRequire(import.meta.url)('squawk-cli/js/index.js') as { getBinaryPath: () => string }

/** Rules that ask for what the runner sees to (docs/decisions/005-migrations.md), and rules of taste. */
const answeredElsewhere = [
  // Set by the runner before each migration: 500 ms, and again and again until it gets through.
  'require-lock-timeout',
  'require-statement-timeout',
  // A transaction each; and where there is none, the runner asks for IF NOT EXISTS with CONCURRENTLY itself.
  'prefer-robust-stmts',
  // The schema's, not the migration's: how wide a number is, and in which order an enum is shown.
  'prefer-bigint-over-int',
  'prefer-bigint-over-smallint',
  'prefer-identity',
  'require-enum-value-ordering',
]

interface Violation {
  readonly file: string
  /** Counts from 0. */
  readonly line: number
  readonly rule_name: string
  readonly message: string
  readonly help: string | null
}

/** Lists what squawk finds in each of these files; all of them run in a transaction, or none. Throws when squawk itself fails. */
export async function squawk(files: readonly string[], transactional: boolean): Promise<Map<string, Finding[]>> {
  const found = new Map<string, Finding[]>(files.map((file) => [file, []]))
  if (files.length === 0) return found
  const options = ['--reporter', 'json', '--pg-version', '15.0', '--exclude', answeredElsewhere.join(',')]
  const output = await run([...options, ...(transactional ? ['--assume-in-transaction'] : []), ...files])
  for (const { file, line, rule_name, message, help } of JSON.parse(output) as Violation[]) {
    found.get(file)?.push({ rule: rule_name, line: line + 1, sentence: help ? `${message} ${help}` : message })
  }
  return found
}

/** Exit code 1 says that there are findings. */
async function run(args: string[]): Promise<string> {
  try {
    return (await promisify(execFile)(getBinaryPath(), args, { maxBuffer: 2 ** 26 })).stdout
  } catch (error) {
    const { code, stdout, message } = error as { code?: unknown; stdout?: string; message: string }
    if (code === 1 && stdout?.startsWith('[')) return stdout
    throw new Error(`squawk failed: ${message}`, { cause: error })
  }
}
