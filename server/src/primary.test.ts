import { mkdtemp, rm } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort, ready, startChild, type Child } from '../test/child.ts'
import { createTestDatabase, query, type TestDatabase } from '../test/database.ts'
import { eventually } from '../test/outbox.ts'
import { signUpAs, type TestPerson } from '../test/people.ts'
import { defaults } from '../test/server.ts'
import { MOST_STREAMS } from './trpc/streams.ts'

const TOKEN = 'a token that reads the figures'
const MOST_CALLS = 60
let database: TestDatabase
let mails: string
let url: string
let plinth: Child
const agents: Agent[] = []

async function environment(more: Record<string, string> = {}): Promise<Record<string, string>> {
  const port = String(await freePort())
  return {
    ...defaults,
    LOG_LEVEL: 'info',
    DATABASE_URL: database.url,
    MAIL_URL: pathToFileURL(mails).href,
    METRICS_TOKEN: TOKEN,
    PLINTH_PROCESSES: '2',
    PORT: port,
    DRAIN_MS: '5000',
    ...more,
  }
}

async function start(more: Record<string, string> = {}): Promise<{ child: Child; url: string }> {
  const env = await environment(more)
  const child = startChild(env)
  const at = `http://127.0.0.1:${env['PORT']}`
  await ready(at, child)
  await eventually(() => child.output().includes('Plinth listens.'))
  return { child, url: at }
}

beforeAll(async () => {
  database = await createTestDatabase()
  mails = await mkdtemp(join(tmpdir(), 'plinth-mails-'))
  ;({ child: plinth, url } = await start({ CALLS_PER_MINUTE: String(MOST_CALLS) }))
})
afterAll(async () => {
  for (const agent of agents) agent.destroy()
  plinth.process.kill('SIGKILL')
  await database.drop()
  await rm(mails, { recursive: true, force: true })
})

const person = (name: string): Promise<TestPerson> => signUpAs({ url, outbox: pathToFileURL(mails).href }, `${name}@example.com`)

interface Answer {
  readonly status: number
  readonly body: string
  /** Which process gave it. */
  readonly process: number
}

interface Line {
  readonly msg: string
  readonly process?: number
  readonly requestId?: string
  readonly setupCode?: string
}

const lines = (child = plinth): Line[] =>
  child
    .output()
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line) as Line)

/** A connection that stays: all it sends is answered by one process. */
function connection(at = url): (path: string, init?: { token?: string; input?: unknown }) => Promise<Answer> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  agents.push(agent)
  return async (path, { token, input } = {}) => {
    const headers = {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(input !== undefined && { 'content-type': 'application/json' }),
    }
    const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string; requestId: string }>()
    const sent = request(`${at}${path}`, { agent, headers, method: input === undefined ? 'GET' : 'POST' }, (answer) => {
      let body = ''
      answer.on('data', (chunk) => (body += chunk))
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body, requestId: String(answer.headers['x-request-id']) }))
    })
    sent.on('error', reject)
    sent.end(input === undefined ? undefined : JSON.stringify({ json: input }))
    const { requestId, ...answer } = await promise
    return { ...answer, process: await processOf(requestId) }
  }
}

async function processOf(requestId: string): Promise<number> {
  const find = () => lines().find((line) => line.requestId === requestId && line.msg === 'request')?.process
  await expect.poll(find, { timeout: 5_000 }).toBeDefined()
  return find() ?? 0
}

test('both processes serve, one of them does the jobs, and only one speaks for all', async () => {
  const connections = Array.from({ length: 4 }, () => connection())
  const answers = await Promise.all(connections.map((ask) => ask('/livez')))
  expect(new Set(answers.map(({ process }) => process))).toEqual(new Set([1, 2]))
  expect(lines().filter(({ setupCode }) => setupCode)).toHaveLength(1)
  const workers = await query<{ count: number }>(
    database.ownerUrl,
    `SELECT count(*)::int AS count FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'plinth listen'`,
  )
  expect(workers).toEqual([{ count: 2 }])
})

