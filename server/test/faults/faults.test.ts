import { afterEach, describe, expect, test } from 'vitest'
import { runCampaign } from './campaign.ts'
import { planFaults } from './points.ts'
import { brokenRules, tellReport } from './report.ts'
import { spoiledCopy, spoilings } from './spoil.ts'
import { closeAll } from './system.ts'

const kills = 22
const seed = process.env['FAULTS_SEED'] ?? String(Date.now() % 1_000_000)

afterEach(closeAll)

describe('under SIGKILL of the server, the worker, PostgreSQL and its processes', () => {
  test(`nothing that was acknowledged is lost, nothing is done twice, and everything drains (FAULTS_SEED=${seed})`, { timeout: 180_000 }, async () => {
    const { report, toll } = await runCampaign({ seed, clients: 16, faults: (random) => planFaults(random, kills), hasten: true })
    expect(report.violations, tellReport(report)).toEqual([])
    expect([...toll.kills.values()].reduce((sum, times) => sum + times, 0)).toBe(kills)
    expect(report.counts.get('teams.create ok')).toBeGreaterThan(30)
  })

  test.each(spoilings.map((spoiling) => [spoiling.what, spoiling] as const))('the judge misses %s when it is taken out', { timeout: 180_000 }, async (_, spoiling) => {
    const copy = spoiledCopy(spoiling)
    try {
      const { report } = await runCampaign({ seed, clients: 8, faults: () => spoiling.faults, sources: copy.sources, hasten: true })
      expect(brokenRules(report), tellReport(report)).toEqual(expect.arrayContaining([...spoiling.breaks]))
    } finally {
      copy.remove()
    }
  })
})
