import { expect, test } from 'vitest'
import { cases, groups } from './cases.ts'
import { idsIn, numberedTests, testsIn } from './collect.ts'
import { page } from './report.ts'

test('each case has a test that names it, or says why there is none', () => {
  const tried = new Set(numberedTests().flatMap(({ ids }) => ids))
  const missing = [...cases.values()].filter(({ id, beyond }) => !tried.has(id) && beyond === undefined)
  expect(missing.map(({ id }) => id)).toEqual([])
})

test('no test names a case that there is not, and no case is there twice', () => {
  const unknown = numberedTests().filter(({ ids }) => ids.some((id) => !cases.has(id)))
  expect(unknown).toEqual([])
  expect(cases.size).toBe(groups.flatMap((group) => group.cases).length)
})

test('a name is found in any quotes, with each of its numbers, and nothing that merely looks like one', () => {
  const text = `test('S01 S02 a \\'token\\' dies', f); describe("C05 it’s said", g); test(\`A02 the same\`, h); const id = 'S01'; t('not S01 this')`
  expect(testsIn('a.test.ts', text)).toEqual([
    { file: 'a.test.ts', ids: ['S01', 'S02'], name: "S01 S02 a 'token' dies" },
    { file: 'a.test.ts', ids: ['C05'], name: 'C05 it’s said' },
    { file: 'a.test.ts', ids: ['A02'], name: 'A02 the same' },
  ])
  expect(idsIn('S01 A02 both')).toEqual(['S01', 'A02'])
})

test('the page says of each case what became of its tests, and of one without a test why', () => {
  const text = page([
    { file: 'a.test.ts', ids: ['S01'], name: 'S01 dies', passed: true },
    { file: 'b.test.ts', ids: ['S01', 'C05'], name: 'S01 C05 lives', passed: false },
  ])
  expect(text).toContain('| C05 | A mutation is run by POST alone. | `b.test.ts`: lives | **FAILS** |')
  expect(text).toMatch(/\| S01 \|.*`a\.test\.ts`: dies<br>`b\.test\.ts`: lives \| 1 of 2 \*\*FAILS\*\* \|/)
  expect(text).toMatch(/\| T13 \|.*No service takes such messages yet: payments will\. \| none \|/)
})
