import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { envExample, envExampleFile } from './env-example.ts'

test('.env.example names every variable of the configuration, with its meaning and its default', () => {
  expect(readFileSync(envExampleFile, 'utf8')).toBe(envExample())
})
