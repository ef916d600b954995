/**
 * The primary of several processes (PLINTH_PROCESSES): it starts them, keeps what they count together (lib/ledger.ts), starts again what ended,
 * and stops them all. It serves nothing and has no database: so it has little that could end it, and the others end with it.
 */
import cluster, { type Worker } from 'node:cluster'
import type { Config } from '#lib/config.ts'
import { createLedger, type Ledger } from '#lib/ledger.ts'
import { log, useLog } from '#lib/log.ts'
import { figures, type Family } from '#lib/metrics.ts'
import '#lib/process-figures.ts'
import { restarts, type News, type Questions, type ToPrimary, type ToProcess } from '#lib/siblings.ts'
import { closeWhenLost } from './handed-over.ts'

/** A process that ends as soon as it is started is started less and less often. */
const FIRST_RESTART_MS = 100
const LAST_RESTART_MS = 10_000
/** Who lived for this long had no fault at its start. */
const SETTLED_MS = 60_000
/** What a process has beyond DRAIN_MS, before it is killed. */
const DRAIN_GRACE_MS = 6_000
const FIGURES_WITHIN_MS = 2_000

/** One place among the processes, and who has it now. */
interface Place {
  readonly number: number
  worker: Worker
  startedAt: number
  isReady: boolean
  /** How often in a row it ended soon after its start. */
  failures: number
}

interface House {
  readonly config: Config
  readonly ledger: Ledger
  readonly places: Map<number, Place>
  readonly scrapes: Map<number, (families: readonly Family[]) => void>
  isStopping: boolean
}

/** Runs Plinth in PLINTH_PROCESSES processes until a signal ends them. The first has the role that is configured; of `all`, the others serve alone. */
export async function runProcesses(config: Config): Promise<void> {
  await useLog(config)
  const house: House = { config, ledger: createLedger(config.PLINTH_PROCESSES), places: new Map(), scrapes: new Map(), isStopping: false }
  cluster.on('message', (worker, message: ToPrimary) => hear(house, worker, message))
  cluster.on('exit', (worker, code) => replace(house, worker, code))
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop(house))
  // The others are started when it is ready: what is wrong with the configuration or the database is said once.
  place(house, 1, 0)
}

function place(house: House, number: number, failures: number): void {
  const { PLINTH_ROLE } = house.config
  const role = PLINTH_ROLE === 'all' && number > 1 ? 'web' : PLINTH_ROLE
  // A role out of a file would be set twice.
  const worker = cluster.fork({ PLINTH_PROCESS: String(number), PLINTH_ROLE: role, PLINTH_ROLE_FILE: '' })
  closeWhenLost(worker)
  house.places.set(number, { number, worker, startedAt: performance.now(), isReady: false, failures })
}

function placeOf({ places }: House, worker: Worker): Place | undefined {
  return [...places.values()].find((each) => each.worker === worker)
}

function hear(house: House, worker: Worker, message: ToPrimary): void {
  const from = placeOf(house, worker)
  if (!from) return
  if (message.plinth === 'figures') return house.scrapes.get(message.id)?.(message.families)
  for (const [kind, about] of message.told) take(house, from, kind, about)
  void Promise.all(message.asked.map(async ([id, kind, about]) => [id, await answer(house, from, kind, about)] as const)).then(
    (answers) => answers.length > 0 && send(worker, { plinth: 'answers', answers }),
  )
}

function take(house: House, from: Place, kind: keyof News, about: News[keyof News]): void {
  if (kind === 'giveBack') {
    const { bucket, calls } = about as News['giveBack']
    return house.ledger.giveBack(bucket, calls)
  }
  if (kind === 'leaveSeat') return house.ledger.leaveSeat(from.number, (about as News['leaveSeat']).owner)
  becomeReady(house, from, (about as News['ready']).url)
}

async function answer(house: House, from: Place, kind: keyof Questions, about: Questions[keyof Questions]['about']): Promise<unknown> {
  if (kind === 'figures') return everyonesFigures(house)
  if (kind === 'takeSeat') {
    const { owner, most } = about as Questions['takeSeat']['about']
    return house.ledger.takeSeat(from.number, owner, most)
  }
  const { bucket, want } = about as Questions['lease']['about']
  return house.ledger.lease(bucket, want)
}

