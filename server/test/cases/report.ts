/** The table of cases as a page: what must hold, the tests that try it, and what became of them. */
import { groups, leftOut, type Case } from './cases.ts'
import type { NumberedTest } from './collect.ts'

export interface Outcome extends NumberedTest {
  readonly passed: boolean
}

/** Makes the page of what was run. */
export function page(outcomes: readonly Outcome[]): string {
  const all = groups.flatMap((group) => group.cases)
  const tried = all.filter(({ id }) => outcomes.some(({ ids }) => ids.includes(id)))
  const failed = outcomes.filter(({ passed }) => !passed)
  return [
    '# The attacks that are tried',
    '',
    'Made by `pnpm cases`, which ran these tests. Each attack on accounts has a number, which begins the name of every test that tries it. Each is tried over',
    'HTTP, with the status and the body of the answer, twenty at one moment and more where order could matter, and a look at the rows that had to survive;',
    'tests of lib, db and the checks of sessions and throttles look at one part alone, beside those.',
    '',
    `**${tried.length} of ${all.length} cases, ${outcomes.length} tests, ${failed.length === 0 ? 'all pass' : `${failed.length} FAIL`}.**`,
    '',
    ...groups.flatMap((group) => [
      `## ${group.title}`,
      '',
      '| | what holds | tests | result |',
      '|--|--|--|--|',
      ...group.cases.map((one) => row(one, outcomes)),
      '',
    ]),
    `${leftOut.title}: ${leftOut.why}`,
    '',
  ].join('\n')
}

function row({ id, guarantee, beyond }: Case, outcomes: readonly Outcome[]): string {
  const own = outcomes.filter(({ ids }) => ids.includes(id))
  const tests = Object.entries(Object.groupBy(own, ({ file }) => file)).map(([file, those = []]) => `\`${file}\`: ${namesOf(those)}`)
  return `| ${id} | ${guarantee} | ${[...tests, ...(beyond === undefined ? [] : [beyond])].join('<br>')} | ${result(own)} |`
}

function result(own: readonly Outcome[]): string {
  const passed = own.filter((outcome) => outcome.passed).length
  if (own.length === 0) return 'none'
  if (passed === own.length) return own.length === 1 ? 'passes' : `${own.length} pass`
  return own.length === 1 ? '**FAILS**' : `${passed} of ${own.length} **FAILS**`
}

/** A table of inputs is many tests: a few of them say what they are. */
function namesOf(those: readonly Outcome[]): string {
  const names = those.map(({ name }) => escaped(name.replaceAll(/(?<=^| )(?:[A-Z]\d{2} )+/g, '')))
  return names.length <= 4 ? names.join('; ') : `${names.slice(0, 3).join('; ')}; and ${names.length - 3} more`
}

function escaped(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;')
}
