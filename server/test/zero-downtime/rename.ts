/**
 * A column is renamed while people write: expand, backfill, contract, and two releases that answer side by side in between.
 * The release after differs from this tree in one line of the schema: Team.name is stored in `title`.
 */
import { mkdirSync, cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { createClient } from '@plinth/client'
import pg from 'pg'
import { deployMigrations } from '../../src/db/migrations/deploy.ts'
import { copyServer, type Copy } from '../faults/copy.ts'
import { ownSources } from '../faults/system.ts'
import { now, startMeter, type Figures, type Meter } from './meter.ts'
import type { Rates } from './messages.ts'
import { startRelease, type Release } from './release.ts'

export interface Options {
  /** An empty, migrated database, as its owner. */
  readonly databaseUrl: string
  /** Teams that are there before, and that the backfill has to fill. */
  readonly rows: number
  /** Writes a second through HTTP: keyed mutations of a signed-in person. */
  readonly httpPerSecond: number
  /** What the releases write besides, together. */
  readonly rates: Rates
  /** How long each calm stretch lasts. */
  readonly calmMs: number
  readonly tell?: (line: string) => void
}

export interface Outcome {
  readonly figures: readonly Figures[]
  readonly failures: readonly string[]
  /** Writes that were acknowledged and are not in the table at the end. */
  readonly lost: readonly string[]
  /** Writes through one release that were read through the other. */
  readonly readAcross: number
}

/** Runs the whole change. */
export async function renameUnderLoad({ tell = () => undefined, ...options }: Options): Promise<Outcome> {
  const after = await releaseAfter()
  const meter = startMeter(tell)
  const running: Release[] = []
  try {
    await fillTable(options)
    return await change({ ...options, after, meter, running })
  } finally {
    for (const release of running) release.kill()
    after.remove()
  }
}

interface Change extends Omit<Options, 'tell'> {
  readonly after: Copy
  readonly meter: Meter
  /** Those to which requests go. */
  readonly running: Release[]
}

async function change({ databaseUrl, httpPerSecond, rates, calmMs, after, meter, running }: Change): Promise<Outcome> {
  const launch = async (sources: string, column: string): Promise<Release> => {
    const release = await startRelease({ sources, databaseUrl, column }, meter.add)
    running.push(release)
    return release
  }
  const migrate = (script: string): Promise<string[]> => applyScript(databaseUrl, after, script)
  const before = await launch(ownSources, 'name')
  const callers = startCallers(running, await signIn(before), httpPerSecond, meter)
  before.write(rates)
  await meter.step('calm before', () => sleep(calmMs))
  await meter.step('expand', () => migrate('1-expand'))
  await meter.step('calm, both columns', () => sleep(calmMs / 2))
  await meter.step('backfill and validate', () => migrate('2-backfill'))
  const next = await meter.step('the release after starts', () => launch(after.sources, 'title'))
  for (const release of running) release.write(half(rates))
  await meter.step('both releases answer', () => sleep(calmMs))
  running.shift()
  next.write(rates)
  const names = new Map(await meter.step('the release before drains', () => before.stop()))
  await meter.step('contract', () => migrate('3-contract'))
  await meter.step('calm after', () => sleep(calmMs))
  const called = await callers.stop()
  running.shift()
  for (const [id, name] of [...(await next.stop()), ...called.names]) names.set(id, name)
  return { figures: meter.figures(), failures: meter.failures, lost: await lostOf(databaseUrl, names), readAcross: called.readAcross }
}

const half = ({ transactions, statements }: Rates): Rates => ({ transactions: transactions / 2, statements: statements / 2 })

/** The release after: this tree with one line changed, and its client generated from it. */
async function releaseAfter(): Promise<Copy> {
  const copy = copyServer()
  const root = join(copy.sources, '..')
  symlinkSync(join(ownSources, '../pnpm-workspace.yaml'), join(root, 'pnpm-workspace.yaml'))
  const file = join(root, 'prisma/schema/teams/team.prisma')
  const schema = readFileSync(file, 'utf8')
  const changed = schema.replace(/^( {2}name\s+String)\s*$/m, '$1 @map("title")')
  if (changed === schema) throw new Error('Team has no plain field `name`: choose another column to rename')
  writeFileSync(file, changed)
  await promisify(execFile)(process.execPath, [join(copy.sources, 'dev/generate.ts')], { cwd: root })
  return copy
}

/** Puts the script behind the migrations of the release after, and applies it as a deploy does. */
function applyScript(databaseUrl: string, { sources }: Copy, script: string): Promise<string[]> {
  const folder = join(sources, '../prisma/migrations')
  const migration = join(folder, `99990101000000_${script.replace('-', '_')}`)
  mkdirSync(migration)
  cpSync(join(import.meta.dirname, 'rename', `${script}.sql`), join(migration, 'migration.sql'))
  return deployMigrations({ url: databaseUrl, folder })
}

async function fillTable({ databaseUrl, rows }: Pick<Options, 'databaseUrl' | 'rows'>): Promise<void> {
  await asOwner(databaseUrl, (client) =>
    client.query(
      `INSERT INTO teams.teams (id, name, slug, updated_at) SELECT gen_random_uuid(), 'Team ' || n, 'old-' || n, now() FROM generate_series(1, $1::int) AS n`,
      [rows],
    ),
  )
}

/** The first administrator, who needs no mail. */
async function signIn({ url, setupCode }: Release): Promise<string> {
  const stranger = createClient({ url })
  const person = { email: 'owner@example.com', password: 'a column that changes its name' }
  await stranger.auth.setUp.mutate({ ...person, name: 'Owner', code: setupCode ?? '' })
  const answer = await stranger.auth.signIn.mutate({ ...person, delivery: 'TOKEN' })
  return answer.status === 'SIGNED_IN' ? (answer.token ?? '') : ''
}

interface Callers {
  stop(): Promise<{ names: Map<string, string>; readAcross: number }>
}

/** Keyed mutations over HTTP, each read back, where two releases run through the other one. An answer that is no success counts, also where the client would ask again. */
function startCallers(running: readonly Release[], token: string, perSecond: number, meter: Meter): Callers {
  const names = new Map<string, string>()
  const underWay = new Set<Promise<void>>()
  let [stopping, turn, readAcross] = [false, 0, 0]
  const clientOf = ({ url }: Release) => createClient({ url, token, fetch: (input, init) => counted(meter, fetch(input, init)) })
  const call = async (): Promise<void> => {
    const writer = running[turn++ % running.length] as Release
    const name = `Team ${randomUUID().slice(4)}`
    const beganAt = now()
    try {
      const team = await clientOf(writer).teams.create.mutate({ name, slug: name.toLowerCase().replace(' ', '-') })
      meter.add([[beganAt, now()]])
      names.set(team.id, name)
      const reader = running.find((release) => release !== writer) ?? (running[0] as Release)
      const read = await clientOf(reader).teams.get.query({ teamId: team.id })
      if (read.name !== name) meter.add([], [`${name} was read as ${read.name}`])
      if (reader !== writer) readAcross++
    } catch (error) {
      meter.add([], [String(error)])
    }
  }
  const loop = async (): Promise<void> => {
    for (let dueAt = now(); !stopping; dueAt = Math.max(dueAt, now() - 100) + 1000 / perSecond) {
      while (dueAt > now()) await sleep(2)
      while (underWay.size >= 8) await Promise.race(underWay)
      const one = call().finally(() => underWay.delete(one))
      underWay.add(one)
    }
  }
  const looping = loop()
  return {
    async stop() {
      stopping = true
      await looping
      await Promise.all(underWay)
      return { names, readAcross }
    },
  }
}

async function counted(meter: Meter, answer: Promise<Response>): Promise<Response> {
  try {
    const response = await answer
    if (!response.ok) meter.add([], [`HTTP ${response.status}`])
    return response
  } catch (error) {
    meter.add([], [`no answer: ${String(error)}`])
    throw error
  }
}

async function lostOf(databaseUrl: string, names: ReadonlyMap<string, string>): Promise<string[]> {
  const { rows } = await asOwner(databaseUrl, (client) =>
    client.query<{ id: string; title: string }>('SELECT id, title FROM teams.teams WHERE id = ANY ($1)', [[...names.keys()]]),
  )
  const titles = new Map(rows.map(({ id, title }) => [id, title]))
  return [...names]
    .filter(([id, name]) => titles.get(id) !== name)
    .map(([id, name]) => `${id}: ${name} is ${titles.get(id) ?? 'not there'}`)
}

async function asOwner<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
