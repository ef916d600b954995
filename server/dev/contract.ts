/**
 * `pnpm contract [revision or file]`: writes client/contract.json and client/src/enums.ts, and says what the API's changes mean for its callers,
 * against the last commit or against what is named; then it exits with 1 where callers break. `--check` writes nothing and exits with 1 where
 * one of the two files is stale.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { compareContracts, report } from './contract/compare.ts'
import { textOf, type Contract } from './contract/contract.ts'
import { describeApi } from './contract/describe.ts'
import { enumsModule } from './contract/enumerations.ts'

const root = join(import.meta.dirname, '../..')

/** Gives each file that is made from the API, with the text that it should have. */
export function contractFiles(): Map<string, string> {
  const contract = describeApi(root)
  return new Map([
    ['client/contract.json', textOf(contract)],
    ['client/src/enums.ts', enumsModule(root, contract)],
  ])
}

/** Gives the files that are not what the API makes of them, relative to the repository. */
export function staleContractFiles(): string[] {
  return [...contractFiles()].filter(([file, text]) => read(file) !== text).map(([file]) => file)
}

function read(file: string): string | null {
  return existsSync(join(root, file)) ? readFileSync(join(root, file), 'utf8') : null
}

/** A contract.json: a file, or the one that a revision of the repository had; null where the revision has none. */
function contractOf(name: string): Contract | null {
  if (existsSync(name)) return JSON.parse(readFileSync(name, 'utf8')) as Contract
  const { status, stdout } = spawnSync('git', ['show', `${name}:client/contract.json`], { cwd: root, encoding: 'utf8' })
  return status === 0 ? (JSON.parse(stdout) as Contract) : null
}

function write(compareWith: string | undefined): void {
  const files = contractFiles()
  for (const [file, text] of files) writeFileSync(join(root, file), text)
  const before = contractOf(compareWith ?? 'HEAD')
  if (!before) return refuse(`${compareWith ?? 'HEAD'} is neither a file nor a revision with a client/contract.json`)
  const changes = compareContracts(before, JSON.parse(files.get('client/contract.json') ?? '') as Contract)
  console.log(report(changes))
  if (compareWith && changes.some(({ breaks }) => breaks)) process.exitCode = 1
}

function checkFiles(): void {
  const stale = staleContractFiles()
  if (stale.length > 0) refuse(`${stale.join(' and ')} no longer say what the API is: run pnpm contract, and commit them`)
}

function refuse(sentence: string): void {
  console.error(sentence)
  process.exitCode = 1
}

if (import.meta.main) {
  const [first] = process.argv.slice(2)
  if (first === '--check') checkFiles()
  else write(first)
}
