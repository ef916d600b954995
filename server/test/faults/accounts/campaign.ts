/** A campaign about accounts: people live through their stories while the server and PostgreSQL are killed under them; then everybody is looked at. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { query } from '../../database.ts'
import { startOpenIdProvider } from '../../providers/openid.ts'
import { inflictAll, type Toll } from '../inflict.ts'
import { pointAt, type Fault, type Victim } from '../points.ts'
import { randomFrom, type Random } from '../random.ts'
import { ownSources, startSystem, type System } from '../system.ts'
import { wrongs } from './check.ts'
import { erasures } from './erase.ts'
import { live, type Kind, type Story, type World } from './stories.ts'

export interface AccountCampaign {
  readonly seed: string
  readonly kills: number
  /** How many people are under way at once. */
  readonly people: number
  /** Lets the leases of killed workers end at once instead of after the 10 to 20 seconds that they last. */
  readonly hasten?: boolean
  readonly tell?: (line: string) => void
}

export interface AccountVerdict {
  readonly wrongs: readonly string[]
  readonly stories: readonly Story[]
  readonly toll: Toll
}

const kinds: readonly Kind[] = ['SIGN_UP', 'RESET', 'LINK', 'LEAVE']

/** Runs one and looks at everybody. Leaves no process and no database behind. */
export async function runAccounts(options: AccountCampaign): Promise<AccountVerdict> {
  const folder = mkdtempSync(join(tmpdir(), 'plinth-accounts-'))
  const redirects: string[] = []
  const provider = await startOpenIdProvider(redirects)
  const { id: clientId, secret: clientSecret } = provider.client
  const company = { id: 'company', name: 'The company', issuer: provider.url, clientId, clientSecret }
  const env = { OIDC_PROVIDERS: JSON.stringify([company]), PRIVATE_HOSTS: provider.host }
  const system = await startSystem({ sources: ownSources, folder, env })
  redirects.push(`${system.url}/auth/callback/company`)
  try {
    const { ownerUrl } = system.cluster
    const ask: World['ask'] = (sql, values) => query(ownerUrl, sql, values)
    return await campaign(system, { url: system.url, outbox: pathToFileURL(system.mails).href, provider, ask }, options)
  } finally {
    await system.close()
    await provider.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function campaign(
  system: System,
  world: World,
  { seed, kills, people, hasten = false, tell = () => {} }: AccountCampaign,
): Promise<AccountVerdict> {
  const random = randomFrom(seed)
  const state = { over: false }
  const first = random.between(0, kinds.length - 1)
  const walks = Promise.all(Array.from({ length: people }, (_, index) => keepLiving(world, index, first + index, state)))
  const toll = await inflictAll(system, faultsOf(random.fork('faults'), kills), random.fork('victims'), tell)
  state.over = true
  const stories = (await (hasten ? hastened(system, walks) : walks)).flat()
  const left = stories.filter(({ kind }) => kind === 'LEAVE')
  const erased = await erasures(world, system, left, Math.ceil(kills / 5), { random: random.fork('erasures'), tell })
  return { wrongs: [...(await wrongs(world, stories)), ...erased], stories, toll }
}

/** One after the other, of each kind in turn, until the last fault has fallen; at least one. */
async function keepLiving(world: World, index: number, first: number, state: { over: boolean }): Promise<Story[]> {
  const stories: Story[] = []
  do {
    const kind = kinds[(first + stories.length) % kinds.length] ?? 'SIGN_UP'
    stories.push(await live(world, kind, `${kind.toLowerCase()}-${index}-${stories.length}@example.com`))
  } while (!state.over)
  return stories
}

/** Waits, and meanwhile gives back what a killed worker had taken. */
async function hastened<T>({ cluster }: System, work: Promise<T>): Promise<T> {
  const timer = setInterval(() => void cluster.endLeases().catch(() => undefined), 1_000)
  return work.finally(() => clearInterval(timer))
}

const places = ['the insert of activity and outbox', 'the commit of a change']
const phases = ['withheld', 'sent', 'answered'] as const

/** Three in four in the middle of a transaction, at a place that the seed draws; the others at any time. */
function faultsOf(random: Random, kills: number): Fault[] {
  return Array.from({ length: kills }, (_, index): Fault => {
    const victim: Victim = (['web', 'postgres', 'web', 'backend', 'worker'] as const)[index % 5] ?? 'web'
    const point = victim !== 'worker' && !random.chance(1 / 4) ? pointAt(random.pick(places), random.pick(phases)) : null
    return { victim, side: 'web', point, afterMs: random.between(20, 400) }
  })
}
