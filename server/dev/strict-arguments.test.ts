import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { checkMethods, makeStrict } from './strict-arguments.ts'

const root = join(import.meta.dirname, '../..')
const fixture = join(root, 'server/test/fixtures/strict-arguments')
const copy = join(fixture, 'generated/lines')

const plain = `export type Subset<T, U> = {
  [key in keyof T]: key extends keyof U ? T[key] : never;
};

export type PrismaClientConstructorArgs<Options extends PrismaClientOptions> =
  [PrismaClientOptions] extends [Options] ? PrismaClientOptions : Subset<Options, PrismaClientOptions>;

export type SelectSubset<T, U> = {
  [key in keyof T]: key extends keyof U ? T[key] : never
} &
  (T extends SelectAndInclude ? 'no' : {})

export type SubsetIntersection<T, U, K> = {
  [key in keyof T]: key extends keyof U ? T[key] : never
} &
  K
`

afterAll(() => rmSync(copy, { recursive: true, force: true }))

describe('the strict arguments', () => {
  test('stand in each of the three types that arguments go through, and not in the options of the client', () => {
    const text = makeStrict(plain)
    expect(text.match(/\bStrictArguments<T, U>(?! =)/g)).toHaveLength(3)
    expect(text).not.toContain('Subset<Options')
  })

  test.each(['SelectSubset', 'SubsetIntersection', 'Subset<T', 'PrismaClientConstructorArgs', 'T[key]'])(
    'fail loudly when Prisma changes %s',
    (word) => {
      const changed = plain
        .replaceAll(word, `New${word}`)
        .replace('[PrismaClientOptions] extends', word.startsWith('PrismaClient') ? 'Options extends' : '$&')
      expect(() => makeStrict(changed)).toThrow('review server/dev/strict-arguments.ts')
    },
  )

  test('fail loudly when they are already there', () => {
    expect(() => makeStrict(makeStrict(plain))).toThrow('review server/dev/strict-arguments.ts')
  })

  test('fail loudly when a method no longer takes its arguments through them', () => {
    const read = (model: string): string => readFileSync(join(fixture, 'generated', model), 'utf8')
    const index = "export type * from './models/Author.ts'"
    expect(() => checkMethods(index, read)).not.toThrow()
    for (const method of ['findMany', 'count', 'groupBy', 'updateManyAndReturn']) {
      const changed = (model: string): string => read(model).replace(new RegExp(`^  ${method}<`, 'm'), `  ${method}By<`)
      expect(() => checkMethods(index, changed)).toThrow(`${method} in models/Author.ts`)
    }
  })

  test('put the error on the line of every stale key', () => {
    const statements = readFileSync(join(fixture, 'refused.ts'), 'utf8').replace(/^ *\/\/ @ts-expect-error.*\n/gm, '')
    const stale = statements.split('\n').flatMap((line, index) => (/^ .*\bgone\b|select: hoisted/.test(line) ? [index + 1] : []))
    mkdirSync(copy, { recursive: true })
    writeFileSync(join(copy, 'refused.ts'), statements.replace('./generated/', '../'))
    expect(linesWithErrors()).toEqual(stale)
    expect(stale.length).toBeGreaterThan(75)
  }, 60_000)
})

/** The lines the compiler complains of, in order. */
function linesWithErrors(): number[] {
  const config = { extends: join(root, 'tsconfig.json'), compilerOptions: { types: [] }, include: ['refused.ts'], exclude: [] }
  writeFileSync(join(copy, 'tsconfig.json'), JSON.stringify(config))
  const { stdout } = spawnSync(process.execPath, [compiler(), '-p', copy, '--noEmit', '--pretty', 'false'], { encoding: 'utf8' })
  return [...new Set([...stdout.matchAll(/refused\.ts\((\d+),\d+\): error/g)].map(([, line]) => Number(line)))].toSorted((a, b) => a - b)
}

function compiler(): string {
  return join(createRequire(import.meta.url).resolve('typescript/package.json'), '../bin/tsc')
}
