/** Connections that hold on to a server by sending next to nothing. */
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { divertLog } from '#lib/log.ts'
import { openBrowser } from '../browser.ts'
import { query } from '../database.ts'
import { startTestServer, type TestServer } from '../server.ts'

const second = 1_000
const lines: string[] = []
const undivert = divertLog({ write: (line) => void lines.push(line) })
let server: TestServer

beforeAll(async () => {
  server = await startTestServer({ env: { LOG_LEVEL: 'info' } })
})
afterAll(async () => {
  undivert()
  await server.stop()
})

test(
  'C10 four hundred connections that trickle are closed in time, unanswered calls run nothing, and nobody else waits',
  { timeout: 120_000 },
  async () => {
    const { token } = await server.signUpAs('patient@example.com')
    const other = openBrowser(server.url, { authorization: `Bearer ${token}` })
    const traces = () => query(server.database.ownerUrl, `SELECT event, count(*)::int FROM core.activity GROUP BY event ORDER BY event`)
    const before = await traces()
    const [inHeader, inBody] = [many(200, () => trickle('x-slow: ', 5 * second)), many(200, () => trickle('\r\n{', second))]
    let open = 400
    for (const { closed } of [...inHeader, ...inBody]) void closed.then(() => (open -= 1))
    const took: number[] = []
    while (open > 0) {
      const started = performance.now()
      expect((await other.query('auth.me')).status).toBe(200)
      took.push(performance.now() - started)
      await sleep(100)
    }
    expect(took.length).toBeGreaterThan(100)
    expect(took.toSorted((a, b) => a - b)[Math.floor(took.length / 2)]).toBeLessThan(100)
    for (const [trickles, limit] of [
      [inHeader, 20 * second],
      [inBody, 45 * second],
    ] as const) {
      for (const { ms, answer } of await Promise.all(trickles.map(({ closed }) => closed))) {
        expect(answer).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\nConnection: close\r\n\r\n$/)
        expect(ms).toBeLessThan(limit)
      }
    }
    expect(await traces()).toEqual(before)
    expect(lines.filter((line) => line.includes('"level":"error"'))).toEqual([])
  },
)

interface Trickle {
  /** How long the server bore it, in milliseconds, and what it said at last. */
  readonly closed: Promise<{ ms: number; answer: string }>
}

function many<T>(count: number, make: () => T): T[] {
  return Array.from({ length: count }, make)
}

/** Begins a sign-in, then sends one byte in so many milliseconds. */
function trickle(rest: string, everyMs: number): Trickle {
  const { hostname, port } = new URL(server.url)
  const [started, type] = [performance.now(), 'content-type: application/json']
  const socket = connect(Number(port), hostname, () =>
    socket.write(`POST /trpc/auth.signIn HTTP/1.1\r\nhost: x\r\nsec-fetch-site: same-origin\r\n${type}\r\ncontent-length: 5000\r\n${rest}`),
  )
  const timer = setInterval(() => socket.write('a'), everyMs)
  let answer = ''
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString()))
  socket.on('error', () => undefined)
  const closed = new Promise<{ ms: number; answer: string }>((resolve) => {
    socket.on('close', () => {
      clearInterval(timer)
      resolve({ ms: performance.now() - started, answer })
    })
  })
  return { closed }
}
