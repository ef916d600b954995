import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const read = (path: string): { dependencies: Record<string, string>; engines?: { node?: string } } =>
  JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'))

test('everything that the client brings along runs on Node 20, as the client promises', () => {
  const asked = Object.keys(read('../package.json').dependencies).map((name) => {
    const { engines } = read(`../node_modules/${name}/package.json`)
    return [name, Number(/\d+/.exec(engines?.node ?? '0')?.[0])] as const
  })
  expect(asked.filter(([, major]) => major > 20)).toEqual([])
})
