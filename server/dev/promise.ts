/** `pnpm promise [change ...]`: tries the promise with every change, or with those named, and writes docs/promise.md. Exits with 1 where something was missed. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { changes } from '../test/promise/changes.ts'
import { missesOf, page, tryChange, type Outcome } from '../test/promise/promise.ts'
import { copyWorkspace } from '../test/promise/workspace.ts'

const wanted = process.argv.slice(2)
const workspace = copyWorkspace()
const outcomes: Outcome[] = []
try {
  for (const change of changes.filter(({ id }) => wanted.length === 0 || wanted.includes(id))) {
    const outcome = await tryChange(workspace, change)
    outcomes.push(outcome)
    const stale = outcome.cells.filter((cell) => cell.stale).length
    const misses = missesOf(outcome)
    console.log(
      `${misses.length === 0 ? 'kept  ' : 'BROKEN'} ${change.about}: ${stale} stale uses, ${outcome.elsewhere} lines elsewhere; ${outcome.contract}`,
    )
    for (const { place, line, kind, stale: isStale } of misses)
      console.log(`       ${isStale ? 'missed' : 'named for nothing'}: ${place}, line ${line}, ${kind}`)
  }
} finally {
  workspace.remove()
}
if (outcomes.some((outcome) => missesOf(outcome).length > 0)) process.exitCode = 1
if (wanted.length === 0) writeFileSync(join(import.meta.dirname, '../../docs/promise.md'), page(outcomes))
