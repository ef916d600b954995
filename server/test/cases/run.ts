/** `pnpm cases`: runs every test that tries a case, and writes docs/cases.md. Exit code 1 where one fails. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { idsIn, numberedTests, root } from './collect.ts'
import { page, type Outcome } from './report.ts'

interface Report {
  readonly testResults: readonly {
    readonly name: string
    readonly assertionResults: readonly { readonly ancestorTitles: readonly string[]; readonly title: string; readonly status: string }[]
  }[]
}

const folder = mkdtempSync(join(tmpdir(), 'plinth-cases-'))
const output = join(folder, 'report.json')
const files = [...new Set(numberedTests().map(({ file }) => file))]
const vitest = join(root, 'node_modules/vitest/vitest.mjs')
const numbered = '(^| )[A-Z][0-9][0-9] '
spawnSync(
  process.execPath,
  [vitest, 'run', ...files, '-t', numbered, '--reporter=default', '--reporter=json', `--outputFile.json=${output}`],
  {
    cwd: root,
    stdio: 'inherit',
  },
)
const outcomes = outcomesOf(JSON.parse(readFileSync(output, 'utf8')) as Report)
rmSync(folder, { recursive: true, force: true })
writeFileSync(join(root, 'docs/cases.md'), page(outcomes))
const failed = outcomes.filter(({ passed }) => !passed)
console.log(`docs/cases.md: ${outcomes.length} tests, ${failed.length} failed`)
process.exitCode = failed.length > 0 || outcomes.length === 0 ? 1 : 0

/** A case is named by a test or by the group around it; of several tests in such a group the page has one line each. */
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
