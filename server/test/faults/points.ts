/** The named points: where in a conversation with PostgreSQL somebody is killed. Known by what goes over the wire: no hook in the code. */
import type { Point } from './proxy.ts'
import type { Random } from './random.ts'
import type { Seen } from './wire.ts'

/** Whose conversations a point is in. */
export type Side = 'web' | 'worker'

interface Place {
  readonly side: Side
  readonly name: string
  readonly matches: (statement: Seen) => boolean
}

const claim = /insert into "?core"?\."?idempotency_keys/i
const records = /insert into "?core"?\."?outbox/i
const inbox = /insert into "?core"?\."?inbox/i
const effects = /insert into core\.fault_effects/i

const places: readonly Place[] = [
  { side: 'web', name: 'the claim of a key', matches: ({ sql }) => claim.test(sql) },
  { side: 'web', name: 'the insert of activity and outbox', matches: ({ sql }) => records.test(sql) },
  { side: 'web', name: 'the commit of a change', matches: (seen) => isCommit(seen) && has(seen, records) },
  { side: 'worker', name: "the dispatcher's turn", matches: ({ sql }) => /delete from "?core"?\."?outbox/i.test(sql) },
  { side: 'worker', name: 'the insert into the inbox', matches: ({ sql }) => inbox.test(sql) },
  { side: 'worker', name: "the commit of a consumer's effect", matches: (seen) => isCommit(seen) && has(seen, effects) },
  { side: 'worker', name: 'the fetch of jobs', matches: ({ sql }) => /update "?jobs"?\.\S+[\s\S]*state = 'active'/i.test(sql) },
  { side: 'worker', name: 'the completion of jobs', matches: ({ sql }) => /update "?jobs"?\.\S+[\s\S]*state = 'completed'/i.test(sql) },
]

const phases: readonly Point['phase'][] = ['withheld', 'sent', 'answered']

export type Victim = 'web' | 'worker' | 'postgres' | 'backend'

/** One fault: who dies, and where. Without a point, after a while. A `cut` kills nobody: the reply is lost on its way. */
export interface Fault {
  readonly victim: Victim | 'cut'
  readonly side: Side
  readonly point: Point | null
  /** How long to wait before it, or before looking for the point. */
  readonly afterMs: number
}

/** The name of a fault, for the counts. */
export function tellFault({ victim, point }: Fault): string {
  return `${victim} at ${point?.name ?? 'random'}`
}

/** Finds a point by its place and phase; where `having` is given, only in a transaction with such a statement. */
export function pointAt(name: string, phase: Point['phase'], having = /^/): Point {
  const place = places.find((one) => one.name === name)
  if (!place) throw new Error(`There is no point called ${name}`)
  return { name: `${place.name}, ${phase}`, phase, matches: (seen) => place.matches(seen) && has(seen, having) }
}

/**
 * Draws a campaign: `kills` kills, two thirds at named points (each with each of its three victims before any comes twice), the rest at
 * random; and a cut connection for every eighth kill.
 */
export function planFaults(random: Random, kills: number): Fault[] {
  const plan: Fault[] = []
  let deck: Fault[] = []
  for (let kill = 0; kill < kills; kill++) {
    if (deck.length === 0) deck = shuffled(random, everyNamedFault())
    const named = kill % 3 === 2 ? undefined : deck.pop()
    plan.push({ ...(named ?? atRandom(random)), afterMs: random.between(0, 250) })
    if (kill % 8 === 7) plan.push({ victim: 'cut', ...pick(random, 'web'), afterMs: random.between(0, 250) })
  }
  return plan
}

type Where = Pick<Fault, 'side' | 'point'>

/** A process of ours is the likeliest to die: every second time. */
function everyNamedFault(): Fault[] {
  const wheres = places.flatMap(({ side, name }) => phases.map((phase): Where => ({ side, point: pointAt(name, phase) })))
  return wheres.flatMap((where) =>
    [where.side, where.side, 'postgres' as const, 'backend' as const].map((victim) => ({ victim, ...where, afterMs: 0 })),
  )
}

function pick(random: Random, side: Side): Where {
  const place = random.pick(places.filter((one) => one.side === side))
  return { side, point: pointAt(place.name, random.pick(phases)) }
}

function atRandom(random: Random): Fault {
  const victim = random.pick<Victim>(['web', 'web', 'worker', 'worker', 'postgres', 'backend'])
  return { victim, side: 'web', point: null, afterMs: 0 }
}

function shuffled<T>(random: Random, items: readonly T[]): T[] {
  const drawn = items.map((item) => ({ item, order: random.next() }))
  return drawn.toSorted((a, b) => a.order - b.order).map(({ item }) => item)
}

function isCommit({ sql }: Seen): boolean {
  return /^\s*commit\b/i.test(sql)
}

function has({ transaction }: Seen, what: RegExp): boolean {
  return transaction.some((sql) => what.test(sql))
}
