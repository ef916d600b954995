import { afterAll, beforeAll, expect, test } from 'vitest'
import { hashesAtOnce } from '#lib/hashing.ts'
import { atOnce } from '../../../test/race.ts'
import { query } from '../../../test/database.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'

const password = 'nine lazy otters hum'
const pool = 20
let server: TestServer

beforeAll(async () => {
  server = await startTestServer({ env: { POOL_MAX: String(pool) } })
})
afterAll(() => server.stop())

test('a crowd that signs in leaves connections to everybody else', async () => {
  const { me } = await server.signUpAs('crowd@example.com', { password })
  const crowd = 60 * hashesAtOnce
  const answers = await atOnce(server.url, crowd, (browser, index) =>
    browser.mutate('auth.signIn', { email: me.email, password: index % 2 === 0 ? password : `${password}!`, delivery: 'TOKEN' }),
  )
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(crowd / 2)
  expect(answers.filter(({ status }) => status === 401)).toHaveLength(crowd / 2)
  // What was opened stays open for ten seconds after its last use.
  const [opened] = await query<{ count: number }>(
    server.database.ownerUrl,
    `SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'plinth'`,
  )
  expect(opened?.count).toBeGreaterThan(0)
  expect(opened?.count).toBeLessThanOrEqual(pool / 2)
})