test('a limit holds over both: a flood through many connections passes what one process would let through', async () => {
  const { token } = await person('flood')
  const connections = Array.from({ length: 12 }, () => connection())
  const answers = await Promise.all(
    Array.from({ length: 3 * MOST_CALLS }, async (_, index) => connections[index % 12]?.('/trpc/auth.me', { token })),
  )
  const passed = answers.filter((answer) => answer?.status === 200)
  expect(new Set(passed.map((answer) => answer?.process)).size).toBe(2)
  expect(answers.every((answer) => answer?.status === 200 || answer?.status === 429)).toBe(true)
  // What fills meanwhile is one call a second.
  expect(passed.length).toBeLessThanOrEqual(MOST_CALLS + 5)
  expect(passed.length).toBeGreaterThanOrEqual(MOST_CALLS - 5)
})

/** A subscription to a team's events. Gives the status, and resolves `sees` when the text has come. */
async function subscribe(token: string, teamId: string): Promise<{ status: number; sees(text: string): Promise<boolean>; end(): void }> {
  const controller = new AbortController()
  const path = `/trpc/teams.events?input=${encodeURIComponent(JSON.stringify({ json: { teamId } }))}`
  const headers = { authorization: `Bearer ${token}`, accept: 'text/event-stream' }
  const answer = await fetch(url + path, { headers, signal: controller.signal })
  const reader = answer.body?.getReader()
  let text = ''
  const sees = async (wanted: string): Promise<boolean> => {
    while (!text.includes(wanted)) {
      const { value, done = true } = (await reader?.read()) ?? {}
      if (done) return false
      text += new TextDecoder().decode(value)
    }
    return true
  }
  await sees('event: ')
  return { status: text.includes('TOO_MANY_REQUESTS') ? 429 : answer.status, sees, end: () => controller.abort() }
}

test('a person has their fifty subscriptions once, over both processes; each sees every event, and a place is free when one ends', async () => {
  const anna = await person('streams')
  const team = await anna.client.teams.create.mutate({ name: 'Streams', slug: 'streams' })
  const open = () => subscribe(anna.token, team.id)
  const opened = []
  for (let count = 0; count < MOST_STREAMS + 4; count++) opened.push(await open())
  const living = opened.filter(({ status }) => status === 200)
  expect(living).toHaveLength(MOST_STREAMS)
  await anna.client.teams.invitation.create.mutate({ teamId: team.id, email: 'ben@example.com', role: 'MEMBER' })
  expect(await Promise.all(living.map((each) => each.sees('teams.invitation.created')))).toEqual(Array(MOST_STREAMS).fill(true))
  living.shift()?.end()
  await expect.poll(async () => living[living.push(await open()) - 1]?.status, { timeout: 5_000 }).toBe(200)
  for (const each of living) each.end()
})

test('a session that one process ends is over in the other within 250 ms', async () => {
  const ben = await person('revoked')
  const connections = Array.from({ length: 4 }, () => connection())
  const askAll = () => Promise.all(connections.map((ask) => ask('/trpc/auth.me', { token: ben.token })))
  expect((await askAll()).map(({ status }) => status)).toEqual([200, 200, 200, 200])
  await ben.client.auth.signOut.mutate()
  await new Promise((resolve) => setTimeout(resolve, 200))
  const after = await askAll()
  expect(after.map(({ status }) => status)).toEqual([401, 401, 401, 401])
  expect(new Set(after.map(({ process }) => process)).size).toBe(2)
})

