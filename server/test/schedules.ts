/** What runs by the clock, run now. */
import pg from 'pg'
import type { Job } from '#db'
import { houseSchedules } from '../src/jobs/schedules.ts'
import { jobs as auth } from '../src/services/auth/index.ts'
import { jobs as profile } from '../src/services/profile/index.ts'
import { jobs as teams } from '../src/services/teams/index.ts'
import type { TestServer } from './server.ts'

/** Runs every schedule of the house and of the services once, one after the other, as the application does. */
export async function runSchedules({ database: { url } }: TestServer): Promise<void> {
  const pool = new pg.Pool({ connectionString: url, options: '-c role=plinth_app', max: 2 })
  try {
    for (const { run } of houseSchedules(pool)) await run()
    for (const job of [...auth, ...profile, ...teams] as Job[]) if (job.kind === 'schedule') await job.run()
  } finally {
    await pool.end()
  }
}
