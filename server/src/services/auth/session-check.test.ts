import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectDatabase, disconnectDatabase, transaction, type Row } from '#db'
import { deliver, isListening, listen, stopListening } from '#db/notify.ts'
import type { SystemActor } from '#lib/actor.ts'
import { readConfig, type Config } from '#lib/config.ts'
import { divertLog } from '#lib/log.ts'
import { useSecret } from '#lib/secrets.ts'
import { advance } from '../../../test/clock.ts'
import { createTestDatabase, query, type TestDatabase } from '../../../test/database.ts'
import { eventually } from '../../../test/outbox.ts'
import { findSession, onRevoked, revocation, settleSessions } from './index.ts'
import { createSessionCache } from './session-cache.ts'
import { endSessions, mintSession, newCredential, type Credential } from './sessions.ts'

const tester: SystemActor = { kind: 'SYSTEM', name: 'test' }
const hour = 3_600_000
let database: TestDatabase
let config: Config
let last = 0

beforeAll(async () => {
  database = await createTestDatabase()
  config = readConfig({ DATABASE_URL: database.url, PLINTH_SECRET: 'a secret for tests, 32 characters' })
  useSecret(config.PLINTH_SECRET)
  await connectDatabase(config)
  await listen(config)
})
afterAll(async () => {
  await stopListening()
  await disconnectDatabase()
  await database.drop()
})

interface SignedIn {
  readonly user: Row<'user'>
  readonly session: Row<'session'>
  readonly credential: Credential
}

/** Somebody with a session. */
async function signedIn(role: 'USER' | 'ADMIN' = 'USER', kind: 'COOKIE' | 'BEARER' = 'BEARER'): Promise<SignedIn> {
  const credential = newCredential(kind)
  return transaction('auth', tester, async (tx) => {
    const user = await tx.user.create({ data: { email: `person${++last}@example.com`, name: 'Person', role, emailVerifiedAt: tx.now } })
    return { user, session: await mintSession(tx, user, credential, { methods: ['PASSWORD'], level: 1 }), credential }
  })
}

/** Ends a session behind everybody's back: only who asks the database sees it. */
const endSilently = ({ session }: SignedIn) =>
  query(database.ownerUrl, 'UPDATE auth.sessions SET revoked_at = now() WHERE id = $1', [session.id])

/**
 * Somebody whose session is remembered here, and has ended behind our back. A busy machine may be deaf for a moment, and then remembers
 * nothing: that is right, and no proof, so it is tried again.
 */
async function remembered(): Promise<SignedIn> {
  return eventually(async () => {
    const ada = await signedIn()
    expect(await findSession(ada.credential)).toMatchObject({
      userId: ada.user.id,
      sessionId: ada.session.id,
      kind: 'BEARER',
      role: 'USER',
    })
    await endSilently(ada)
    return (await findSession(ada.credential)) !== null && ada
  })
}

test('a session that was checked a moment ago costs no query', async () => {
  await remembered()
})

test('what was ended here is ended here at once', async () => {
  const ada = await remembered()
  deliver('plinth_revoked', revocation(ada.user.id))
  expect(await findSession(ada.credential)).toBeNull()
})

test('what was ended elsewhere is ended here within 250 ms', async () => {
  const ada = await remembered()
  await query(database.ownerUrl, 'SELECT pg_notify($1, $2)', ['plinth_revoked', revocation(ada.user.id)])
  await sleep(250)
  expect(await findSession(ada.credential)).toBeNull()
})

test('the notification goes out with the commit of what ended the session', async () => {
  const [ada, heard] = [await signedIn(), new Set<string>()]
  const stop = onRevoked(ada.user.id, () => heard.add('ada'))
  const stopOther = onRevoked('somebody else', () => heard.add('other'))
  await transaction('auth', tester, async (tx) => {
    await endSessions(tx, ada.user.id, {}, 'REVOKED')
    await sleep(100)
    expect(heard.size).toBe(0)
  })
  await sleep(250)
  stop()
  stopOther()
  expect([...heard]).toEqual(['ada'])
})

