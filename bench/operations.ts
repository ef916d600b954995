/** What is measured inside a process: the session check, Prisma with our extensions, and how answers are written. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { type Backends, type Program, run, stop } from './processes.ts'
import { operationRound, rowOf, type Series, series, together } from './rounds.ts'
import type { Mode, Part } from './rows.ts'
import { ratio, turn } from './statistics.ts'
import { extendedOperations } from './wanted.ts'
import { makePlinth, type World } from './world.ts'

interface Subject {
  readonly child: ChildProcess
  readonly database: string
  readonly operation: string
  readonly lanes: number
  readonly series: Series
}

async function ready(program: Program): Promise<ChildProcess> {
  const child = run(program)
  const [message] = (await Promise.race([once(child, 'message'), once(child, 'exit')])) as [unknown]
  if (message !== 'ready') throw new Error(`${program.file} ended before it was ready`)
  return child
}

/** Rounds of all subjects, in turns; the first ones only warm them up. */
async function rounds(subjects: readonly Subject[], backends: Backends, { rounds: count, roundMs }: Mode): Promise<void> {
  for (const { series: _, ...subject } of subjects) await operationRound({ ...subject, backends, ms: roundMs * 3 }, series())
  for (let round = 0; round < count; round++) {
    for (const { series: into, ...subject } of turn(subjects, round)) await operationRound({ ...subject, backends, ms: roundMs }, into)
  }
}

async function queriesOf(child: ChildProcess): Promise<number> {
  const answer = once(child, 'message') as Promise<[{ queries: number }]>
  child.send({ operation: 'queries' })
  return (await answer)[0].queries
}

/** The session check: cold, from memory, through Prisma, and that of Better Auth. */
export async function sessions(world: World, backends: Backends, mode: Mode): Promise<Part> {
  await makePlinth(world, 'sessions')
  await world.sql('postgres', 'CREATE DATABASE better')
  const ours = (kind: string): Program => ({ file: 'sessions.ts', env: { DATABASE_URL: world.url('sessions'), BENCH_SESSIONS: kind } })
  const children = [await ready(ours('cold')), await ready(ours('hot')), await ready({ file: 'peers/better-auth.ts', env: { DATABASE_URL: world.url('better') } })] as const
  const [cold, hot, better] = children
  try {
    const subject = (child: ChildProcess, database: string, operation: string): Subject => ({ child, database, operation, lanes: 4, series: series() })
    const subjects = [subject(cold, 'sessions', 'cold'), subject(hot, 'sessions', 'hot'), subject(cold, 'sessions', 'prisma'), subject(better, 'better', 'check')] as const
    await rounds(subjects, backends, mode)
    const [coldly, hotly, prisma, stock] = subjects
    const part = 'Session check'
    return {
      rows: [
        rowOf(part, 'cold', 'Plinth', coldly.series),
        rowOf(part, 'hot, from memory', 'Plinth', { ...hotly.series, latencies: [] }, 'no query'),
        rowOf(part, 'the same look-up through Prisma', 'Prisma, person included', prisma.series),
        rowOf(part, 'getSession', 'Better Auth', stock.series),
      ],
      figures: {
        coldSessionQueries: await queriesOf(cold),
        betterAuthQueries: await queriesOf(better),
        coldSessionAgainstBetterAuth: ratio(together(coldly.series), together(stock.series)),
      },
    }
  } finally {
    for (const child of children) await stop(child)
  }
}

/** Prisma with our extensions against the same filters by hand. */
export async function prisma(world: World, backends: Backends, mode: Mode): Promise<Part> {
  await makePlinth(world, 'extended')
  const child = await ready({ file: 'soft-delete.ts', env: { DATABASE_URL: world.url('extended') } })
  try {
    const pairs = [...extendedOperations].map(([what, figure]) => {
      const subject = (how: string): Subject => ({ child, database: 'extended', operation: `${what} | ${how}`, lanes: 4, series: series() })
      return { what, figure, extended: subject('extended'), byHand: subject('by hand') }
    })
    await rounds(pairs.flatMap(({ extended, byHand }) => [extended, byHand]), backends, { ...mode, rounds: mode.rounds * 2 })
    return {
      rows: pairs.flatMap(({ what, extended, byHand }) => [
        rowOf('Prisma', what, 'with our extensions', extended.series),
        rowOf('Prisma', what, 'filters by hand', byHand.series),
      ]),
      figures: Object.fromEntries(pairs.map(({ figure, extended, byHand }) => [figure, ratio(extended.series.server, byHand.series.server)])),
    }
  } finally {
    await stop(child)
  }
}

/** How answers are written: our transformer beside superjson, and streamed answers beside whole ones. Without a database. */
export async function answers(_: World, backends: Backends, mode: Mode): Promise<Part> {
  const kinds = {
    'transformer.ts': ['encode and stringify: Plinth', 'encode and stringify: superjson', 'encode and stringify: JSON alone', 'with bigint and undefined: Plinth', 'with bigint and undefined: superjson', 'parse and decode: Plinth', 'parse and decode: JSON alone'],
    'streaming.ts': ['1 query, application/json', '1 query, application/jsonl', '10 queries, application/json', '10 queries, application/jsonl'],
  }
  const rows = []
  for (const [file, operations] of Object.entries(kinds)) {
    const child = await ready({ file, env: {} })
    const subjects = operations.map((operation): Subject => ({ child, database: 'postgres', operation, lanes: 1, series: series() }))
    await rounds(subjects, backends, mode)
    await stop(child)
    rows.push(...subjects.map(({ operation, series: of }) => answerRow(operation, of)))
  }
  return { rows, figures: {} }
}

function answerRow(operation: string, of: Series): Part['rows'][number] {
  const [what = '', who = 'Plinth'] = operation.split(': ')
  const subject = operation.includes('quer') ? 'ten rows each, in the process' : 'ten rows'
  const { databaseUs: _, ...row } = rowOf('Answers', `${subject}: ${what}`, who, { ...of, latencies: [] })
  return row
}
