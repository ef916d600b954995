/**
 * Embedded PostgreSQL: a real cluster of this project alone, from the binaries in an npm package.
 * Whoever uses it holds an advisory lock in it; the last one to leave stops it. So two commands may use it at once,
 * and after a kill -9 of whoever started it the next one finds it running, uses it and stops it.
 */
import { randomBytes } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { placeOf } from './embedded-place.ts'
import type { Place } from './embedded-place.ts'
import { freePort, initialise, postmasterPid, removeForeignLock, start, stop } from './embedded-process.ts'
import type { Started } from './embedded-process.ts'
import { SetupError } from './setup-error.ts'

const inUse = 'hashtextextended($$plinth in use$$, 0)'
const developing = 'hashtextextended($$plinth dev$$, 0)'
const patienceMs = 60_000

export interface EmbeddedOptions {
  /** The data folder; beside it lie `<folder>.json` (password and port) and `<folder>.log`. */
  readonly folder: string
  /** Made when it is missing, with pg_stat_statements in it. */
  readonly database: string
  /** `dev` takes the project: a second `dev` is refused with a sentence. Everything else may share. */
  readonly purpose: 'dev' | 'command'
  /** Settings of PostgreSQL on top of ours. */
  readonly settings?: Record<string, string>
}

export interface Embedded {
  /** The database as the superuser, who owns the schemas. */
  readonly url: string
  readonly data: string
  /** The process id of the server, for those who kill it. */
  readonly pid: number | null
  /** One line for the person, if there is something unusual to know. */
  readonly notice: string | null
  /** Leaves the cluster, and stops it when nobody else uses it. */
  close(): Promise<void>
}

interface State {
  password: string
  port: number
  data: string
}

/** Stops the cluster that `folder` names, if it runs, and removes it with everything in it. */
export async function removeEmbedded(folder: string): Promise<void> {
  const place = placeOf(folder)
  await stop(place)
  for (const path of [place.data, `${folder}.json`, `${folder}.log`]) rmSync(path, { recursive: true, force: true })
  if (dirname(place.data) !== dirname(folder)) rmSync(dirname(place.data), { recursive: true, force: true })
}

/** Opens the project's cluster: makes it when there is none, starts it when it does not run, adopts it when it does. */
export async function openEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  const place = placeOf(options.folder)
  const state = await stateOf(options.folder, place)
  await initialise(place, state.password)
  const keeper = await takeSeat(options, place, state)
  await makeDatabase(keeper, urlOf(state, options.database), options.database)
  return {
    url: urlOf(state, options.database),
    data: place.data,
    pid: postmasterPid(place.data),
    notice: place.notice,
    close: () => leave(keeper, place),
  }
}

async function takeSeat(options: EmbeddedOptions, place: Place, state: State): Promise<pg.Client> {
  for (const deadline = Date.now() + patienceMs; ;) {
    const client = await runningCluster(options, place, state, deadline)
    try {
      await client.query(`SELECT pg_advisory_lock_shared(${inUse})`)
      if (options.purpose === 'dev') await claimProject(client)
      return client
    } catch (error) {
      await client.end().catch(() => undefined)
      if (error instanceof SetupError || Date.now() > deadline) throw error
    }
  }
}

async function claimProject(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ free: boolean }>(`SELECT pg_try_advisory_lock(${developing}) AS free`)
  if (!rows[0]?.free) throw new SetupError('Another `pnpm dev` is running in this project: stop it first.')
}

async function runningCluster(options: EmbeddedOptions, place: Place, state: State, deadline: number): Promise<pg.Client> {
  let started: Started | null = null
  while (Date.now() < deadline) {
    const found = await connect(state, place)
    if (found instanceof pg.Client) return found
    if (found === 'locked' && started) throw new SetupError(damaged(options.folder))
    const failure = started?.failure() ?? null
    if (failure !== null && !mayPass(failure, place)) throw new SetupError(`Embedded PostgreSQL does not start: ${failure}`)
    if (failure !== null) await sleep(200)
    if (found !== 'starting' && (started === null || failure !== null)) {
      if (found !== 'absent') await moveToFreePort(options.folder, state)
      started = start(place, state.port, settingsOf(options), `${options.folder}.log`)
    }
    await sleep(30)
  }
  throw new SetupError(`Embedded PostgreSQL did not answer within ${patienceMs / 1000} seconds; its log is ${options.folder}.log.`)
}

