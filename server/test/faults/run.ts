/**
 * The long campaign, for people: `pnpm faults [--seed N] [--kills 200] [--clients 16] [--folder path]`.
 * Prints the seed first and the counts last. Exit code 1 where a promise was broken.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { runCampaign, type Verdict } from './campaign.ts'
import { copyServer } from './copy.ts'
import { planFaults } from './points.ts'
import { tellReport } from './report.ts'
import { closeAll } from './system.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    kills: { type: 'string', default: '200' },
    clients: { type: 'string', default: '16' },
    folder: { type: 'string' },
  },
})
const seed = values.seed ?? String(Date.now() % 1_000_000)
const kills = Number(values.kills)

process.once('SIGINT', () => void closeAll().finally(() => process.exit(130)))
process.once('SIGTERM', () => void closeAll().finally(() => process.exit(143)))

const start = Date.now()
console.log(`seed ${seed}, ${kills} kills, ${values.clients} clients`)
const copy = copyServer()
const folder = values.folder ?? mkdtempSync(join(tmpdir(), 'plinth-faults-'))
process.once('exit', () => {
  copy.remove()
  if (values.folder === undefined) rmSync(folder, { recursive: true, force: true })
})
const verdict = await runCampaign({
  seed,
  sources: copy.sources,
  clients: Number(values.clients),
  faults: (random) => planFaults(random, kills),
  tell: (line) => console.log(`${((Date.now() - start) / 1000).toFixed(1).padStart(7)} s  ${line}`),
  folder,
})
console.log(tellVerdict(verdict))
process.exitCode = verdict.report.violations.length > 0 ? 1 : 0

function tellVerdict({ report, toll, drainedAfterMs }: Verdict): string {
  const killed = [...toll.kills].map(([victim, times]) => `${victim} ${times}`).join(', ')
  const total = [...toll.kills.values()].reduce((sum, times) => sum + times, 0)
  return [
    `seed ${seed}: ${total} kills (${killed}), ${toll.cuts} cut connections, ${toll.missed} points not reached in time`,
    `${((Date.now() - start) / 1000).toFixed(0)} seconds; drained ${(drainedAfterMs / 1000).toFixed(1)} seconds after the last call`,
    ...[...toll.faults].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([fault, times]) => `${String(times).padStart(8)}  ${fault}`),
    tellReport(report),
  ].join('\n')
}
