/** Session checks while revocations stream in, in this process: how many a second, and whether anything is served after its end. */
import { createHash, randomBytes, randomUUIDv7 } from 'node:crypto'
import { setImmediate as breathe, setTimeout as sleep } from 'node:timers/promises'
import { connectDatabase, disconnectDatabase, transaction } from '../server/src/db/index.ts'
import { listen, stopListening } from '../server/src/db/notify.ts'
import type { SystemActor } from '../server/src/lib/actor.ts'
import { readConfig } from '../server/src/lib/config.ts'
import { useSecret } from '../server/src/lib/secrets.ts'
import { findSession, settleSessions } from '../server/src/services/auth/index.ts'
import { endSessions } from '../server/src/services/auth/sessions.ts'
import { quantile } from './statistics.ts'
import { makeSessions, type World } from './world.ts'

/** Half of them end sessions that are checked, half those of people whom nobody asks for. */
export const REVOCATIONS_A_SECOND = 50
const LANES = 4
const WATCHED = 800
const bench: SystemActor = { kind: 'SYSTEM', name: 'bench' }

interface Held {
  readonly id: string
  readonly userId: string
  readonly token: string
  isEnded: boolean
}

/** What one kind of check came to. */
export interface Revoking {
  readonly kind: 'cold' | 'hot'
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  /** Checks that asked the database, as a share of all. */
  readonly asked: number
  readonly revoked: number
  readonly revocationP50: number
  readonly revocationP99: number
  /** Checks that began after the end of their session was committed here. */
  readonly afterTheEnd: number
  /** Those of them that were answered as if it lived. */
  readonly served: number
}

/** Gives the figures of cold checks, in a process that does not listen and so remembers nothing, and then of hot ones. */
export async function checksWhileRevoking(world: World, database: string, seconds: number): Promise<Revoking[]> {
  const config = readConfig({ DATABASE_URL: world.url(database), PLINTH_SECRET: 'x'.repeat(32), NODE_ENV: 'production', LOG_LEVEL: 'warn' })
  useSecret(config.PLINTH_SECRET)
  await connectDatabase(config)
  try {
    const cold = await measure(world, database, seconds, 'cold')
    await listen(config)
    return [cold, await measure(world, database, seconds, 'hot')]
  } finally {
    await settleSessions()
    await stopListening()
    await disconnectDatabase()
  }
}

async function measure(world: World, database: string, seconds: number, kind: Revoking['kind']): Promise<Revoking> {
  const most = Math.ceil(seconds * REVOCATIONS_A_SECOND) + 10
  const held = await hold(world, database, WATCHED + 2 * most)
  const [watched, fresh, strangers] = [held.slice(0, WATCHED), held.slice(WATCHED, WATCHED + most), held.slice(WATCHED + most)]
  for (const { token } of watched) await findSession({ kind: 'BEARER', token })
  const until = performance.now() + seconds * 1_000
  const revoking = revoke(watched, strangers, until)
  const lanes = await Promise.all(Array.from({ length: LANES }, async (_, lane) => check(watched, fresh, until, lane * (WATCHED / LANES))))
  const revocations = await revoking
  const latencies = lanes.flatMap((lane) => lane.latencies)
  const sum = (of: 'asked' | 'afterTheEnd' | 'served') => lanes.reduce((total, lane) => total + lane[of], 0)
  return {
    kind,
    perSecond: latencies.length / seconds,
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    asked: sum('asked') / latencies.length,
    revoked: revocations.took.length,
    revocationP50: quantile(revocations.took, 0.5),
    revocationP99: quantile(revocations.took, 0.99),
    afterTheEnd: sum('afterTheEnd') + revocations.took.length,
    served: sum('served') + revocations.served,
  }
}

/** Checks in turn. What has ended is checked once more, and then makes way for a session that nobody has asked for. */
async function check(watched: Held[], fresh: Held[], until: number, from: number) {
  const found = { latencies: [] as number[], asked: 0, afterTheEnd: 0, served: 0 }
  for (let at = from; performance.now() < until; at++) {
    const [place, begun] = [at % watched.length, performance.now()]
    const session = watched[place]
    if (!session) throw new Error('There are no sessions')
    const { isEnded } = session
    const answer = await findSession({ kind: 'BEARER', token: session.token }, { beforeQuery: () => void (found.asked += 1) })
    found.latencies.push(performance.now() - begun)
    // What never waits never lets go of the thread: the process must hear its own timers.
    if (at % 100 === 0) await breathe()
    if (!answer && !session.isEnded) await ending(session)
    if (!isEnded) continue
    found.afterTheEnd += 1
    if (answer) found.served += 1
    if (watched[place] === session) watched[place] = fresh.pop() ?? session
  }
  return found
}

/** A session may be refused a moment before its end is told to the one who ends it, but no other may. */
async function ending(session: Held): Promise<void> {
  for (let waits = 0; !session.isEnded; waits++) {
    if (waits === 500) throw new Error('A living session was refused')
    await sleep(1)
  }
}

/** Ends sessions at a steady pace, as an administrator's button does, and looks for each at once. Gives the milliseconds of each. */
async function revoke(watched: readonly Held[], strangers: Held[], until: number): Promise<{ took: number[]; served: number }> {
  const done = { took: [] as number[], served: 0 }
  const under: Promise<void>[] = []
  const begun = performance.now()
  for (let count = 0; performance.now() < until; count++) {
    const due = begun + (count * 1_000) / REVOCATIONS_A_SECOND
    if (due > performance.now()) await sleep(due - performance.now())
    const session = count % 2 === 0 ? watched[(count * 37) % watched.length] : strangers.pop()
    if (session && !session.isEnded) under.push(end(session, done))
  }
  await Promise.all(under)
  return done
}

async function end(session: Held, done: { took: number[]; served: number }): Promise<void> {
  const begun = performance.now()
  await transaction('auth', bench, async (tx) => endSessions(tx, session.userId, { id: session.id }, 'REVOKED'))
  session.isEnded = true
  done.took.push(performance.now() - begun)
  if (await findSession({ kind: 'BEARER', token: session.token })) done.served += 1
}

/** Signs people in, each as seldom as may be: what ends for one of their sessions makes all of them be looked for again. */
async function hold(world: World, database: string, count: number): Promise<Held[]> {
  const people = (await world.sql(database, 'SELECT id FROM auth.users ORDER BY id')).map(({ id }) => String(id))
  const held = Array.from({ length: count }, (_, at): Held => {
    const token = `pln_t_${createHash('sha256').update(randomBytes(32)).digest('base64url')}`
    return { id: randomUUIDv7(), userId: people[at % people.length] ?? '', token, isEnded: false }
  })
  await makeSessions(world, database, held.map(({ id }) => id), held.map(({ userId }) => userId), held.map(({ token }) => token))
  return held
}