function becomeReady(house: House, from: Place, url: string | null): void {
  const { PLINTH_PROCESSES, PLINTH_ROLE } = house.config
  const isFirst = from.number === 1 && house.places.size === 1
  from.isReady = true
  if (isFirst && !house.isStopping) for (let number = 2; number <= PLINTH_PROCESSES; number++) place(house, number, 0)
  if ([...house.places.values()].every(({ isReady }) => isReady)) {
    log.info({ role: PLINTH_ROLE, url, processes: PLINTH_PROCESSES }, url ? 'Plinth listens.' : 'Plinth works.')
  }
}

/** Its own too: it counts who was started again. */
async function everyonesFigures(house: House): Promise<Questions['figures']['answer']> {
  const others = [...house.places.values()].filter(({ isReady }) => isReady).map((each) => figuresOf(house, each))
  const own = { process: 0, families: await figures() }
  return [...(await Promise.all(others)).filter((each) => each !== null), own]
}

let lastScrape = 0

async function figuresOf({ scrapes }: House, { number, worker }: Place): Promise<Questions['figures']['answer'][number] | null> {
  const id = ++lastScrape
  const { promise, resolve } = Promise.withResolvers<Questions['figures']['answer'][number] | null>()
  const timer = setTimeout(() => resolve(null), FIGURES_WITHIN_MS)
  scrapes.set(id, (families) => resolve({ process: number, families }))
  send(worker, { plinth: 'figures', id })
  return promise.finally(() => {
    clearTimeout(timer)
    scrapes.delete(id)
  })
}

/** A process that could not start at all ends everything: whoever starts Plinth must learn why, and it has said so itself. */
function replace(house: House, worker: Worker, code: number | null): void {
  const ended = placeOf(house, worker)
  if (!ended) return
  house.ledger.forget(ended.number)
  if (house.isStopping) return leave(house, ended, code)
  if (!ended.isReady && house.places.size === 1 && ended.failures === 0) process.exit(code ?? 1)
  const livedMs = performance.now() - ended.startedAt
  const failures = livedMs > SETTLED_MS ? 1 : ended.failures + 1
  const waitMs = Math.min(LAST_RESTART_MS, FIRST_RESTART_MS * 2 ** (failures - 1))
  restarts()
  log.error(
    { process: ended.number, code, signal: worker.process.signalCode, livedMs: Math.round(livedMs), waitMs },
    'A process ended; it is started again.',
  )
  ended.isReady = false
  setTimeout(() => void (house.isStopping ? leave(house, ended, 0) : place(house, ended.number, failures)), waitMs)
}

/** A signal of the terminal reaches every process by itself: a message is not taken for a second one. */
function stop(house: House): void {
  const workers = () => [...house.places.values()].map(({ worker }) => worker).filter((worker) => !worker.isDead())
  const killAll = () => {
    for (const worker of workers()) worker.process.kill('SIGKILL')
    process.exit(1)
  }
  if (house.isStopping) return killAll()
  house.isStopping = true
  log.info({ processes: workers().length }, 'Plinth stops: every process finishes what it accepted.')
  setTimeout(killAll, house.config.DRAIN_MS + DRAIN_GRACE_MS).unref()
  for (const { worker, isReady } of house.places.values()) {
    if (isReady) send(worker, { plinth: 'stop' })
    else worker.process.kill('SIGTERM')
  }
}

function leave(house: House, { number, isReady }: Place, code: number | null): void {
  house.places.delete(number)
  // Who was not ready was ended by the signal, and had accepted nothing.
  if (isReady && code !== 0) process.exitCode = 1
  if (house.places.size === 0) process.exit()
}

function send(worker: Worker, message: ToProcess): void {
  // A process may end at any time; its exit is heard of.
  if (worker.isConnected()) worker.send(message, undefined, () => undefined)
}
