import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { createClient } from '@plinth/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort, ready, startChild, type Child } from '../test/child.ts'
import { createTestDatabase, type TestDatabase } from '../test/database.ts'
import { signUpAs } from '../test/people.ts'
import { defaults } from '../test/server.ts'

let database: TestDatabase
let mails: string
const children: Child[] = []

beforeAll(async () => {
  database = await createTestDatabase()
  mails = await mkdtemp(join(tmpdir(), 'plinth-mails-'))
})
afterAll(async () => {
  for (const child of children) child.process.kill('SIGKILL')
  await database.drop()
  await rm(mails, { recursive: true, force: true })
})

const environment = (more: Record<string, string> = {}) => ({
  ...defaults,
  LOG_LEVEL: 'info',
  DATABASE_URL: database.url,
  MAIL_URL: pathToFileURL(mails).href,
  ...more,
})

function start(more: Record<string, string> = {}): Child {
  const child = startChild(environment(more))
  children.push(child)
  return child
}

async function serve(port?: number): Promise<{ child: Child; url: string; outbox: string }> {
  const at = port ?? (await freePort())
  const child = start({ PORT: String(at), DRAIN_MS: '5000' })
  const url = `http://127.0.0.1:${at}`
  await ready(url, child)
  return { child, url, outbox: pathToFileURL(mails).href }
}

describe('a process that cannot start says why in one sentence, and ends with 1', () => {
  test.each<[fault: string, env: Record<string, string>, sentence: RegExp]>([
    ['a variable is missing', { DATABASE_URL: '' }, /^DATABASE_URL is not set: /],
    ['a variable is wrong', { PORT: 'eighty' }, /^PORT /],
    ['a URL is of another kind', { DATABASE_URL: 'mysql://x' }, /^DATABASE_URL is not a PostgreSQL URL/],
    [
      'no database answers',
      { DATABASE_URL: 'postgres://nobody:hunter2@127.0.0.1:1/none' },
      /^DATABASE_URL: no database answers at 127\.0\.0\.1:1/,
    ],
    ['the host is not ours', { HOST: '192.0.2.1' }, /^HOST 192\.0\.2\.1 /],
  ])('%s', async (_fault, env, sentence) => {
    const child = start({ LOG_LEVEL: 'error', ...env })
    expect(await child.ended).toBe(1)
    expect(child.output()).toMatch(sentence)
    expect(child.output().trim().split('\n')).toHaveLength(1)
    expect(child.output()).not.toMatch(/hunter2|\bat .*\.ts/)
  })

  test('the port is in use', async () => {
    const squatter = createServer()
    const port = await freePort()
    await new Promise<void>((resolve) => squatter.listen(port, '127.0.0.1', resolve))
    const child = start({ LOG_LEVEL: 'error', PORT: String(port) })
    expect(await child.ended).toBe(1)
    expect(child.output().trim()).toBe(`PORT ${port} is in use: stop what listens there, or choose another.`)
    squatter.close()
  })
})

test('a worker says on its health port whether it lives, is ready and how it does, and nothing else; then it stops', async () => {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const child = start({ PLINTH_ROLE: 'worker', HEALTH_PORT: String(port), METRICS_TOKEN: 'a token that reads the figures' })
  await ready(url, child)
  expect((await fetch(`${url}/livez`)).status).toBe(200)
  expect((await fetch(`${url}/metrics`)).status).toBe(401)
  const figures = await fetch(`${url}/metrics`, { headers: { authorization: 'Bearer a token that reads the figures' } })
  expect(await figures.text()).toMatch(/^plinth_outbox_waiting\{service="teams"\} \d+$/m)
  for (const path of ['/', '/trpc/auth.me', '/dev/mail']) expect((await fetch(url + path)).status).toBe(404)
  child.process.kill('SIGTERM')
  expect(await child.ended).toBe(0)
})

