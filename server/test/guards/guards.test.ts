import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from '../cases/collect.ts'
import { guards } from './guards.ts'
import { verdictOf, type Report } from './verdict.ts'

const textOf = (file: string) => readFileSync(join(root, file), 'utf8')

test.each(guards)('the line that decides that $about stands there once, and so does the test that fails without it', (each) => {
  const { file, guard, without, testFile, testName } = each
  expect(textOf(file).split(guard), `${file} was changed: review server/test/guards/guards.ts, then \`pnpm guards\``).toHaveLength(2)
  expect(textOf(testFile).split(testName), `${testFile} has another name for it now`).toHaveLength(2)
  expect(without).not.toBe(guard)
})

test('there are ten at least', () => {
  expect(guards.length).toBeGreaterThanOrEqual(10)
})

test('a guard is shown by the failure of its own test alone: not by a file that cannot be read, nor by another test', () => {
  const ran = (results: Report['testResults'][number]['assertionResults'], message = ''): Report => ({
    testResults: [{ message, assertionResults: results }],
  })
  const [own, other] = ['a thing that holds always', 'another thing']
  const verdict = (report: Report) => verdictOf(report, 'a thing that holds').seen
  expect(
    verdict(ran([{ ancestorTitles: [], title: own, status: 'failed', failureMessages: ['AssertionError: expected 1 to be 2'] }])),
  ).toBe('FAILS')
  expect(verdict(ran([{ ancestorTitles: [], title: own, status: 'passed', failureMessages: [] }]))).toBe('PASSES')
  expect(verdict(ran([{ ancestorTitles: [], title: other, status: 'failed', failureMessages: ['AssertionError'] }]))).toBe('DID NOT RUN')
  expect(verdict(ran([], 'SyntaxError: Unexpected token'))).toBe('DID NOT RUN')
  expect(verdict(ran([{ ancestorTitles: ['in a group'], title: own, status: 'skipped', failureMessages: [] }]))).toBe('DID NOT RUN')
})
