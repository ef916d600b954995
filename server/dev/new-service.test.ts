import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { copyAll, type Copy } from '../test/new-service/copy.ts'
import { edit, stepsOf } from '../test/new-service/follow.ts'
import { pnpmCommands } from '../test/new-service/pnpm-commands.ts'
import { createTestDatabase, type TestDatabase } from '../test/database.ts'
import { readNames, withNames } from './new-service/names.ts'

describe('names', () => {
  test('the noun follows from the service, or is said; many of them are named as English names them', () => {
    expect(readNames(['notes'])).toEqual({ service: 'notes', noun: 'note', nouns: 'notes' })
    expect(readNames(['library', 'story'])).toEqual({ service: 'library', noun: 'story', nouns: 'stories' })
    expect(readNames(['boxes'])).toEqual({ service: 'boxes', noun: 'box', nouns: 'boxes' })
    expect(withNames('A noun of SERVICE: createNoun, Nouns', readNames(['stock', 'asset']))).toBe('An asset of stock: createAsset, Assets')
  })

  test.each([[[]], [['Library', 'book']], [['line-items']], [['library', 'class']], [['library', 'page']]])('%j are refused', (words) => {
    expect(() => readNames(words)).toThrow(/one word in lower case|means something else/)
  })
})

test('no script has the name of a command of pnpm, which would be run in its place', () => {
  const { scripts } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as { scripts: object }
  expect(Object.keys(scripts).filter((name) => pnpmCommands.has(name))).toEqual([])
})

describe('a new service', () => {
  let copy: Copy
  let database: TestDatabase
  beforeAll(async () => {
    ;[copy, database] = [await copyAll(), await createTestDatabase()]
  })
  afterAll(async () => {
    await copy[Symbol.asyncDispose]()
    await database.drop()
  })

  test('of the generator, and one made by following docs/new-service.md to the letter, pass check and their own tests', async () => {
    const environment = { DATABASE_URL: database.ownerUrl, TEST_DATABASE_URL: inject('postgres').url }
    const steps = stepsOf(readFileSync(join(copy.folder, 'docs/new-service.md'), 'utf8'))
    expect(steps.length).toBeGreaterThan(20)
    await copy.script('new:service', ['garden'])
    for (const step of steps) {
      if (step.kind !== 'run') edit(copy.folder, step)
      // What takes long is done once, for both services, when both are there.
      else if (!['check', 'test'].includes(step.script)) await copy.script(step.script, step.args, environment)
    }
    await copy.script('check', [], environment)
    await copy.script(
      'test',
      ['server/src/services/library', 'server/src/services/garden', 'server/src/personal-data.test.ts'],
      environment,
    )
    await expect(copy.script('new:service', ['library', 'book'])).rejects.toThrow('There is a service library already.')
  }, 600_000)
})
