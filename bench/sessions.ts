/**
 * What the session check costs: answered from memory, by the one statement (what a process does that does not listen, or does not know the
 * session yet), and for comparison through Prisma with the person included.
 *
 * `DATABASE_URL=... node bench/sessions.ts`, on a database that world.ts made.
 */
import { connectDatabase, db, disconnectDatabase } from '../server/src/db/index.ts'
import { listen, stopListening } from '../server/src/db/notify.ts'
import { readConfig } from '../server/src/lib/config.ts'
import { sha256, useSecret } from '../server/src/lib/secrets.ts'
import { findSession } from '../server/src/services/auth/index.ts'
import { requireFromServer } from './packages.ts'
import { countQueries } from './queries.ts'
import { offer } from './worker.ts'
import { teams } from './world.ts'

const config = readConfig({ PLINTH_SECRET: 'x'.repeat(32), ...process.env })
useSecret(config.PLINTH_SECRET)
await connectDatabase(config)
let turn = 0
const next = () => teams[turn++ % teams.length] ?? teams[0]!
const find = async () => {
  if (!(await findSession({ kind: 'BEARER', token: next().token }))) throw new Error('There is no such session')
}
const throughPrisma = () => db('auth').session.findFirst({ where: { tokenHash: sha256(next().token), revokedAt: null }, include: { user: true } })

// Without listening nothing is remembered.
const queries = countQueries(requireFromServer('pg') as Parameters<typeof countQueries>[0])
const isHot = process.env['BENCH_SESSIONS'] === 'hot'
if (isHot) await listen(config)
if (isHot) for (const _ of teams) await find()

await offer({ ...(isHot ? { hot: find } : { cold: find, prisma: throughPrisma }), queries: () => queries(find) }, async () => {
  await stopListening()
  await disconnectDatabase()
})
