/**
 * What signing in costs, and what it costs the others: sign-ins a second of more and more callers, what a burst beyond the line of hashes is
 * answered, session checks while revocations stream in, a steady reader beside a flood of sign-ins, and a hash on a machine that is full of
 * other work. Prints one Markdown table.
 *
 * `node bench/sign-in.ts [seconds]`. A server of its own over HTTP, with the throttles off (SIGN_IN_LIMIT), and a database of its own; callers
 * and PostgreSQL are on the same machine, and take their part of its cores.
 */
import { spawn } from 'node:child_process'
import { Agent, request } from 'node:http'
import { availableParallelism, loadavg } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { hashPassword, verifyPassword } from '../server/src/lib/password-hash.ts'
import { newKey, plinth } from './contestants.ts'
import { start } from './http.ts'
import { run, stop } from './processes.ts'
import { checksWhileRevoking, REVOCATIONS_A_SECOND, type Revoking } from './revoking.ts'
import { quantile } from './statistics.ts'
import { makePlinth, openWorld, teams, type World } from './world.ts'

const seconds = Number(process.argv[2] ?? 5)
const [BURST, FLOOD, READS_A_SECOND, ROUNDS, HASHES] = [512, 64, 20, 5, 50]
/** V8 needs about a thousand calls until it runs what it will run for the rest of the day. */
const WARM_UP_MS = 20_000
const RIGHT = 'a password that is long enough'
const agent = new Agent({ keepAlive: true, maxSockets: 1_024 })

interface Answer {
  readonly kind: 'SIGNED_IN' | 'UNAUTHORIZED' | 'UNAVAILABLE'
  readonly retryAfterSeconds: number | null
  readonly ms: number
}

interface Row {
  readonly what: string
  readonly perSecond?: number
  readonly p50: number
  readonly p99: number
  readonly note?: string
}

const world = await openWorld()
try {
  await print(world)
} finally {
  agent.destroy()
  await world.close()
}

async function print(at: World): Promise<void> {
  await makePlinth(at, 'sign_in')
  await at.sql('sign_in', 'INSERT INTO auth.passwords (id, user_id, hash, updated_at) SELECT gen_random_uuid(), id, $1, now() FROM auth.users', [await hashPassword(RIGHT)])
  const people = (await at.sql('sign_in', 'SELECT email FROM auth.users ORDER BY id')).map(({ email }) => String(email))
  const before = loadavg()[0]
  const rows = [...(await overHttp(at, people)), ...(await checksWhileRevoking(at, 'sign_in', seconds)).flatMap(rowsOf), ...(await besideOtherWork())]
  const figure = (value: number | undefined) => (value === undefined ? '' : value.toLocaleString('en-GB', { maximumFractionDigits: value < 10 ? 2 : 0 }))
  const lines = rows.map(({ what, perSecond, p50, p99, note }) => `| ${[what, figure(perSecond), figure(p50), figure(p99), note ?? ''].join(' | ')} |`)
  console.log(['| what | a second | p50 ms | p99 ms | |', '| --- | ---: | ---: | ---: | --- |', ...lines].join('\n'))
  console.log(`\n${availableParallelism()} cores, load ${before?.toFixed(1)} to ${loadavg()[0]?.toFixed(1)}, Node ${process.version}, ${seconds} s of each`)
}

async function overHttp(at: World, people: readonly string[]): Promise<Row[]> {
  const env = { SIGN_IN_LIMIT: 'off', ANONYMOUS_CALLS_PER_MINUTE: '1000000000' }
  const { child, url } = await start((port) => run(plinth(at.url('sign_in'), port, env)))
  try {
    let turn = 0
    const right = async () => signIn(url, people[turn++ % people.length] ?? '', RIGHT)
    const either = async () => signIn(url, people[turn++ % people.length] ?? '', turn % 2 === 0 ? RIGHT : 'another password than that')
    await closedLoop(either, 16, performance.now() + WARM_UP_MS)
    const rows: Row[] = []
    for (const count of [1, 4, 16, 64]) rows.push(await signIns(right, count))
    rows.push(burst(await Promise.all(Array.from({ length: BURST }, right))))
    agent.destroy()
    return [...rows, ...(await beside(url, either))]
  } finally {
    await stop(child)
  }
}