describe('a process that is told to stop', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    'by %s finishes every request that it accepted',
    async (signal) => {
      const { child, url, outbox } = await serve()
      const { token } = await signUpAs({ url, outbox }, `${signal.toLowerCase()}@example.com`)
      const before = requestsIn(child.output())
      const load = underLoad(url, token)
      await until(() => load.answered() > 60)
      child.process.kill(signal)
      expect(await child.ended).toBe(0)
      const { answered, failed } = await load.stop()
      expect(failed).toEqual([])
      expect(answered).toBe(requestsIn(child.output()) - before)
      expect(child.output()).not.toContain('are cut')
      expect(answered).toBeGreaterThan(60)
      expect(child.output()).not.toMatch(/"level":"(error|fatal)"/)
    },
    30_000,
  )

  test('twice ends at once', async () => {
    const { child, url } = await serve()
    const slow = fetch(`${url}/trpc/auth.me`, {
      method: 'POST',
      body: new ReadableStream({}),
      duplex: 'half',
      headers: { 'content-type': 'application/json' },
    } as RequestInit).catch(() => undefined)
    await new Promise((resolve) => setTimeout(resolve, 100))
    child.process.kill('SIGTERM')
    await new Promise((resolve) => setTimeout(resolve, 200))
    child.process.kill('SIGTERM')
    expect(await child.ended).toBe(1)
    await slow
  })

  test('lets a live subscription go on in the process that follows it, each event once', async () => {
    const port = await freePort()
    const first = await serve(port)
    const anna = await signUpAs(first, 'live@example.com')
    const team = await anna.client.teams.create.mutate({ name: 'Live', slug: 'live' })
    const seen: string[] = []
    const watching = anna.client.teams.events.subscribe(
      { teamId: team.id },
      {
        // The making of the team itself may still be on its way when the subscription begins.
        onData: ({ id, data }) => void (data.name === 'teams.invitation.created' && seen.push(id)),
      },
    )
    await new Promise((resolve) => setTimeout(resolve, 300))
    const change = (email: string) => anna.client.teams.invitation.create.mutate({ teamId: team.id, email, role: 'MEMBER' })
    await change('one@example.com')
    await until(() => seen.length === 1)
    first.child.process.kill('SIGTERM')
    const between = change('two@example.com')
    expect(await first.child.ended).toBe(0)
    await serve(port)
    await between
    await change('three@example.com')
    await until(() => seen.length === 3)
    await new Promise((resolve) => setTimeout(resolve, 300))
    watching.unsubscribe()
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen).toHaveLength(3)
  }, 30_000)
})

/** How many requests the server has finished, by its log. */
function requestsIn(output: string): number {
  return output.split('"msg":"request"').length - 1
}

/**
 * Sixteen callers over connections that stay open. What was never accepted does not count as failed: the port is closed, or the kernel had
 * taken the connection and the server had not. The server's log tells whether it was so.
 */
function underLoad(url: string, token: string): { answered(): number; stop(): Promise<{ answered: number; failed: string[] }> } {
  const failed: string[] = []
  let answered = 0
  let running = true
  const caller = async (number: number) => {
    while (running) {
      const mutation = number % 4 === 0
      const init = mutation
        ? {
            method: 'POST',
            body: JSON.stringify({ json: { email: 'nobody@example.com', password: 'wrong', delivery: 'TOKEN' } }),
            headers: { 'content-type': 'application/json' },
          }
        : { headers: { authorization: `Bearer ${token}` } }
      try {
        const answer = await fetch(`${url}/trpc/${mutation ? 'auth.signIn' : 'auth.me'}`, init)
        await answer.text()
        if (answer.status === (mutation ? 401 : 200)) answered++
        else failed.push(`status ${answer.status}`)
      } catch (error) {
        const { code } = ((error as Error).cause ?? {}) as { code?: string }
        if (code === 'ECONNREFUSED' || code === 'ECONNRESET') return
        failed.push(String(code ?? error))
      }
    }
  }
  const callers = Array.from({ length: 16 }, (_, number) => caller(number))
  return {
    answered: () => answered,
    async stop() {
      running = false
      await Promise.all(callers)
      return { answered, failed }
    },
  }
}

async function until(holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1_000 && !holds(); turn++) await new Promise((resolve) => setTimeout(resolve, 10))
  expect(holds()).toBe(true)
}

test('the client of a server that is away waits for it, and its call has its effect once', async () => {
  const { child, url, outbox } = await serve()
  const { token } = await signUpAs({ url, outbox }, 'patient@example.com')
  child.process.kill('SIGKILL')
  await child.ended
  const call = createClient({ url, token }).teams.create.mutate({ name: 'Patient', slug: 'patient' })
  await new Promise((resolve) => setTimeout(resolve, 100))
  await serve(Number(new URL(url).port))
  expect(await call).toMatchObject({ slug: 'patient' })
}, 30_000)
