/**
 * Where a contestant's CPU goes: runs one under Node's profiler and prints what its functions cost, by file and by function.
 *
 * `node bench/profile.ts [plinth|stock|fastify|floor] [read|mutation] [requests]`; the profile itself is left in .plinth/bench/.
 */
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { contestants, newKey } from './contestants.ts'
import { start } from './http.ts'
import { hangUp, load } from './load.ts'
import { prepare } from './prepare.ts'
import { run, stop } from './processes.ts'
import { makePeers, makePlinth, openWorld, teams } from './world.ts'

interface Profile {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number }; children?: number[] }[]
  samples: number[]
  timeDeltas: number[]
}

const [, , name = 'plinth', kind = 'read', requests = '6000'] = process.argv
const contestant = contestants.find((each) => each.name === name)
if (!contestant) throw new Error(`${name} is no contestant`)
prepare()
const folder = join(import.meta.dirname, '../.plinth/bench/profile')
rmSync(folder, { recursive: true, force: true })
const world = await openWorld()
try {
  await (contestant.database === 'plinth' ? makePlinth : makePeers)(world, contestant.database)
  const url = world.url(contestant.database)
  const { child, url: base } = await start((port) => run(contestant.program(url, port), ['--cpu-prof', `--cpu-prof-dir=${folder}`]))
  let at = 0
  const next = () => teams[at++ % teams.length] ?? teams[0]!
  const calls = kind === 'read' ? () => contestant.read(next()) : () => contestant.mutation(next(), Math.floor(at / teams.length) % 2 === 0 ? 'ADMIN' : 'MEMBER', newKey())
  await load(base, calls, { count: Number(requests), lanes: 8 })
  hangUp()
  await stop(child)
} finally {
  await world.close()
}
for (const file of readdirSync(folder)) report(JSON.parse(readFileSync(join(folder, file), 'utf8')) as Profile)

/** Microseconds of a request that each function, and each file or package, had for itself. */
function report({ nodes, samples, timeDeltas }: Profile): void {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const functions = new Map<string, number>()
  const places = new Map<string, number>()
  samples.forEach((id, index) => {
    const { functionName, url, lineNumber } = byId.get(id)?.callFrame ?? { functionName: '', url: '', lineNumber: 0 }
    const us = (timeDeltas[index] ?? 0) / Number(requests)
    if (functionName === '(idle)') return
    const place = placeOf(url, functionName)
    places.set(place, (places.get(place) ?? 0) + us)
    const full = `${functionName || '(anonymous)'} ${place}:${lineNumber + 1}`
    functions.set(full, (functions.get(full) ?? 0) + us)
  })
  for (const costs of [places, functions]) {
    console.log([...costs].toSorted(([, one], [, other]) => other - one).slice(0, 45).map(([key, us]) => `${us.toFixed(1).padStart(8)} µs ${key}`).join('\n'))
    console.log()
  }
}

function placeOf(url: string, functionName: string): string {
  if (url === '') return functionName
  return /node_modules\/(?:\.pnpm\/[^/]+\/node_modules\/)?((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? url.replace(/^.*?\/(server|client|bench)\//, '$1/')
}
