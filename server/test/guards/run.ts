/**
 * `pnpm guards [--only text]`: takes each guard out in a copy of the workspace, has the copy compiled, and runs the test that must fail then.
 * All of them pass in the copy as it is, or nothing is shown. Writes docs/guards.md. Exit code 1 where a guard is not held by its test.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openTemporary } from '../../src/db/embedded-temporary.ts'
import { root } from '../cases/collect.ts'
import { copyServer, type Copy } from '../faults/copy.ts'
import { guards, type Guard } from './guards.ts'
import { compile, runTests } from './tools.ts'
import { verdictOf, type Verdict } from './verdict.ts'

interface Outcome extends Verdict {
  readonly guard: Guard
  readonly line: number
  readonly seconds: number
  readonly compiles: boolean
}

const { values } = parseArgs({ options: { only: { type: 'string' } } })
const chosen = guards.filter(({ about }) => values.only === undefined || about.includes(values.only))
const copy = copyServer()
const postgres = await openTemporary()
try {
  await mustPassAsItIs(copy)
  const outcomes: Outcome[] = []
  for (const guard of chosen) {
    const outcome = await tryWithout(copy, guard)
    outcomes.push(outcome)
    console.log(`${isHeld(outcome) ? 'held  ' : 'NOT   '} ${guard.about}: ${outcome.seen}, ${outcome.seconds} s, ${outcome.said}`)
  }
  if (values.only === undefined) writeFileSync(join(root, 'docs/guards.md'), page(outcomes))
  process.exitCode = outcomes.every(isHeld) ? 0 : 1
} finally {
  await postgres.close()
  copy.remove()
}

function isHeld({ seen, compiles }: Outcome): boolean {
  return seen === 'FAILS' && compiles
}

/** A test that fails already shows nothing by failing. */
async function mustPassAsItIs({ sources }: Copy): Promise<void> {
  const failing = async (some: readonly Guard[]): Promise<Guard[]> => {
    const files = [...new Set(some.map(({ testFile }) => testFile))]
    const names = some.map(({ testName }) => testName)
    const report = await runTests(join(sources, '..'), postgres.url, files, names)
    return some.filter(({ testName }) => verdictOf(report, testName).seen !== 'PASSES')
  }
  // Once more by itself: on a machine that is busy beside this, a test that measures time may fail of that alone.
  const first = await failing(chosen)
  const twice = first.length > 0 ? await failing(first) : []
  if (twice.length > 0)
    throw new Error(`With every guard in its place these tests do not pass: ${twice.map(({ testName }) => testName).join('; ')}`)
  console.log(`${chosen.length} tests pass with every guard in its place`)
}

async function tryWithout({ sources }: Copy, guard: Guard): Promise<Outcome> {
  const folder = join(sources, '..')
  const path = join(folder, guard.file)
  const text = readFileSync(path, 'utf8')
  const [before = '', ...rest] = text.split(guard.guard)
  if (rest.length !== 1) throw new Error(`${guard.file} does not have the guard "${guard.guard}" once`)
  const start = performance.now()
  try {
    writeFileSync(path, before + guard.without + rest[0])
    const compiles = await compile(folder)
    const verdict = verdictOf(await runTests(folder, postgres.url, [guard.testFile], [guard.testName]), guard.testName)
    const line = before.split('\n').length
    return { guard, line, compiles, ...verdict, seconds: Math.round((performance.now() - start) / 1000) }
  } finally {
    writeFileSync(path, text)
  }
}

function page(outcomes: readonly Outcome[]): string {
  const held = outcomes.filter(isHeld).length
  return [
    '# The lines that are missed',
    '',
    'Made by `pnpm guards`. Each of these lines decides about security. It was taken out in a copy of the workspace, which went on compiling, and the test beside it',
    'failed; with every line in its place all of them pass. A test of the suite keeps this list from going stale (server/test/guards/guards.ts).',
    '',
    `**${held} of ${outcomes.length} are held by their test.**`,
    '',
    '| what it decides | line | the test that fails without it | seconds |',
    '|--|--|--|--|',
    ...outcomes.map((one) => {
      const { guard, line, seconds, seen, compiles } = one
      const miss = isHeld(one) ? '' : ` **${compiles ? seen : 'DOES NOT COMPILE'}**`
      return `| ${guard.about} | \`${guard.file}:${line}\` | \`${guard.testFile}\`: ${guard.testName}${miss} | ${seconds} |`
    }),
    '',
  ].join('\n')
}
