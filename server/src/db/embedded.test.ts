import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { query } from '../../test/database.ts'
import { openEmbedded, removeEmbedded } from './embedded.ts'
import type { Embedded } from './embedded.ts'
import { isAlive, postmasterPid } from './embedded-process.ts'

let home: string
let folder: string
const children: ChildProcess[] = []

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'plinth-embedded-'))
  chmodSync(home, 0o755)
  folder = join(home, 'postgres')
})

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

afterAll(async () => {
  await removeEmbedded(folder)
  rmSync(home, { recursive: true, force: true })
})

const open = (purpose: 'dev' | 'command' = 'command'): Promise<Embedded> =>
  openEmbedded({ folder, database: 'plinth', purpose, settings: { fsync: 'off' } })

async function ended(pid: number | null): Promise<void> {
  while (pid !== null && isAlive(pid)) await sleep(20)
}

/** Opens the cluster in another process and leaves it open. */
async function openElsewhere(purpose: 'dev' | 'command'): Promise<ChildProcess> {
  const script = `import { openEmbedded } from ${JSON.stringify(join(import.meta.dirname, 'embedded.ts'))}
    await openEmbedded({ folder: ${JSON.stringify(folder)}, database: 'plinth', purpose: '${purpose}', settings: { fsync: 'off' } })
    console.log('open')
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  await new Promise((resolve) => child.stdout.once('data', resolve))
  return child
}

describe('embedded PostgreSQL', () => {
  test('is PostgreSQL 18 with pg_stat_statements, and finds its data again', async () => {
    const first = await open()
    const [version] = await query<{ major: number; statements: string }>(
      first.url,
      `SELECT current_setting('server_version_num')::int / 10000 AS major, (SELECT count(*)::text FROM pg_stat_statements) AS statements`,
    )
    expect(version?.major).toBe(18)
    await query(first.url, 'CREATE TABLE kept (n int)')
    await first.close()
    expect(isAlive(first.pid ?? 0)).toBe(false)
    const second = await open()
    expect(second.url).toBe(first.url)
    expect(await query(second.url, 'SELECT * FROM kept')).toEqual([])
    await second.close()
  })

  test('takes no connection without the password, which nobody else can read', async () => {
    const embedded = await open()
    const url = new URL(embedded.url)
    url.password = 'guess'
    await expect(query(url.href, 'SELECT 1')).rejects.toThrow('password authentication failed')
    if (process.platform !== 'win32') {
      expect(statSync(`${folder}.json`).mode & 0o077).toBe(0)
    }
    await embedded.close()
  })

  test('is shared by commands that start at the same time, and stopped by the one that leaves last', async () => {
    const [one, ...others] = await Promise.all([open(), open(), open()])
    await Promise.all(others.map((other) => other.close()))
    expect(await query(one.url, 'SELECT 1 AS n')).toEqual([{ n: 1 }])
    await one.close()
    await expect(query(one.url, 'SELECT 1')).rejects.toThrow('ECONNREFUSED')
  })

  test('is developed on by one `dev` at a time, and the second is told so in a sentence', async () => {
    const child = await openElsewhere('dev')
    await expect(open('dev')).rejects.toThrow('Another `pnpm dev` is running in this project: stop it first.')
    child.kill('SIGKILL')
    await ended(child.pid ?? null)
    await (await open('dev')).close()
  })

  test('is found running after a kill -9 of whoever started it, and stopped by the next one', async () => {
    const child = await openElsewhere('dev')
    const orphan = postmasterPid(folder)
    child.kill('SIGKILL')
    await ended(child.pid ?? null)
    const adopted = await open()
    expect(adopted.pid).toBe(orphan)
    await adopted.close()
    await expect(query(adopted.url, 'SELECT 1')).rejects.toThrow('ECONNREFUSED')
  })

  test('recovers from a kill -9 of its own with what was committed', async () => {
    const first = await open()
    await query(first.url, 'CREATE TABLE committed AS SELECT 1 AS n')
    process.kill(first.pid ?? 0, 'SIGKILL')
    await ended(first.pid)
    const second = await open()
    expect(await query(second.url, 'SELECT n FROM committed')).toEqual([{ n: 1 }])
    await second.close()
  })

  test('starts although the process id in a stale lock file belongs to another program by now', async () => {
    const first = await open()
    process.kill(first.pid ?? 0, 'SIGKILL')
    await ended(first.pid)
    const lock = join(first.data, 'postmaster.pid')
    writeFileSync(lock, readFileSync(lock, 'utf8').replace(/^\d+/, String(process.pid)))
    await (await open()).close()
  })

  test('moves to another port when its own was taken meanwhile', async () => {
    const first = await open()
    await first.close()
    const squatter = createServer((socket) => socket.end())
    await new Promise<void>((resolve) => squatter.listen(Number(new URL(first.url).port), '127.0.0.1', resolve))
    const second = await open()
    expect(new URL(second.url).port).not.toBe(new URL(first.url).port)
    await second.close()
    squatter.close()
  })

  test('says what is wrong when its password was lost', async () => {
    await (await open()).close()
    const state = readFileSync(`${folder}.json`, 'utf8')
    writeFileSync(`${folder}.json`, state.replace(/"password":"[^"]+"/, '"password":"lost"'))
    await expect(open()).rejects.toThrow('is not that of the data in')
    writeFileSync(`${folder}.json`, state)
    await (await open()).close()
  })

  test.runIf(process.getuid?.() === 0)(
    "runs for root as another user, elsewhere when the project is out of that user's reach",
    async () => {
      const inReach = await open()
      expect(inReach.notice).toBeNull()
      await inReach.close()
      const closed = join(home, 'closed')
      mkdirSync(closed, { mode: 0o700 })
      const hidden = join(closed, 'postgres')
      const elsewhere = await openEmbedded({ folder: hidden, database: 'plinth', purpose: 'command' })
      expect(elsewhere.data).toMatch(/^\/var\/lib\/plinth\//)
      expect(elsewhere.notice).toContain(elsewhere.data)
      await elsewhere.close()
      await removeEmbedded(hidden)
    },
  )
})
