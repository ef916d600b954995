/** What is measured of whole servers of ours: lists of different lengths, mutations with the dispatcher running, and the start. */
import { once } from 'node:events'
import { contestants, newKey, plinth } from './contestants.ts'
import { drained, start } from './http.ts'
import { load, send } from './load.ts'
import { type Backends, cpuOf, run, stop } from './processes.ts'
import { requestRound, rowOf, series, together } from './rounds.ts'
import type { Mode, Part, Row } from './rows.ts'
import { median, ratio, turn } from './statistics.ts'
import { lengthen, makePlinth, teams, type Team, type World } from './world.ts'

const [ours] = contestants
const [first] = teams
if (!ours || !first) throw new Error('There is nobody to measure')
const longTeam: Team = first

/** The same page of lists of different lengths, each in a database of its own that holds nothing else of that size. */
export async function lists(world: World, backends: Backends, mode: Mode): Promise<Part> {
  const running: { size: number; url: string; subject: { child: ReturnType<typeof run>; database: string; backends: Backends }; cursor: string; first: ReturnType<typeof series>; deep: ReturnType<typeof series> }[] = []
  try {
    for (const size of mode.sizes) {
      const database = `list_${size}`
      await makePlinth(world, database)
      const lastId = await lengthen(world, database, longTeam, size)
      const { child, url } = await start((port) => run(plinth(world.url(database), port)))
      const cursor = Buffer.from(lastId).toString('base64url')
      if (!(await send(url, undefined, ours!.read(longTeam, cursor))).includes('@example.com')) throw new Error('The deep page is empty')
      running.push({ size, url, subject: { child, database, backends }, cursor, first: series(), deep: series() })
    }
    const one = async (each: (typeof running)[number], cursor: string | undefined, into: ReturnType<typeof series>, count: number) =>
      requestRound({ ...each.subject, url: each.url, calls: () => ours!.read(longTeam, cursor), count, lanes: 4 }, into)
    for (const each of running) for (const cursor of [undefined, each.cursor]) await one(each, cursor, series(), mode.requests)
    for (let round = 0; round < mode.rounds; round++) {
      for (const each of turn(running, round)) {
        await one(each, undefined, each.first, mode.requests / 2)
        await one(each, each.cursor, each.deep, mode.requests / 2)
      }
    }
    const rows = running.flatMap(({ size, first: top, deep }) => [
      rowOf('Lists', `first page of ${size.toLocaleString('en-GB')} members`, 'Plinth', top),
      rowOf('Lists', `page at nine tenths of ${size.toLocaleString('en-GB')}`, 'Plinth', deep),
    ])
    const [shortest, longest] = [running[0], running.at(-1)]
    if (!shortest || !longest) return { rows, figures: {} }
    return {
      rows,
      figures: {
        longestList: longest.size,
        longestListAgainstShortest: ratio(together(longest.first), together(shortest.first)),
        deepestPageAgainstShortest: ratio(together(longest.deep), together(shortest.first)),
      },
    }
  } finally {
    for (const { subject } of running) await stop(subject.child)
  }
}

/** Mutations over HTTP for some seconds, with the dispatcher in the same process; then the pipeline after the commit by itself (dispatcher.ts). */
export async function throughput(world: World, _: Backends, mode: Mode): Promise<Part> {
  await makePlinth(world, 'throughput')
  const { child, url } = await start((port) => run(plinth(world.url('throughput'), port)))
  let at = 0
  const calls = () => {
    const turns = Math.floor(at / teams.length)
    return ours!.mutation(teams[at++ % teams.length] ?? longTeam, turns % 2 === 0 ? 'ADMIN' : 'MEMBER', newKey())
  }
  await load(url, calls, { count: teams.length * 4, lanes: 16 })
  const { count, seconds, latencies } = await load(url, calls, { count: mode.seconds * 150, lanes: 16 })
  const begun = performance.now()
  await drained(world, 'throughput')
  const backlogMs = performance.now() - begun
  await stop(child)
  const sorted = latencies.toSorted((one, other) => one - other)
  const mutation: Row = {
    part: 'Mutations',
    what: 'a second over HTTP, 16 at once, the dispatcher in the same process',
    who: 'Plinth',
    p50Ms: sorted[Math.floor(sorted.length / 2)] ?? Number.NaN,
    p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN,
    perSecond: count / seconds,
    note: `all dispatched ${Math.round(backlogMs)} ms after the last`,
  }
  return { rows: [mutation, ...(await pipeline(world, mode))], figures: { mutationsPerSecond: count / seconds } }
}

interface Pipeline {
  without: number
  with: number
  drainMs: number
  pace: number
  effect: { p50: number; p99: number }
  listener: { p50: number; p99: number }
}

async function pipeline(world: World, { seconds }: Mode): Promise<Row[]> {
  const child = run({ file: 'dispatcher.ts', env: { DATABASE_URL: world.url('throughput'), BENCH_SECONDS: String(seconds), NODE_ENV: 'test' } })
  const [figures] = (await once(child, 'message')) as [Pipeline]
  await once(child, 'exit')
  const row = { part: 'Mutations', who: 'Plinth' }
  return [
    { ...row, what: "a commit's records alone, no dispatcher", perSecond: figures.without },
    { ...row, what: "a commit's records alone, dispatched and worked off beside", perSecond: figures.with, note: `the backlog took ${figures.drainMs} ms` },
    { ...row, what: `from commit to effect, at ${figures.pace} a second`, p50Ms: figures.effect.p50, p99Ms: figures.effect.p99 },
    { ...row, what: `from commit to a live listener, at ${figures.pace} a second`, p50Ms: figures.listener.p50, p99Ms: figures.listener.p99 },
  ]
}

/** From the command until the server says that it is ready, its files in the page cache and its database deployed. */
export async function starts(world: World, _: Backends, mode: Mode): Promise<Part> {
  await makePlinth(world, 'starts')
  const [times, cpus]: [number[], number[]] = [[], []]
  for (let turns = 0; turns <= mode.starts; turns++) {
    const { child, ms } = await start((port) => run(plinth(world.url('starts'), port)))
    const cpu = await cpuOf(child)
    await stop(child)
    if (turns === 0) continue
    times.push(ms / 1_000)
    cpus.push(cpu)
  }
  const [least, most] = [Math.min(...times), Math.max(...times)]
  return {
    rows: [{ part: 'Start', what: `started ${times.length} times`, who: 'Plinth', cpuUs: median(cpus), note: `${least.toFixed(2)} to ${most.toFixed(2)} s` }],
    figures: { startSeconds: median(times) },
  }
}