async function signIn(url: string, email: string, password: string): Promise<Answer> {
  const headers = { 'content-type': 'application/json', 'idempotency-key': newKey(), 'x-plinth-device': 'f'.repeat(32) }
  const begun = performance.now()
  const text = await ask(`${url}/trpc/auth.signIn?batch=1`, 'POST', headers, JSON.stringify({ 0: { json: { email, password, delivery: 'TOKEN' } } }))
  const kind = (['SIGNED_IN', 'UNAUTHORIZED', 'UNAVAILABLE'] as const).find((each) => text.includes(`"${each}"`))
  if (!kind) throw new Error(`A sign-in was answered ${text.slice(0, 400)}`)
  const retry = /"retryAfterSeconds":(\d+)/.exec(text)?.[1]
  return { kind, retryAfterSeconds: retry === undefined ? null : Number(retry), ms: performance.now() - begun }
}

/** Sends one request and gives its answer's text, whatever its status. */
async function ask(url: string, method: 'GET' | 'POST', headers: Record<string, string>, body?: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const sent = request(url, { method, headers, agent }, (response) => {
    let text = ''
    response.setEncoding('utf8').on('data', (part: string) => (text += part)).on('error', reject).on('end', () => resolve(text))
  })
  sent.on('error', reject)
  sent.end(body)
  return promise
}

/** So many callers at once, each again as soon as it was answered. */
async function closedLoop(attempt: () => Promise<Answer>, count: number, until: number): Promise<Answer[]> {
  const answers: Answer[] = []
  const caller = async (): Promise<void> => {
    while (performance.now() < until) answers.push(await attempt())
  }
  await Promise.all(Array.from({ length: count }, caller))
  return answers
}

async function signIns(attempt: () => Promise<Answer>, count: number): Promise<Row> {
  const begun = performance.now()
  const answers = await closedLoop(attempt, count, begun + seconds * 1_000)
  const took = (performance.now() - begun) / 1_000
  if (answers.some(({ kind }) => kind !== 'SIGNED_IN')) throw new Error(`Of ${count} callers some were refused`)
  return { what: `sign-ins, ${count} at once`, perSecond: answers.length / took, ...quantilesOf(answers.map(({ ms }) => ms)) }
}

function burst(answers: readonly Answer[]): Row {
  const refused = answers.filter(({ kind }) => kind === 'UNAVAILABLE')
  const after = refused.map(({ retryAfterSeconds }) => retryAfterSeconds ?? Number.NaN)
  const note = `${answers.length - refused.length} signed in, ${refused.length} UNAVAILABLE${refused.length > 0 ? `, to come again after ${Math.min(...after)} to ${Math.max(...after)} s` : ''}`
  return { what: `a burst of ${BURST} callers, each once`, ...quantilesOf(answers.map(({ ms }) => ms)), note }
}

