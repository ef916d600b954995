import { afterEach, describe, expect, test } from 'vitest'
import { runCampaign } from './campaign.ts'
import { planFaults } from './points.ts'
import { tellReport } from './report.ts'
import { closeAll } from './system.ts'

const kills = 22
const seed = process.env['FAULTS_SEED'] ?? String(Date.now() % 1_000_000)

afterEach(closeAll)

// Windows has no SIGKILL.
describe.skipIf(process.platform === 'win32')('under SIGKILL of the server, the worker, PostgreSQL and its processes', () => {
  test(
    `nothing that was acknowledged is lost, nothing is done twice, and everything drains (FAULTS_SEED=${seed})`,
    { timeout: 180_000 },
    async () => {
      const { report, toll } = await runCampaign({ seed, clients: 16, faults: (random) => planFaults(random, kills), hasten: true })
      expect(report.violations, tellReport(report)).toEqual([])
      expect([...toll.kills.values()].reduce((sum, times) => sum + times, 0)).toBe(kills)
      expect(report.counts.get('teams.create ok')).toBeGreaterThan(30)
    },
  )
})
