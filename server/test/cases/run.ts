/**
 * `pnpm cases [--report file]`: runs every test that tries a case, or takes the report that `pnpm test --reporter=json` wrote of the whole suite, and
 * writes docs/cases.md. Exit code 1 where one fails.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { idsIn, numberedTests, root } from './collect.ts'
import { page, type Outcome } from './report.ts'

interface Report {
  readonly testResults: readonly {
    readonly name: string
    readonly assertionResults: readonly { readonly ancestorTitles: readonly string[]; readonly title: string; readonly status: string }[]
  }[]
}

const { values } = parseArgs({ options: { report: { type: 'string' } } })
const outcomes = (values.report === undefined ? tryAll() : outcomesOf(read(values.report))).toSorted((a, b) => (a.file < b.file ? -1 : 1))
writeFileSync(join(root, 'docs/cases.md'), page(outcomes))
const failed = outcomes.filter(({ passed }) => !passed)
console.log(`docs/cases.md: ${outcomes.length} tests, ${failed.length} failed`)
process.exitCode = failed.length > 0 || outcomes.length === 0 ? 1 : 0

function tryAll(): Outcome[] {
  const files = [...new Set(numberedTests().map(({ file }) => file))]
  const first = run(files, ['-t', '(^| )[A-Z][0-9][0-9] '])
  // Some look at what all tests before them have left, and those were left out: their files are run as a whole.
  const doubtful = [...new Set(first.filter(({ passed }) => !passed).map(({ file }) => file))]
  const again = doubtful.length > 0 ? run(doubtful, []) : []
  return [...first.filter(({ file }) => !doubtful.includes(file)), ...again]
}

function run(some: readonly string[], more: readonly string[]): Outcome[] {
  const folder = mkdtempSync(join(tmpdir(), 'plinth-cases-'))
  const output = join(folder, 'report.json')
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${output}`]
  spawnSync(process.execPath, [vitest, 'run', ...some, ...more, ...reporters], { cwd: root, stdio: 'inherit' })
  const report = read(output)
  rmSync(folder, { recursive: true, force: true })
  return outcomesOf(report)
}

function read(path: string): Report {
  return JSON.parse(readFileSync(path, 'utf8')) as Report
}

/** A case is named by a test or by the group around it; of several tests in such a group each counts. */
function outcomesOf({ testResults }: Report): Outcome[] {
  return testResults.flatMap(({ name: path, assertionResults }) =>
    assertionResults.flatMap(({ ancestorTitles, title, status }) => {
      const titles = [...ancestorTitles, title]
      const ids = [...new Set(titles.flatMap(idsIn))]
      if (ids.length === 0 || !['passed', 'failed'].includes(status)) return []
      return [{ file: relative(root, path), ids, name: titles.join(' '), passed: status === 'passed' }]
    }),
  )
}
