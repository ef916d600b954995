import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LeakError } from './print-type.ts'
import { foldFile, foldNames, openProject } from './fold.ts'

const root = join(import.meta.dirname, '../../..')
const leaks = join(root, 'server/test/fixtures/leaks/router.ts')

let opened: ReturnType<typeof openProject>
beforeAll(() => {
  opened = openProject(join(root, 'tsconfig.json'))
})
afterAll(() => opened.close())

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
        name: string
        slug: string
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
})
