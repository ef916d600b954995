import { expect, test } from 'vitest'
import { counter, exposition, figures, histogram, reading, together, type Family } from './metrics.ts'

test('what a label holds cannot break a line, and a reading that fails is left out', async () => {
  counter('test_label_total', 'Labels.', ['name'])(['a "quoted"\nline \\ end'])
  reading('test_broken', 'Fails.', () => Promise.reject(new Error('no database')))
  const text = exposition((await figures()).filter(({ name }) => name.startsWith('test_')))
  expect(text).toBe(
    '# HELP test_label_total Labels.\n# TYPE test_label_total counter\ntest_label_total{name="a \\"quoted\\"\\nline \\\\ end"} 1\n' +
      '# HELP test_broken Fails.\n# TYPE test_broken gauge\n',
  )
  expect(() => counter('test_broken', 'Again.')).toThrow('declared twice')
})

test('a duration is counted in each bucket that it fits', async () => {
  const observe = histogram('test_seconds', 'Durations.', { bounds: [0.1, 1] })
  for (const ms of [100, 101, 5_000]) observe(ms)
  const family = (await figures()).find(({ name }) => name === 'test_seconds')
  expect(family?.samples.map(({ suffix, labels, value }) => [suffix, labels[0]?.[1], value])).toEqual([
    ['_bucket', '0.1', 1],
    ['_bucket', '1', 2],
    ['_bucket', '+Inf', 3],
    ['_sum', undefined, 5.201],
    ['_count', undefined, 3],
  ])
})

test('processes are added up, told apart or taken once, as each figure says', () => {
  const family = (name: string, across: Family['across'], value: number | null): Family => ({
    name,
    help: '',
    type: 'gauge',
    across,
    samples: value === null ? [] : [{ suffix: '', labels: [['of', 'x']], value }],
  })
  const families = (sum: number, each: number, once: number | null) => [
    family('s', 'SUM', sum),
    family('e', 'EACH', each),
    family('o', 'ONCE', once),
  ]
  const joined = together([
    { process: 1, families: families(2, 5, null) },
    { process: 2, families: families(3, 7, 9) },
  ])
  expect(
    joined.map(({ name, samples }) => [name, samples.map(({ labels, value }) => [labels.map((pair) => pair.join('=')).join(), value])]),
  ).toEqual([
    ['s', [['of=x', 5]]],
    [
      'e',
      [
        ['process=1,of=x', 5],
        ['process=2,of=x', 7],
      ],
    ],
    ['o', [['of=x', 9]]],
  ])
})