/** Another starter was quicker, or what was killed is not quite gone, or the port was taken meanwhile: worth another try. */
function mayPass(failure: string, place: Place): boolean {
  if (/lock file "postmaster.pid" (already exists|is empty)/.test(failure)) {
    removeForeignLock(place.data)
    return true
  }
  return /shared memory block|could not bind|could not create any TCP/.test(failure)
}

async function connect(state: State, place: Place): Promise<pg.Client | 'absent' | 'starting' | 'locked' | 'foreign'> {
  const client = new pg.Client({ connectionString: urlOf(state, 'postgres'), application_name: 'plinth keeper', keepAlive: true })
  client.on('error', () => undefined)
  try {
    await client.connect()
    const { rows } = await client.query<{ data_directory: string }>('SHOW data_directory')
    if (rows[0]?.data_directory === place.data) return client
    await client.end()
    return 'foreign'
  } catch (error) {
    await client.end().catch(() => undefined)
    const code = (error as { code?: string }).code
    if (code === 'ECONNREFUSED') return 'absent'
    if (code === '57P03' || code === '57P01' || code === 'ECONNRESET') return 'starting'
    return code === '28P01' ? 'locked' : 'foreign'
  }
}

async function moveToFreePort(folder: string, state: State): Promise<void> {
  state.port = await freePort()
  writeFileSync(`${folder}.json`, JSON.stringify(state), { mode: 0o600 })
}

async function leave(keeper: pg.Client, place: Place): Promise<void> {
  const last = await keeper
    .query<{ last: boolean }>(`SELECT pg_advisory_unlock_all(), pg_try_advisory_lock(${inUse}) AS last`)
    .then(({ rows }) => rows[0]?.last === true)
    .catch(() => true)
  await keeper.end().catch(() => undefined)
  if (last) await stop(place)
}

async function makeDatabase(keeper: pg.Client, url: string, database: string): Promise<void> {
  const name = keeper.escapeIdentifier(database)
  const { rowCount } = await keeper.query('SELECT FROM pg_database WHERE datname = $1', [database])
  if (rowCount === 0) await keeper.query(`CREATE DATABASE ${name}`).catch(unlessMade)
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements').catch(unlessMade)
  await client.end()
}

function unlessMade(error: { code?: string }): void {
  if (error.code !== '42P04' && error.code !== '23505') throw error
}

function settingsOf(options: EmbeddedOptions): Record<string, string> {
  return {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    shared_preload_libraries: 'pg_stat_statements',
    timezone: 'UTC',
    log_timezone: 'UTC',
    ...options.settings,
  }
}

/** The password and the port, made at the first start. Two may start at once: the first to write wins. */
async function stateOf(folder: string, place: Place): Promise<State> {
  const file = `${folder}.json`
  const fresh: State = { password: randomBytes(24).toString('base64url'), port: await freePort(), data: place.data }
  try {
    writeFileSync(file, JSON.stringify(fresh), { mode: 0o600, flag: 'wx' })
    return fresh
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  for (let attempt = 0; attempt < 50; attempt++) {
    const text = readFileSync(file, 'utf8')
    if (text.endsWith('}')) return { ...(JSON.parse(text) as State), data: place.data }
    await sleep(20)
  }
  throw new SetupError(damaged(folder))
}

function damaged(folder: string): string {
  return `The password in ${folder}.json is not that of the data in ${folder}: remove both to begin with an empty database.`
}

function urlOf(state: State, database: string): string {
  return `postgresql://postgres:${state.password}@127.0.0.1:${state.port}/${database}`
}
