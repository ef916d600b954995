/** Carries out a fault: waits for its point, kills its victim there, and sees to it that the victim comes back. */
import { setTimeout as sleep } from 'node:timers/promises'
import { tellFault, type Fault, type Victim } from './points.ts'
import type { Link } from './proxy.ts'
import type { Random } from './random.ts'
import type { System } from './system.ts'

/** What the faults did. */
export interface Toll {
  readonly kills: Map<Victim, number>
  readonly faults: Map<string, number>
  /** Points that no conversation came to in time: the victim was killed all the same. */
  missed: number
  cuts: number
}

/** How long a point is waited for. */
const patienceMs = 6_000

/** Carries out the faults one after the other. Whoever was killed is starting again while the next fault is on its way. */
export async function inflictAll(system: System, faults: readonly Fault[], random: Random, tell: (line: string) => void): Promise<Toll> {
  const toll: Toll = { kills: new Map(), faults: new Map(), missed: 0, cuts: 0 }
  const returning = { web: Promise.resolve(), worker: Promise.resolve() }
  for (const [index, fault] of faults.entries()) {
    await sleep(fault.afterMs)
    if (fault.point || fault.victim === fault.side) await returning[fault.side]
    if (fault.victim === 'web' || fault.victim === 'worker') await returning[fault.victim]
    const link = fault.point ? await system.proxies[fault.side].reach(fault.point, patienceMs) : null
    if (fault.point && !link) toll.missed += 1
    tell(`${index + 1}/${faults.length} ${tellFault(fault)}${fault.point && !link ? ' (not reached)' : ''}`)
    await kill(system, fault, link, random)
    link?.cut()
    if (fault.victim === 'web' || fault.victim === 'worker') returning[fault.victim] = system.programs[fault.victim].start()
    count(toll, fault)
  }
  await Promise.all([returning.web, returning.worker])
  return toll
}

async function kill({ programs, cluster, proxies }: System, { victim, side }: Fault, link: Link | null, random: Random): Promise<void> {
  if (victim === 'web' || victim === 'worker') return programs[victim].kill()
  if (victim === 'backend')
    return cluster.killBackend(link?.pid() ?? someBackend(proxies[side].links(), random) ?? (await cluster.backends())[0] ?? 0)
  if (victim !== 'postgres') return
  await cluster.kill()
  await Promise.all([proxies.web.refuse(), proxies.worker.refuse()])
  await sleep(random.between(0, 300))
  const up = cluster.restart()
  await Promise.all([proxies.web.accept(), proxies.worker.accept()])
  await up
}

function someBackend(links: readonly Link[], random: Random): number | null {
  const pids = links.map((link) => link.pid()).filter((pid) => pid !== null)
  return pids.length > 0 ? random.pick(pids) : null
}

function count(toll: Toll, fault: Fault): void {
  const name = tellFault(fault)
  toll.faults.set(name, (toll.faults.get(name) ?? 0) + 1)
  if (fault.victim === 'cut') toll.cuts += 1
  else toll.kills.set(fault.victim, (toll.kills.get(fault.victim) ?? 0) + 1)
}
