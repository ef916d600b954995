import { afterEach, expect, test } from 'vitest'
import { runCampaign } from './campaign.ts'
import { brokenRules, tellReport } from './report.ts'
import { spoiledCopy, spoilings } from './spoil.ts'
import { closeAll } from './system.ts'

afterEach(closeAll)

const named = spoilings.map((spoiling) => [spoiling.what, spoiling] as const)

// Windows has no SIGKILL.
test.skipIf(process.platform === 'win32').each(named)(
  'when %s is taken out of a copy of the server, the judge finds the promise that it kept broken',
  { timeout: 120_000 },
  async (_, spoiling) => {
    const copy = spoiledCopy(spoiling)
    try {
      const { report } = await runCampaign({
        seed: 'spoiled',
        clients: 4,
        faults: () => spoiling.faults,
        sources: copy.sources,
        hasten: true,
      })
      expect(brokenRules(report), tellReport(report)).toEqual(expect.arrayContaining([...spoiling.breaks]))
    } finally {
      copy.remove()
    }
  },
)

test('a spoiling whose text is not in the code any more fails loudly', () => {
  const [first] = spoilings
  expect(() => spoiledCopy({ ...first!, from: 'what nobody ever wrote' })).toThrow(/0 times in src/)
})
