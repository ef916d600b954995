import { connect, createServer } from 'node:net'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createTestDatabase, query, type TestDatabase } from '../../test/database.ts'
import { eventually } from '../../test/outbox.ts'
import { openProxy } from '../../test/tcp-proxy.ts'
import { log } from '#lib/log.ts'
import { isListening, listen, notifySoon, notifyThrough, onDeaf, onHearing, onNotification, stopListening } from './notify.ts'

let database: TestDatabase
const ends: (() => void)[] = []

beforeAll(async () => {
  log.level = 'silent'
  database = await createTestDatabase()
})

afterEach(async () => {
  ends.splice(0).forEach((end) => end())
  await stopListening()
})

afterAll(() => database.drop())

const config = (url = database.url) => ({ DATABASE_URL: url, DIRECT_URL: undefined, DATABASE_ROLE: 'plinth_app' })

/** Takes the NotificationResponses ('A') out of a chunk of whole messages. */
function withoutNotifications(bytes: Buffer): Buffer {
  const kept: Buffer[] = []
  for (let at = 0; at + 5 <= bytes.length; at += 1 + bytes.readUInt32BE(at + 1)) {
    if (bytes[at] !== 0x41) kept.push(bytes.subarray(at, at + 1 + bytes.readUInt32BE(at + 1)))
  }
  return Buffer.concat(kept)
}

/** Kills the server's side of this process's LISTEN connection. */
const killBackend = () =>
  query(
    database.ownerUrl,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'plinth listen' AND datname = current_database()`,
  )

test('what another process notifies arrives with its payload', async () => {
  const heard: string[] = []
  ends.push(onNotification('plinth_revoked', (payload) => heard.push(payload)))
  await listen(config())
  await query(database.url, `SELECT pg_notify('plinth_revoked', 'session-1')`)
  await eventually(() => heard.length > 0)
  expect(heard).toEqual(['session-1'])
})

test('the connections that listen and notify take the role of the application, like every other', async () => {
  await listen({ ...config(), DATABASE_ROLE: 'nobody_there' })
  expect(isListening()).toBe(false)
  await stopListening()
  await listen(config())
  expect(isListening()).toBe(true)
})

test('a process that does not listen says so, and loses nothing but the speed', async () => {
  expect(isListening()).toBe(false)
  expect(() => notifySoon('plinth_outbox')).not.toThrow()
  await listen(config())
  expect(isListening()).toBe(true)
  await stopListening()
  expect(isListening()).toBe(false)
})

test('a process that does not listen still notifies those that do', async () => {
  const other = new pg.Client({ connectionString: database.url })
  await other.connect()
  await other.query('LISTEN plinth_outbox')
  const heard: string[] = []
  other.on('notification', ({ payload }) => heard.push(payload ?? ''))
  notifyThrough(config())
  notifySoon('plinth_outbox', 'teams')
  await eventually(() => heard.length > 0)
  await other.end()
  expect(heard).toEqual(['teams'])
})

test('a thousand equal notifications go out as few', async () => {
  const heard: string[] = []
  ends.push(onNotification('plinth_outbox', (payload) => heard.push(payload)))
  await listen(config())
  for (let count = 0; count < 1_000; count++) {
    notifySoon('plinth_outbox', 'teams')
    if (count % 100 === 0) await new Promise(setImmediate)
  }
  notifySoon('plinth_outbox', 'last')
  await eventually(() => heard.includes('last'))
  expect(heard.length).toBeGreaterThan(1)
  expect(heard.length).toBeLessThan(20)
})

test('a killed backend makes it deaf at once, and soon it hears again without being asked', { retry: 3 }, async () => {
  const said: string[] = []
  const delays: number[] = []
  ends.push(onDeaf(() => said.push('deaf')))
  await listen(config())
  ends.push(onHearing(() => said.push('hearing')))
  for (const round of [1, 2, 3]) {
    const start = performance.now()
    await killBackend()
    await eventually(() => said.length === 2 * round - 1)
    delays.push(performance.now() - start)
    await eventually(() => isListening())
  }
  expect(said).toEqual(['deaf', 'hearing', 'deaf', 'hearing', 'deaf', 'hearing'])
  expect(Math.max(...delays)).toBeLessThan(250)
  // No heartbeat is waited for.
  expect(Math.min(...delays)).toBeLessThan(50)
})

test('a connection that falls silent without a word makes it deaf within 250 ms', { retry: 3 }, async () => {
  await using proxy = await openProxy(database.url)
  let deafAt = 0
  ends.push(onDeaf(() => (deafAt ||= performance.now())))
  await listen(config(proxy.url))
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(isListening()).toBe(true)
  const start = performance.now()
  proxy.hush()
  await eventually(() => deafAt > 0, 1_000)
  expect(deafAt - start).toBeLessThan(260)
  expect(isListening()).toBe(false)
  proxy.speak()
  await eventually(() => isListening(), 3_000)
})

test('a connection on which LISTEN succeeds but nothing arrives, as behind a pooler, is never believed', async () => {
  await using pooler = await openProxy(database.url, withoutNotifications)
  let deaf = 0
  ends.push(onDeaf(() => deaf++))
  await listen(config(pooler.url))
  expect(isListening()).toBe(false)
  expect(deaf).toBe(0)
})

test('a database that falls silent while the connection is being proved harms nobody', async () => {
  let silent = false
  const fallSilent = (bytes: Buffer): Buffer => {
    const answer = silent ? Buffer.alloc(0) : bytes
    silent ||= bytes.includes('LISTEN')
    return answer
  }
  await using proxy = await openProxy(database.url, fallSilent)
  await listen(config(proxy.url))
  expect(isListening()).toBe(false)
  await new Promise((resolve) => setTimeout(resolve, 300))
})

test('a process that was busy for longer than the limit does not believe that it hears', async () => {
  await listen(config())
  expect(isListening()).toBe(true)
  const start = performance.now()
  while (performance.now() - start < 260);
  expect(isListening()).toBe(false)
  await eventually(() => isListening(), 1_000)
})

test('a database that is down delays no start, and is found when it comes up', { retry: 3 }, async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => taken.once('listening', resolve))
  const url = new URL(database.url)
  const { port, host } = url
  url.port = String((taken.address() as { port: number }).port)
  await new Promise((resolve) => taken.close(resolve))
  const start = performance.now()
  await listen(config(url.href))
  expect(performance.now() - start).toBeLessThan(1_000)
  expect(isListening()).toBe(false)
  const late = createServer((near) => {
    const far = connect(Number(port), host.split(':')[0])
    near.pipe(far).pipe(near)
    near.on('error', () => far.destroy())
    far.on('error', () => near.destroy())
  }).listen(Number(url.port), '127.0.0.1')
  await eventually(() => isListening(), 5_000)
  await stopListening()
  await new Promise((resolve) => late.close(resolve))
})

test('a handler that throws harms neither the others nor the connection', async () => {
  const heard: string[] = []
  ends.push(
    onNotification('plinth_feed', () => {
      throw new Error('a faulty handler')
    }),
  )
  ends.push(onNotification('plinth_feed', (payload) => heard.push(payload)))
  await listen(config())
  await query(database.url, `SELECT pg_notify('plinth_feed', 'auth')`)
  await eventually(() => heard.length > 0)
  expect(isListening()).toBe(true)
})
