import { describe, expect, test } from 'vitest'
import { median, quantile, ratio, spread, turn } from './statistics.ts'
import { table } from './table.ts'
import { isMet, wanted } from './wanted.ts'

describe('the statistics of the bench', () => {
  test('a median is the middle of the sorted values, or the mean of the two in the middle', () => {
    expect(median([9, 1, 10])).toBe(9)
    expect(median([10, 2, 1, 3])).toBe(2.5)
    expect(median([])).toBeNaN()
  })

  test('a quantile is a value that was measured, by nearest rank', () => {
    const hundred = Array.from({ length: 100 }, (_, at) => 100 - at)
    expect([quantile(hundred, 0.5), quantile(hundred, 0.99), quantile(hundred, 1), quantile(hundred, 0)]).toEqual([50, 99, 100, 1])
    expect(quantile([7], 0.99)).toBe(7)
    expect(quantile([], 0.5)).toBeNaN()
  })

  test('a quotient is of the same round, so that company on the machine falls on both', () => {
    expect(ratio([10, 40, 10], [20, 80, 20])).toBe(0.5)
    expect(ratio([1, 2], [])).toBeNaN()
  })

  test('one bad round moves neither the median nor the spread', () => {
    const rounds = [10, 10, 10, 10, 10, 10, 10, 10, 500]
    expect(median(rounds)).toBe(10)
    expect(spread(rounds)).toBe(0)
    expect(spread([8, 10, 12, 8, 10, 12, 10, 10])).toBeCloseTo(0.1)
  })

  test('over the rounds everybody begins and ends equally often', () => {
    const orders = Array.from({ length: 8 }, (_, round) => turn(['a', 'b', 'c', 'd'], round))
    for (const order of orders) expect(order.toSorted()).toEqual(['a', 'b', 'c', 'd'])
    const first = orders.map(([name]) => name)
    for (const name of ['a', 'b', 'c', 'd']) expect(first.filter((each) => each === name)).toHaveLength(2)
    expect(turn([], 3)).toEqual([])
  })
})

describe('what is wanted', () => {
  test('stands in the table beside what was measured, met or not', () => {
    const figures = Object.fromEntries(wanted.map(({ figure, most }, at) => [figure, (most ?? 1) * (at % 2 === 0 ? 1 : 1.02)]))
    const lines = table({ rows: [], figures }).split('\n').slice(2)
    wanted.forEach(({ what, most }, at) => {
      const line = lines.find((each) => each.includes(` ${what} `)) ?? ''
      if (most !== null) expect(line).toContain(`| at most ${most} | ${at % 2 === 0 ? 'yes' : '**no**'} |`)
      else expect(line).toMatch(/\| {2}\| {2}\|$/)
    })
    expect(lines).toHaveLength(wanted.length)
  })

  test('is not said to be met where it was not measured', () => {
    const [line = ''] = table({ rows: [], figures: {} }).split('\n').slice(2)
    expect(line).toContain('| not measured | at most 0.5 |  |')
    expect(isMet({ most: 1 }, Number.NaN)).toBeNull()
  })

  test('names the bounds that the project has set itself', () => {
    const bounds = Object.fromEntries(wanted.flatMap(({ figure, most }) => (most === null ? [] : [[figure, most]])))
    expect(bounds).toMatchObject({ readAgainstStock: 0.5, readAgainstFloor: 3, coldSessionQueries: 1, startSeconds: 2, extension_findMany: 1.1, longestListAgainstShortest: 1.25 })
    expect(new Set(wanted.map(({ figure }) => figure)).size).toBe(wanted.length)
  })
})
