import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['{server,client}/**/*.test.ts'],
    globalSetup: ['server/test/setup.ts'],
    pool: 'forks',
    // Each file has a database and often a server of its own: more of them at once than cores only makes the slowest slower.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    env: { NODE_ENV: 'test' },
  },
})
