import { defineConfig } from 'vitest/config'
import { BaseSequencer } from 'vitest/node'
import type { TestSpecification } from 'vitest/node'

/** What takes minutes begins first: so nobody waits for it alone at the end, and what measures time runs in calmer company. */
const long = [
  'test/faults/faults.test.ts',
  'test/faults/spoil.test.ts',
  'test/promise/promise.test.ts',
  'test/docker/docker.test.ts',
  'dev/new-service.test.ts',
]

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification): boolean => long.some((name) => moduleId.endsWith(name))
    const others = await super.sort(files.filter((file) => !isLong(file)))
    return [...files.filter(isLong), ...others]
  }
}

export default defineConfig({
  test: {
    include: ['{server,client}/**/*.test.ts', 'bench/*.test.ts'],
    globalSetup: ['server/test/setup.ts'],
    pool: 'forks',
    // On two cores a third file runs while others wait for a clock, a lock or a killed process: 4 minutes instead of 5.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    env: { NODE_ENV: 'test' },
  },
})
