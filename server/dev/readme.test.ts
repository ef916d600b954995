import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from './environment.ts'

test('every command that the README names exists', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> }
  const named = [...readFileSync(join(root, 'README.md'), 'utf8').matchAll(/(?:pnpm(?:@12)? |, `)((?:db:|new:)?[a-z]+)(?=[ `\n,])/g)].map(
    ([, name]) => name,
  )
  expect(named.length).toBeGreaterThan(10)
  expect(named.filter((name) => name !== undefined && !(name in scripts))).toEqual([])
})