test('the figures are those of all processes, whichever is asked', async () => {
  const scrape = async () => (await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${TOKEN}` } })).text()
  const [one, two] = [await scrape(), await scrape()]
  for (const text of [one, two]) {
    for (const process of ['0', '1', '2']) expect(text).toMatch(new RegExp(`^plinth_uptime_seconds\\{process="${process}"\\} \\d`, 'm'))
    expect(text.match(/^plinth_outbox_waiting\{service="teams"\}/gm)).toHaveLength(1)
    expect(text).toMatch(/^plinth_process_restarts_total 0$|^# TYPE plinth_process_restarts_total counter$/m)
  }
})

describe('a process that is killed', () => {
  test('is started again, while the other goes on', async () => {
    const carla = await person('carla')
    const pids = await pidsOf(plinth)
    expect(pids).toHaveLength(2)
    process.kill(pids[1] ?? 0, 'SIGKILL')
    // A connection that was just being handed to it is closed, not forgotten: whoever tries again is served.
    const answers = await Promise.all(Array.from({ length: 20 }, () => untilServed()))
    expect(answers.reduce((sum, tries) => sum + tries, 0)).toBeLessThan(60)
    await expect.poll(async () => (await pidsOf(plinth)).filter((pid) => !pids.includes(pid)).length, { timeout: 15_000 }).toBe(1)
    await expect.poll(() => lines().filter(({ msg }) => msg === 'Plinth listens.').length, { timeout: 15_000 }).toBe(2)
    const calls = await Promise.all(Array.from({ length: 4 }, () => connection()('/trpc/auth.me', { token: carla.token })))
    expect(calls.map(({ status }) => status)).toEqual([200, 200, 200, 200])
    expect(new Set(calls.map(({ process: number }) => number))).toEqual(new Set([1, 2]))
    const figures = await (await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${TOKEN}` } })).text()
    expect(figures).toMatch(/^plinth_process_restarts_total 1$/m)
  }, 60_000)
})

/** Asks on new connections until one is answered. Gives how often. */
async function untilServed(): Promise<number> {
  for (let tries = 1; tries < 100; tries++) {
    const answer = await connection()('/livez').catch(() => null)
    if (answer?.status === 200) return tries
  }
  throw new Error('never served')
}

/** The processes that a primary started. */
async function pidsOf(child: Child): Promise<number[]> {
  const { readFile } = await import('node:fs/promises')
  const text = await readFile(`/proc/${child.process.pid}/task/${child.process.pid}/children`, 'utf8')
  return text.trim().split(' ').filter(Boolean).map(Number)
}

test('SIGTERM drains both: what was accepted is answered, and nothing is left', async () => {
  const dora = await person('dora')
  const { child, url: at } = await start()
  let [answered, running] = [0, true]
  const failed: unknown[] = []
  const caller = async () => {
    while (running) {
      try {
        const answer = await fetch(`${at}/trpc/auth.me`, { headers: { authorization: `Bearer ${dora.token}` } })
        await answer.text()
        if (answer.status === 200) answered++
        else failed.push(answer.status)
      } catch (error) {
        const { code } = ((error as Error).cause ?? {}) as { code?: string }
        if (code === 'ECONNREFUSED' || code === 'ECONNRESET') return
        failed.push(code ?? error)
      }
    }
  }
  const callers = Array.from({ length: 12 }, caller)
  await expect.poll(() => answered, { timeout: 20_000 }).toBeGreaterThan(60)
  const pids = await pidsOf(child)
  child.process.kill('SIGTERM')
  expect(await child.ended).toBe(0)
  running = false
  await Promise.all(callers)
  expect(failed).toEqual([])
  expect(answered).toBe(lines(child).filter((line) => line.msg === 'request' && 'path' in line && line['path'] === '/trpc/auth.me').length)
  expect(child.output()).not.toMatch(/are cut|"level":"(error|fatal)"/)
  for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow(/ESRCH/)
}, 60_000)

test('what is wrong at the start is said once, and ends everything', async () => {
  const child = startChild(await environment({ LOG_LEVEL: 'error', POOL_MAX: '9999' }))
  expect(await child.ended).toBe(1)
  expect(child.output().trim()).toMatch(
    /^POOL_MAX is 9999: with 6 more for jobs and notifications in each of 2 processes \(PLINTH_PROCESSES\) that exceeds the \d+ connections that the server allows\.$/,
  )
})

test('a primary that is killed leaves no process behind', async () => {
  const pids = await pidsOf(plinth)
  expect(pids).toHaveLength(2)
  plinth.process.kill('SIGKILL')
  const isThere = (pid: number): boolean => {
    try {
      return process.kill(pid, 0)
    } catch {
      return false
    }
  }
  await expect.poll(() => pids.filter(isThere), { timeout: 10_000 }).toEqual([])
})
