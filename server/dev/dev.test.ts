import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from '@plinth/client'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { demo } from '../../prisma/demo.ts'
import { freePort } from '../src/db/embedded-process.ts'
import { createEmptyDatabase, query } from '../test/database.ts'
import type { TestDatabase } from '../test/database.ts'

let database: TestDatabase
let port: number
let running: ChildProcess[]

beforeEach(async () => {
  database = await createEmptyDatabase()
  port = await freePort()
  running = []
})

afterEach(async () => {
  for (const child of running) child.kill('SIGKILL')
  await database.drop()
})

interface Dev {
  readonly child: ChildProcess
  output(): string
}

/** Starts `pnpm dev` on the test's database. Whatever stands in the .env of whoever runs the tests, is set here. */
function startDev(variables: Record<string, string> = {}): Dev {
  const own = {
    NODE_ENV: 'development',
    DATABASE_URL: database.ownerUrl,
    DIRECT_URL: '',
    OWNER_URL: '',
    HOST: '127.0.0.1',
    PORT: String(port),
  }
  const child = spawn(process.execPath, [join(import.meta.dirname, 'dev.ts')], { env: { ...process.env, ...own, ...variables } })
  running.push(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
  return { child, output: () => output }
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await sleep(50)
}

const connections = async (): Promise<number> => {
  const [row] = await query<{ n: number }>(
    database.ownerUrl,
    'SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
  )
  return row?.n ?? 0
}

describe('pnpm dev', () => {
  test('serves a migrated database with a demonstration in it, says how to get in, and ends with everything it started', async () => {
    const dev = startDev()
    await until(() => dev.output().includes('Ctrl-C stops everything'))
    expect(dev.output()).toContain(`http://localhost:${port}/dev/mail`)
    expect(dev.output()).toContain(`curl http://localhost:${port}/trpc/auth.signIn`)
    const stranger = createClient({ url: `http://127.0.0.1:${port}` })
    const answer = await stranger.auth.signIn.mutate({ email: demo.owner, password: demo.password, delivery: 'TOKEN' })
    const { items } = await createClient({
      url: `http://127.0.0.1:${port}`,
      token: 'token' in answer ? (answer.token ?? '') : '',
    }).teams.list.query({})
    expect(items.map(({ slug, role }) => [slug, role])).toEqual([['demo', 'OWNER']])

    dev.child.kill('SIGINT')
    const [code] = (await once(dev.child, 'close')) as [number]
    expect(code).toBe(0)
    await until(async () => (await connections()) === 0)
  })

  test('takes its server with it when it is killed', async () => {
    const dev = startDev()
    await until(() => dev.output().includes('Ctrl-C stops everything'))
    dev.child.kill('SIGKILL')
    await until(async () => (await connections()) === 0)
    await expect(fetch(`http://127.0.0.1:${port}/livez`)).rejects.toThrow('fetch failed')
  })

  test('a port that is taken ends it with one sentence', async () => {
    const squatter = createServer().listen(port, '127.0.0.1')
    await once(squatter, 'listening')
    const dev = startDev()
    const [code] = (await once(dev.child, 'close')) as [number]
    expect([code, dev.output().trim()]).toEqual([1, `PORT ${port} is in use: stop what listens there, or choose another.`])
    squatter.close()
  })

  test.each([
    ['a database that is down', { DATABASE_URL: 'postgresql://a@127.0.0.1:1/b' }, 'DATABASE_URL: no database answers at 127.0.0.1:1.'],
    [
      'a secret that is too short',
      { PLINTH_SECRET: 'short' },
      'PLINTH_SECRET needs at least 32 characters; `openssl rand -base64 32` makes one.',
    ],
  ])('%s ends it with one sentence', async (_case, variables, sentence) => {
    const dev = startDev(variables)
    const [code] = (await once(dev.child, 'close')) as [number]
    expect([code, dev.output().trim()]).toEqual([1, sentence])
  })
})