/** The reader alone and beside the flood, in turns: what is compared has the same company on the machine. */
async function beside(url: string, attempt: () => Promise<Answer>): Promise<Row[]> {
  await read(url, performance.now() + 2_000)
  const [idle, flooded, later, answers]: [number[], number[], number[], Answer[]] = [[], [], [], []]
  for (let round = 0; round < ROUNDS; round++) {
    idle.push(...(await read(url, performance.now() + seconds * 1_000)))
    const until = performance.now() + seconds * 1_000
    const [reads, signed] = await Promise.all([read(url, until), closedLoop(attempt, FLOOD, until)])
    flooded.push(...reads)
    later.push(...reads.slice(READS_A_SECOND))
    answers.push(...signed)
    // Each flood comes on connections of its own.
    agent.destroy()
  }
  const [alone, under, settled] = [quantilesOf(idle), quantilesOf(flooded), quantilesOf(later)]
  const of = (kind: Answer['kind']) => answers.filter((answer) => answer.kind === kind).length
  const what = `teams.list, ${READS_A_SECOND} a second`
  return [
    { what: `${what}, alone`, ...alone, note: `${idle.length} reads` },
    { what: `${what}, beside ${FLOOD} callers who sign in without a pause`, ...under, note: `${flooded.length} reads` },
    { what: 'the same without the first second of each flood, when all its callers come at once', ...settled, note: `${later.length} reads` },
    { what: 'the flood beside / alone, wanted at most 2', p50: under.p50 / alone.p50, p99: under.p99 / alone.p99, note: `quotients; ${(settled.p50 / alone.p50).toFixed(2)} and ${(settled.p99 / alone.p99).toFixed(2)} without the first second` },
    {
      what: `the flood itself, half of it with wrong passwords`,
      perSecond: answers.length / seconds / ROUNDS,
      ...quantilesOf(answers.map(({ ms }) => ms)),
      note: `${of('SIGNED_IN')} signed in, ${of('UNAUTHORIZED')} refused, ${of('UNAVAILABLE')} UNAVAILABLE`,
    },
  ]
}

/** Reads at a steady pace, whether or not the last was answered: counted from when each was due, so that a stall is felt by all that it holds up. */
async function read(url: string, until: number): Promise<number[]> {
  const [team] = teams
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${team?.token}` }
  const path = `${url}/trpc/teams.list?batch=1&input=${encodeURIComponent(JSON.stringify({ 0: { json: {} } }))}`
  const begun = performance.now()
  const under: Promise<number>[] = []
  for (let due = begun; due < until; due = begun + (under.length * 1_000) / READS_A_SECOND) {
    if (due > performance.now()) await sleep(due - performance.now())
    under.push(ask(path, 'GET', headers).then((text) => answeredAfter(text, due)))
  }
  return Promise.all(under)
}

function answeredAfter(text: string, due: number): number {
  if (!text.includes('"slug":"team-1"')) throw new Error(`A read was answered ${text.slice(0, 400)}`)
  return performance.now() - due
}

/** A hash gives way to everybody else: how long one takes where nothing else is done, and where every core is wanted by something that never waits. */
async function besideOtherWork(): Promise<Row[]> {
  const rows: Row[] = []
  for (const busy of [0, availableParallelism(), 2 * availableParallelism()]) {
    const others = Array.from({ length: busy }, () => spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }))
    await sleep(500)
    rows.push({ what: `a hash beside ${busy} busy processes`, ...quantilesOf(await hashes()) })
    others.forEach((other) => other.kill('SIGKILL'))
  }
  return rows
}

async function hashes(): Promise<number[]> {
  const took: number[] = []
  for (let count = 0; count < HASHES; count++) {
    const begun = performance.now()
    await verifyPassword(null, 'nobody')
    took.push(performance.now() - begun)
  }
  return took
}

function rowsOf({ kind, perSecond, p50, p99, asked, ...of }: Revoking): Row[] {
  const note = `${(asked * 100).toFixed(1)} % asked the database; ${of.afterTheEnd} checks after the end of their session, ${of.served} of them served`
  return [
    { what: `session checks, ${kind}, while sessions are revoked`, perSecond, p50, p99, note },
    { what: `revocations beside them, ${REVOCATIONS_A_SECOND} a second wanted`, perSecond: of.revoked / seconds, p50: of.revocationP50, p99: of.revocationP99 },
  ]
}

function quantilesOf(values: readonly number[]): { p50: number; p99: number } {
  return { p50: quantile(values, 0.5), p99: quantile(values, 0.99) }
}