test('S18 when its LISTEN connection is killed, a process forgets everything', async () => {
  const ada = await remembered()
  await query(
    database.ownerUrl,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'plinth listen' AND datname = current_database()`,
  )
  await eventually(() => !isListening())
  expect(await findSession(ada.credential)).toBeNull()
  await eventually(isListening)
})

test('S18 a process that does not hear of revocations remembers nothing', async () => {
  const ada = await signedIn()
  await findSession(ada.credential)
  await stopListening()
  expect(await findSession(ada.credential)).not.toBeNull()
  await endSilently(ada)
  expect(await findSession(ada.credential)).toBeNull()
  await listen(config)
  expect(await findSession(ada.credential)).toBeNull()
})

test('what was revoked while it was being loaded is not remembered; what others had revoked does not matter', async () => {
  const cache = createSessionCache<string>()
  const load = (revoked: string | null) =>
    cache.load('key', async () => {
      if (revoked !== null) deliver('plinth_revoked', revocation(revoked))
      return { userId: 'ada', value: 'found', forMs: hour }
    })
  await eventually(isListening)
  expect(await load('ada')).toBe('found')
  expect(cache.get('key')).toBeUndefined()
  expect(await load('bob')).toBe('found')
  expect(cache.get('key')).toBe('found')
  deliver('plinth_revoked', revocation('ada'))
  expect(cache.get('key')).toBeUndefined()
})

test('the memory has a limit, and the oldest session gives way', async () => {
  const cache = createSessionCache<number>(1_000)
  await eventually(isListening)
  for (let i = 0; i < 1_010; i += 1) await cache.load(`key${i}`, async () => ({ userId: `user${i % 100}`, value: i, forMs: hour }))
  expect(cache.size).toBe(1_000)
  expect([cache.get('key9'), cache.get('key10')]).toEqual([undefined, 10])
})

test('what is remembered is asked again after a minute, and when the session expires', async () => {
  const [ada, bob] = [await signedIn(), await signedIn()]
  await findSession(ada.credential)
  await endSilently(ada)
  await advance(database.ownerUrl, 60_000)
  expect(await findSession(ada.credential)).toBeNull()
  await query(database.ownerUrl, `UPDATE auth.sessions SET expires_at = core.clock() + interval '5 s' WHERE id = $1`, [bob.session.id])
  expect(await findSession(bob.credential)).not.toBeNull()
  await advance(database.ownerUrl, 5_001)
  expect(await findSession(bob.credential)).toBeNull()
})

test('S11 a token of one kind is nothing as the other, and neither is anything that merely looks like one', async () => {
  const [tool, browser] = [await signedIn('USER', 'BEARER'), await signedIn('USER', 'COOKIE')]
  for (const { credential } of [tool, browser]) {
    const { kind, token } = credential
    const other = kind === 'COOKIE' ? 'BEARER' : 'COOKIE'
    const swapped = (other === 'COOKIE' ? 'pln_s_' : 'pln_t_') + token.slice(6)
    expect(token).toMatch(/^pln_[st]_[\w-]{43}$/)
    expect(await findSession({ kind: other, token })).toBeNull()
    expect(await findSession({ kind: other, token: swapped })).toBeNull()
    for (const odd of ['', ' ', `${token} `, token.slice(0, -1), `${token}a`, token.toUpperCase(), `${token}\n`, 'pln_t_']) {
      expect(await findSession({ kind, token: odd })).toBeNull()
    }
    expect(await findSession(credential)).not.toBeNull()
  }
})

test('S07 who is disabled or deleted has no session', async () => {
  const [ada, bob] = [await signedIn(), await signedIn()]
  await query(database.ownerUrl, 'UPDATE auth.users SET disabled_at = now() WHERE id = $1', [ada.user.id])
  await transaction('auth', tester, async (tx) => tx.user.delete({ where: { id: bob.user.id } }))
  expect(await findSession(ada.credential)).toBeNull()
  expect(await findSession(bob.credential)).toBeNull()
})

test("S08 a session ends when it is idle for 14 days, and after 30 days however much it is used; an administrator's after an hour and a day", async () => {
  for (const [role, idle, absolute] of [
    ['USER', 14 * 24 * hour, 30 * 24 * hour],
    ['ADMIN', hour, 24 * hour],
  ] as const) {
    const [idler, busy] = [await signedIn(role), await signedIn(role)]
    const step = idle / 2 + hour / 60
    for (let at = 0; at + step < absolute; at += step) {
      expect(await findSession(busy.credential)).not.toBeNull()
      await settleSessions()
      await advance(database.ownerUrl, step)
      if (at > 0) expect(await findSession(idler.credential)).toBeNull()
    }
    expect(await findSession(busy.credential)).not.toBeNull()
    await settleSessions()
    await advance(database.ownerUrl, step)
    expect(await findSession(busy.credential)).toBeNull()
  }
})

test('the use of a session is written at most once an hour, and a write that failed is made up for by the next use', async () => {
  const ada = await signedIn()
  const usedAt = async () => {
    await settleSessions()
    const [row] = await query<{ at: Date }>(database.ownerUrl, 'SELECT last_used_at AS at FROM auth.sessions WHERE id = $1', [
      ada.session.id,
    ])
    return row?.at.getTime() ?? 0
  }
  const first = await usedAt()
  await advance(database.ownerUrl, hour - 60_000)
  await findSession(ada.credential)
  expect(await usedAt()).toBe(first)

  await advance(database.ownerUrl, 60_000)
  const lines: string[] = []
  const restore = divertLog({ write: (line) => void lines.push(line) })
  await query(database.ownerUrl, 'ALTER TABLE auth.sessions RENAME updated_at TO gone')
  await findSession(ada.credential)
  expect(await usedAt()).toBe(first)
  restore()
  await query(database.ownerUrl, 'ALTER TABLE auth.sessions RENAME gone TO updated_at')
  expect(lines.join('')).toContain('The use of a session could not be written')

  await Promise.all(Array.from({ length: 20 }, () => findSession(ada.credential)))
  expect(await usedAt()).toBeGreaterThanOrEqual(first + hour)
})

test('nothing is queried for an unknown credential where the caller may not try another', async () => {
  const beforeQuery = () => {
    throw new Error('too many')
  }
  await expect(findSession(newCredential('BEARER'), { beforeQuery })).rejects.toThrow('too many')
  expect(await findSession({ kind: 'BEARER', token: 'malformed' }, { beforeQuery })).toBeNull()
})
