import { spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LeakError } from './print-type.ts'
import { foldFile, foldNames, openProject } from './fold.ts'

const root = join(import.meta.dirname, '../../..')
const leaks = join(root, 'server/test/fixtures/leaks/router.ts')

const scratch = join(root, 'server/test/fixtures/leaks/generated')

let opened: ReturnType<typeof openProject>
beforeAll(() => {
  opened = openProject(join(root, 'tsconfig.json'))
})
afterAll(() => {
  opened.close()
  rmSync(scratch, { recursive: true, force: true })
})

describe('the folded types', () => {
  test.each([
    ['PrismaClientItself', 'output of things.get.db'],
    ['Decimal', 'output of things.get.items[].price'],
    ['PendingQuery', 'output of things.get.rows'],
    ['Schema', 'output of things.get.schema'],
    ['Failure', 'output of things.get.error'],
    ['Anything', 'output of things.get.deep.value is `any`'],
    ['Callback', 'output of things.get.then'],
    ['Mark', 'output of things.get.mark'],
  ])('refuse a router that leaks: %s', (name, place) => {
    const fold = () => foldNames(opened.project, leaks, [name])
    expect(fold).toThrow(LeakError)
    expect(fold).toThrow(place)
  })

  test('say plain data as it is', () => {
    expect(foldNames(opened.project, leaks, ['Plain'])).toContain(`get: Query<void, {
      id: string
      at: Date
      total: bigint
      tags: readonly string[]
      pair: [number, string | null]
      file?: Uint8Array
      row: {
        id: string
        teamId: string
        name: string
        email: string
        /** As it is printed on invoices. */
        address: string | null
        /** VAT or other tax number, as printed on invoices. */
        taxId: string | null
        createdAt: Date
        updatedAt: Date
        deletedAt: Date | null
        deletionId: string | null
      }
    }>`)
  })

  test('carry the comments of procedures and fields to the consumer', () => {
    const text = foldFile(opened.project, join(root, 'client/src/api.ts'))
    expect(text).toMatch(/\/\*\* Gives a member another role\. .*\*\/\n\s+changeRole: Mutation</)
    expect(text).toMatch(/\/\*\* The caller's own role in it\. \*\/\n\s+role: TeamRole/)
    expect(text).toContain('id: TeamId')
    expect(text).not.toMatch(/prisma|zod|import\(/i)
  })

  test('mean exactly what the server means, for every input, output and error', () => {
    const text = foldFile(opened.project, join(root, 'client/src/api.ts'))
    mkdirSync(scratch, { recursive: true })
    // The same brand on both sides: it is the one thing that the folded types have of their own.
    writeFileSync(
      join(scratch, 'folded.ts'),
      text.replace(/^type Branded<.*$/m, "type Branded<Name extends string> = string & import('zod').$brand<Name>"),
    )
    writeFileSync(join(scratch, 'same.ts'), comparison)
    writeFileSync(
      join(scratch, 'tsconfig.json'),
      JSON.stringify({ extends: join(root, 'tsconfig.json'), include: ['same.ts'], exclude: [] }),
    )
    const compiler = join(createRequire(import.meta.url).resolve('typescript/package.json'), '../bin/tsc')
    const { stdout } = spawnSync(process.execPath, [compiler, '-p', scratch, '--noEmit', '--pretty', 'false'], { encoding: 'utf8' })
    expect(stdout.split('\n').filter((line) => line.startsWith('server/test/fixtures/leaks'))).toEqual([])
    expect(stdout).not.toContain('same.ts')
  }, 60_000)
})

const comparison = `import type { inferRouterInputs, inferRouterOutputs } from '@trpc/server'
import type * as live from '../../../../../client/src/api.ts'
import type * as folded from './folded.ts'
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : { live: A; folded: B }
type Paths<A, B> = { [S in keyof A]: S extends keyof B ? { [K in keyof A[S]]: K extends keyof B[S] ? Same<A[S][K], B[S][K]> : 'missing' } : 'missing' }
type AllTrue<T> = { [S in keyof T]: { [K in keyof T[S]]: true } }
type Inputs = Paths<inferRouterInputs<live.AppRouter>, inferRouterInputs<folded.AppRouter>>
type Outputs = Paths<inferRouterOutputs<live.AppRouter>, inferRouterOutputs<folded.AppRouter>>
export const inputs = (value: Inputs): AllTrue<Inputs> => value
export const outputs = (value: Outputs): AllTrue<Outputs> => value
export const errors = (value: Same<live.ErrorData, folded.ErrorData>): true => value
`
