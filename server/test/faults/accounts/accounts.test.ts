import { afterEach, describe, expect, test } from 'vitest'
import { closeAll } from '../system.ts'
import { runAccounts } from './campaign.ts'

const kills = 5
const seed = process.env['FAULTS_SEED'] ?? String(Date.now() % 1_000_000)

afterEach(closeAll)

// Windows has no SIGKILL.
describe.skipIf(process.platform === 'win32')(
  'under SIGKILL of the server and PostgreSQL in the middle of sign-up, reset and linking',
  () => {
    test(
      `no token is used twice, nobody is locked out and no account is half made (FAULTS_SEED=${seed})`,
      { timeout: 180_000 },
      async () => {
        const { wrongs, stories, toll } = await runAccounts({ seed, kills, people: 4, hasten: true })
        expect(wrongs).toEqual([])
        expect([...toll.kills.values()].reduce((sum, times) => sum + times, 0)).toBe(kills)
        expect(stories.length).toBeGreaterThanOrEqual(4)
      },
    )
  },
)
