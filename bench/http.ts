/** The contest: the same read and the same mutation of four servers, over HTTP, in rounds that take turns. */
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ChildProcess } from 'node:child_process'
import { type Contestant, contestants, newKey } from './contestants.ts'
import { type Call, load, send } from './load.ts'
import { type Backends, run, stop } from './processes.ts'
import { requestRound, rowOf, type Series, series, together } from './rounds.ts'
import type { Mode, Part } from './rows.ts'
import { ratio, turn } from './statistics.ts'
import { makePeers, makePlinth, teams, type World } from './world.ts'

const lanes = 8
const part = 'HTTP'

interface Running {
  readonly contestant: Contestant
  readonly child: ChildProcess
  readonly url: string
  readonly read: Series
  readonly mutation: Series
}

/** Runs the contest. */
export async function contest(world: World, backends: Backends, mode: Mode): Promise<Part> {
  await makePlinth(world, 'plinth')
  await makePeers(world, 'peers')
  const runners: Running[] = []
  try {
    for (const contestant of contestants) runners.push(await begin(world, contestant))
    for (const runner of runners) await warm(runner, mode)
    for (let round = 0; round < mode.rounds; round++) {
      for (const runner of turn(runners, round)) await oneRound(world, backends, runner, mode)
      process.stderr.write(`HTTP, round ${round + 1} of ${mode.rounds}\n`)
    }
    return summary(runners)
  } finally {
    for (const { child } of runners) await stop(child)
  }
}

async function oneRound(world: World, backends: Backends, { contestant, child, url, read, mutation }: Running, { requests }: Mode): Promise<void> {
  const subject = { child, database: contestant.database, backends, url, lanes }
  await requestRound({ ...subject, calls: reads(contestant), count: requests }, read)
  const dispatched = contestant.name === 'plinth' ? { settled: () => drained(world, contestant.database) } : {}
  await requestRound({ ...subject, calls: mutations(contestant), count: Math.ceil(requests / 2), ...dispatched }, mutation)
}

function summary(runners: readonly Running[]): Part {
  const titles = { plinth: 'its dispatcher and request log included', stock: '', fastify: '', floor: '' }
  const rows = (['read', 'mutation'] as const).flatMap((kind) => {
    const what = kind === 'read' ? 'authenticated read of 20 rows' : 'idempotent mutation'
    return runners.map((runner) => rowOf(part, what, runner.contestant.title, runner[kind], titles[runner.contestant.name] || undefined))
  })
  const cost = (name: Contestant['name'], kind: 'read' | 'mutation') => {
    const found = runners.find(({ contestant }) => contestant.name === name)
    return found ? together(found[kind]) : []
  }
  const against = (kind: 'read' | 'mutation', name: Contestant['name']) => ratio(cost('plinth', kind), cost(name, kind))
  return {
    rows,
    figures: {
      readAgainstStock: against('read', 'stock'),
      readAgainstFloor: against('read', 'floor'),
      readAgainstFastify: against('read', 'fastify'),
      mutationAgainstStock: against('mutation', 'stock'),
      mutationAgainstFloor: against('mutation', 'floor'),
      mutationAgainstFastify: against('mutation', 'fastify'),
    },
  }
}

async function begin(world: World, contestant: Contestant): Promise<Running> {
  const { child, url } = await start((port) => run(contestant.program(world.url(contestant.database), port)))
  await prove(contestant, url)
  return { contestant, child, url, read: series(), mutation: series() }
}

/** Starts a server on a free port and waits until it is ready. */
export async function start(program: (port: number) => ChildProcess): Promise<{ child: ChildProcess; url: string; ms: number }> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const begun = performance.now()
  const child = program(port)
  for (;;) {
    const answer = await fetch(`${url}/readyz`).catch(() => null)
    await answer?.arrayBuffer()
    if (answer?.ok) return { child, url, ms: performance.now() - begun }
    if (child.exitCode !== null) throw new Error(`It ended with ${child.exitCode} before it was ready`)
    if (performance.now() - begun > 60_000) throw new Error('It was not ready within a minute')
    await sleep(5)
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

/** Nobody is measured who gives something else: the page has 20 people, a stranger is refused, and a repeated call has its effect once. */
async function prove(contestant: Contestant, url: string): Promise<void> {
  const [team, other] = teams
  if (!team || !other) throw new Error('There are no teams')
  const page = await send(url, undefined, contestant.read(team))
  const people = page.match(/@example\.com/g)?.length
  if (people !== 20) throw new Error(`${contestant.title} gave ${people} people: ${page.slice(0, 300)}`)
  const answered = await send(url, undefined, contestant.read({ ...team, id: other.id })).then(() => true, () => false)
  if (answered) throw new Error(`${contestant.title} lets strangers in`)
  const key = newKey()
  const once = await send(url, undefined, contestant.mutation(team, 'ADMIN', key))
  const twice = await send(url, undefined, contestant.mutation(team, 'ADMIN', key))
  if (!once.includes('ADMIN') || sorted(once) !== sorted(twice)) throw new Error(`${contestant.title} answers a repeated call otherwise: ${once} ${twice}`)
  const reused = await send(url, undefined, contestant.mutation(team, 'MEMBER', key)).then(() => true, () => false)
  if (reused) throw new Error(`${contestant.title} takes a key for another input`)
  await send(url, undefined, contestant.mutation(team, 'MEMBER', newKey()))
}

/** A result that was kept as jsonb comes back with its fields in another order. */
function sorted(text: string): string {
  return [...text].toSorted().join('')
}

async function warm({ contestant, url }: Running, { requests }: Mode): Promise<void> {
  // V8 needs about a thousand calls until it runs what it will run for the rest of the day.
  await load(url, reads(contestant), { count: Math.max(1_200, requests * 2), lanes })
  await load(url, mutations(contestant), { count: requests, lanes })
}

function reads(contestant: Contestant): () => Call {
  let at = 0
  return () => contestant.read(teamAt(at++))
}

const roles = new Map<string, 'ADMIN' | 'MEMBER'>()

/** Each call changes something: the role goes to and fro, as each contestant has it. */
function mutations(contestant: Contestant): () => Call {
  let at = 0
  return () => {
    const team = teamAt(at++)
    const place = `${contestant.name} ${team.id}`
    const role = roles.get(place) === 'ADMIN' ? 'MEMBER' : 'ADMIN'
    roles.set(place, role)
    return contestant.mutation(team, role, newKey())
  }
}

function teamAt(at: number): (typeof teams)[number] {
  const team = teams[at % teams.length]
  if (!team) throw new Error('There are no teams')
  return team
}

/** Waits until every event has been given its place in the feed. */
export async function drained(world: World, database: string): Promise<void> {
  for (;;) {
    const [row] = await world.sql(database, 'SELECT EXISTS (SELECT 1 FROM core.outbox) AS waits')
    if (row?.['waits'] === false) return
    await sleep(10)
  }
}
