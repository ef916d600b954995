import { defineConfig } from 'vitest/config'
export default defineConfig({ test: { root: '/work/main', include: ['server/test/faults/*.test.ts'], pool: 'forks', testTimeout: 120000 } })
