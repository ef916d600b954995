/**
 * Reads a second, and CPU for each, with one process and with two: an authenticated `auth.me` (the session from memory, one query) over 32 connections
 * that stay, by 200 people. Interleaved, the median of the rounds. PostgreSQL and the callers are on the
 * same machine, and take their part of its cores.
 *
 * `node bench/two-processes.ts [rounds] [seconds] [seconds before]`. On a busy machine a process needs some thousand calls until its code is compiled.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { connectDatabase, disconnectDatabase, transaction } from '../server/src/db/index.ts'
import { openTemporary } from '../server/src/db/embedded-temporary.ts'
import { deploy } from '../server/src/deploy.ts'
import { readConfig } from '../server/src/lib/config.ts'
import { useSecret } from '../server/src/lib/secrets.ts'
import '../server/src/services/auth/index.ts'
import { mintSession, newCredential } from '../server/src/services/auth/sessions.ts'

const [, , rounds = '3', seconds = '4', warm = '5'] = process.argv
const CONNECTIONS = 32
const PEOPLE = 200
const METRICS_TOKEN = 'a token of the bench alone'
const postgres = await openTemporary()
const mails = mkdtempSync(join(tmpdir(), 'plinth-bench-'))
const settings = { DATABASE_URL: postgres.url, PLINTH_SECRET: 'x'.repeat(32), NODE_ENV: 'production', METRICS_TOKEN, MAIL_URL: pathToFileURL(mails).href }
await deploy(postgres.url)
const tokens = await makePeople()

interface Sample {
  readonly rate: number
  readonly cpuMs: number
  readonly p50: number
  readonly p99: number
}

const kinds = [
  { name: '1 process ', env: { PLINTH_PROCESSES: '1', CALLS_PER_MINUTE: '100000000' } },
  { name: '2 processes', env: { PLINTH_PROCESSES: '2', CALLS_PER_MINUTE: '100000000' } },
]
const samples = kinds.map((): Sample[] => [])
for (let round = 0; round < Number(rounds); round++) {
  for (const [index, { env }] of kinds.entries()) samples[index]?.push(await measure(env, 3_400 + index))
}
for (const [index, { name }] of kinds.entries()) {
  const of = (pick: (sample: Sample) => number) => median((samples[index] ?? []).map(pick))
  console.log(`${name.padEnd(22)} ${of((s) => s.rate).toFixed(0)} reads/s, ${of((s) => s.cpuMs).toFixed(3)} ms CPU each, p50 ${of((s) => s.p50).toFixed(1)} ms, p99 ${of((s) => s.p99).toFixed(1)} ms`)
}
console.log(`${availableParallelism()} cores, load ${loadavg()[0]?.toFixed(1)}, Node ${process.version}`)
await postgres.close()
rmSync(mails, { recursive: true, force: true })

async function measure(env: Record<string, string>, port: number): Promise<Sample> {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../server/src/index.ts')], {
    env: { ...settings, ...env, PORT: String(port), HOST: '127.0.0.1', LOG_LEVEL: 'warn', PLINTH_ROLE: 'web' },
    stdio: 'ignore',
  })
  try {
    await untilEvery(port, Number(env['PLINTH_PROCESSES']))
    await load(port, Number(warm) * 1_000)
    const before = await cpuSeconds(port)
    const { times, rate } = await load(port, Number(seconds) * 1_000)
    const cpu = (await cpuSeconds(port)) - before
    const sorted = times.toSorted((a, b) => a - b)
    return { rate, cpuMs: (cpu * 1_000) / times.length, p50: sorted[Math.floor(sorted.length / 2)] ?? 0, p99: sorted[Math.floor(sorted.length * 0.99)] ?? 0 }
  } finally {
    await end(child)
  }
}

async function load(port: number, ms: number): Promise<{ times: number[]; rate: number }> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })
  const times: number[] = []
  const began = performance.now()
  const lane = async (first: number) => {
    for (let turn = first; performance.now() - began < ms; turn += 7) {
      const sent = performance.now()
      const status = await ask(port, '/trpc/auth.me', tokens[turn % PEOPLE] ?? '', agent)
      if (status !== 200) throw new Error(`status ${status}`)
      times.push(performance.now() - sent)
    }
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, (_, index) => lane(index)))
  agent.destroy()
  return { times, rate: (times.length * 1_000) / (performance.now() - began) }
}

function ask(port: number, path: string, token: string, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, agent, headers: { authorization: `Bearer ${token}` } }, (answer) => {
      answer.resume()
      answer.on('end', () => resolve(answer.statusCode ?? 0))
    })
    sent.on('error', reject)
    sent.end()
  })
}

async function figures(port: number): Promise<string> {
  return fetch(`http://127.0.0.1:${port}/metrics`, { headers: { authorization: `Bearer ${METRICS_TOKEN}` } }).then(
    (answer) => answer.text(),
    () => '',
  )
}

/** Of all processes together, the primary among them. */
async function cpuSeconds(port: number): Promise<number> {
  const found = (await figures(port)).matchAll(/^plinth_cpu_seconds_total(?:\{[^}]*\})? ([\d.]+)$/gm)
  return [...found].reduce((sum, [, value]) => sum + Number(value), 0)
}

async function untilEvery(port: number, processes: number): Promise<void> {
  const wanted = processes === 1 ? 1 : processes + 1
  for (let turn = 0; turn < 400; turn++) {
    if (((await figures(port)).match(/^plinth_uptime_seconds[ {]/gm) ?? []).length === wanted) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('It did not start')
}

async function end(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await ended
}

async function makePeople(): Promise<string[]> {
  const config = readConfig(settings)
  useSecret(config.PLINTH_SECRET)
  await connectDatabase(config)
  const made: string[] = []
  await transaction('auth', { kind: 'SYSTEM', name: 'bench' }, async (tx) => {
    while (made.length < PEOPLE) {
      const credential = newCredential('BEARER')
      const user = await tx.user.create({ data: { email: `bench${made.length}@example.com`, name: 'Bench', emailVerifiedAt: tx.now } })
      await mintSession(tx, user, credential, { methods: ['PASSWORD'], level: 1 })
      made.push(credential.token)
    }
  })
  await disconnectDatabase()
  return made
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}
