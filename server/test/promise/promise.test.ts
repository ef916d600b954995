import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { changes } from './changes.ts'
import { missesOf, tryChange } from './promise.ts'
import { copyWorkspace, type Workspace } from './workspace.ts'

/** One of a column and one of an enumeration. `pnpm promise` tries them all. */
const few = changes.filter(({ id }) => ['renamed', 'value-new'].includes(id))

let workspace: Workspace
beforeAll(() => {
  workspace = copyWorkspace()
})
afterAll(() => workspace.remove())

test.each(changes)('the text that is changed is there, once: $about', ({ edits }) => {
  const texts = new Map<string, string>()
  for (const { file, from, to } of edits) {
    const parts = (texts.get(file) ?? readFileSync(join(import.meta.dirname, '../../..', file), 'utf8')).split(from)
    expect(parts, `${file}: ${from}`).toHaveLength(2)
    texts.set(file, parts.join(to))
  }
})

describe('the compiler names every stale use, in the server, the client, a test and a project outside', () => {
  test.each(few)(
    'when $about',
    async (change) => {
      const outcome = await tryChange(workspace, change)
      expect(missesOf(outcome)).toEqual([])
      expect(new Set(outcome.cells.map(({ place }) => place)).size).toBe(4)
      expect(outcome.cells.length).toBeGreaterThanOrEqual(8)
    },
    120_000,
  )
})
