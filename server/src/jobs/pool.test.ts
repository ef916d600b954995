import { expect, test } from 'vitest'
import { readConfig } from '#lib/config.ts'
import { log } from '#lib/log.ts'
import { createTestDatabase } from '../../test/database.ts'
import { openPool } from './pool.ts'

test('the connections of the jobs have the role and the time limits, whatever options the URL brings', async () => {
  await using database = await createTestDatabase()
  for (const name of ['DATABASE_URL', 'DIRECT_URL']) {
    const url = new URL(database.url)
    url.searchParams.set('options', '-c role=none -c statement_timeout=0 -c work_mem=5MB')
    const config = readConfig({ DATABASE_URL: database.url, [name]: url.href, PLINTH_SECRET: 'x'.repeat(32), STATEMENT_TIMEOUT_MS: '7000' })
    const pool = openPool(config, 1, log)
    const { rows } = await pool.query(`SELECT current_user AS role, current_setting('statement_timeout') AS timeout,
      current_setting('idle_in_transaction_session_timeout') AS idle, current_setting('work_mem') AS memory`)
    await pool.end()
    expect(rows).toEqual([{ role: 'plinth_app', timeout: '7s', idle: '5s', memory: '5MB' }])
  }
})
