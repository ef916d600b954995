/**
 * How many session checks a second: answered from memory, by the one statement, and, for comparison, through Prisma with the person included.
 * Then the same while sessions are revoked all the time, and how long a sign-in's hash takes. One process.
 *
 * `node bench/sessions.ts postgresql://owner@host/deployed_database [sessions] [seconds]`
 */
import { setImmediate as breathe, setTimeout as sleep } from 'node:timers/promises'
import { connectDatabase, db, disconnectDatabase, transaction } from '../server/src/db/index.ts'
import { listen, stopListening } from '../server/src/db/notify.ts'
import { readConfig } from '../server/src/lib/config.ts'
import { hashPassword, verifyPassword } from '../server/src/lib/password-hash.ts'
import { sha256, useSecret } from '../server/src/lib/secrets.ts'
import { findSession, revocation } from '../server/src/services/auth/index.ts'
import { readSession } from '../server/src/services/auth/session-statements.ts'
import { mintSession, newCredential, type Credential } from '../server/src/services/auth/sessions.ts'

const [, , url, sessions = '20000', seconds = '3'] = process.argv
if (!url) throw new Error('Name the database: node bench/sessions.ts postgresql://...')
const config = readConfig({ DATABASE_URL: url, PLINTH_SECRET: 'x'.repeat(32), NODE_ENV: 'production' })
const bench = { kind: 'SYSTEM', name: 'bench' } as const
useSecret(config.PLINTH_SECRET)
await connectDatabase(config)
await listen(config)

const people: { userId: string; credential: Credential; hash: Buffer<ArrayBuffer> }[] = []
while (people.length < Number(sessions)) await makePeople(500)
const pick = () => people[Math.floor(Math.random() * people.length)] ?? people[0]!

const cold = async () => void (await readSession(pick().hash, 'BEARER'))
const hot = async () => void (await findSession(pick().credential))
const prisma = async () => void (await db('auth').session.findFirst({ where: { tokenHash: pick().hash, revokedAt: null }, include: { user: true } }))

console.log('one statement, 1 at once  ', await rate(cold, 1))
console.log('one statement, 16 at once ', await rate(cold, 16))
console.log('through Prisma, 1 at once ', await rate(prisma, 1))
console.log('through Prisma, 16 at once', await rate(prisma, 16))
await warm()
console.log('from memory               ', await rate(hot, 1))
await warm()
const revoking = setInterval(() => void transaction('auth', bench, (tx) => tx.notify('plinth_revoked', revocation(pick().userId))), 10)
console.log('from memory, 100 revoked/s', await rate(hot, 16))
clearInterval(revoking)
const stored = await hashPassword('nine lazy otters hum')
console.log('passwords verified        ', await rate(() => verifyPassword(stored, 'nine lazy otters hum'), 8))
await stopListening()
await disconnectDatabase()

/** Lets every session be remembered. */
async function warm(): Promise<void> {
  for (const { credential } of people) await findSession(credential)
}

async function makePeople(count: number): Promise<void> {
  await transaction('auth', bench, async (tx) => {
    for (let i = 0; i < count; i += 1) {
      const credential = newCredential('BEARER')
      const user = await tx.user.create({ data: { email: `bench${crypto.randomUUID()}@example.com`, name: 'Bench', emailVerifiedAt: tx.now } })
      await mintSession(tx, user, credential, { methods: ['PASSWORD'], level: 1 })
      people.push({ userId: user.id, credential, hash: sha256(credential.token) })
    }
  })
}

/** Rounds a second, by `lanes` that each do one after the other. */
async function rate(work: () => Promise<unknown>, lanes: number): Promise<number> {
  const started = performance.now()
  const until = started + Number(seconds) * 1_000
  let done = 0
  const lane = async () => {
    for (let i = 1; performance.now() < until; i += 1) {
      await work()
      done += 1
      // Answers from memory never let go of the thread. The process must hear its heartbeat, or it is deaf and remembers nothing.
      if (i % 100 === 0) await breathe()
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  return Math.round((done * 1_000) / (performance.now() - started))
}
