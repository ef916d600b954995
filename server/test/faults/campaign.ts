/** A campaign: the system, its clients, the faults, the wait for calm, and the verdict. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { gather } from './arena.ts'
import { checkMails } from './check-events.ts'
import { judge } from './checker.ts'
import { keepCalling } from './clients.ts'
import { openHistory, readHistory } from './history.ts'
import { inflictAll, type Toll } from './inflict.ts'
import type { Fault } from './points.ts'
import { keepCallingTogether } from './published.ts'
import { randomFrom, type Random } from './random.ts'
import type { Report } from './report.ts'
import { takeSnapshot, type Snapshot } from './snapshot.ts'
import { effectful } from './subscribers.ts'
import { ownSources, startSystem, type System } from './system.ts'
import { checkWatchers, watch } from './watchers.ts'

export interface CampaignOptions {
  readonly seed: string
  readonly clients: number
  readonly faults: (random: Random) => readonly Fault[]
  /** The server's sources: its own where none are given. */
  readonly sources?: string
  /** Lets the leases of killed workers end at once instead of after the 10 to 20 seconds that they last. */
  readonly hasten?: boolean
  readonly tell?: (line: string) => void
  /** Where the log of the clients and the output of the processes go; a temporary folder, removed afterwards, where none is given. */
  readonly folder?: string
}

export interface Verdict {
  readonly report: Report
  readonly toll: Toll
  /** How long the events and jobs took to drain after the last fault. */
  readonly drainedAfterMs: number
}

/** The outbox and the queue must be empty this long after the last call: a lease of 20 seconds, two retries, and some. */
const drainMs = 60_000

/** Runs a campaign and judges it. Leaves no process and no database behind. */
export async function runCampaign(options: CampaignOptions): Promise<Verdict> {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'plinth-faults-'))
  mkdirSync(folder, { recursive: true })
  const system = await startSystem({ sources: options.sources ?? ownSources, folder })
  try {
    return await campaign(system, join(folder, 'history.jsonl'), options)
  } finally {
    await system.close()
    if (options.folder === undefined) rmSync(folder, { recursive: true, force: true })
  }
}

async function campaign(
  system: System,
  file: string,
  { seed, clients: count, faults, hasten = false, tell = () => {} }: CampaignOptions,
): Promise<Verdict> {
  const random = randomFrom(seed)
  const state = { over: false }
  const base = { url: system.url, seed, note: openHistory(file), over: () => state.over }
  const { arena, clients } = await gather(system.cluster.ownerUrl, base, random.fork('clients'), count)
  const watchers = clients.slice(0, 3).map((client) => watch(system.url, client))
  try {
    const calling = Promise.all(clients.map((client, index) => (index % 4 === 3 ? keepCallingTogether : keepCalling)(arena, client)))
    const toll = await inflictAll(system, faults(random.fork('faults')), random.fork('victims'), tell)
    state.over = true
    const satisfied = await calling
    const { snapshot, drainedAfterMs } = await settle(system, hasten)
    const report = judge(readHistory(file), snapshot, effectful)
    checkMails(snapshot, 'teams.invitation.created', mailsIn(system.mails), report)
    await checkWatchers(watchers, snapshot, report)
    checkAlive(system, satisfied, report)
    return { report, toll, drainedAfterMs }
  } finally {
    state.over = true
    for (const watcher of watchers) watcher.stop()
  }
}

/** Waits until nothing is on its way any more, or the deadline has come. The judge says what that means. */
async function settle({ cluster }: System, hasten: boolean): Promise<{ snapshot: Snapshot; drainedAfterMs: number }> {
  const start = Date.now()
  while (!(await cluster.isCalm()) && Date.now() - start < drainMs) {
    if (hasten) await cluster.endLeases()
    await sleep(100)
  }
  return { drainedAfterMs: Date.now() - start, snapshot: await takeSnapshot(cluster.ownerUrl) }
}

/** Mails lie there as files, named after the event that asked for them. */
function mailsIn(folder: string): Set<string> {
  return new Set((existsSync(folder) ? readdirSync(folder) : []).map((name) => name.replace(/\.json$/, '')))
}

/** Every client was served in the end, and nobody died of a fault that was not theirs. */
function checkAlive({ programs }: System, satisfied: readonly boolean[], report: Report): void {
  const left = satisfied.filter((one) => !one).length
  if (left > 0) report.violation('alive', `${left} clients were not served after the last fault`)
  for (const { name, deaths } of Object.values(programs)) {
    if (deaths() > 0) report.violation('alive', `${name} ended by itself ${deaths()} times`)
  }
}
