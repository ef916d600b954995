/** Erasure under SIGKILL: a run is killed at moments that the seed draws, and another ends what it began. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openBrowser } from '../../browser.ts'
import type { Random } from '../random.ts'
import type { System } from '../system.ts'
import { live, type Story, type World } from './stories.ts'
import { settled } from './until.ts'

interface Erasing {
  readonly random: Random
  readonly tell: (line: string) => void
}

/** Erases those who left, with `kills` runs that die in the middle, the last but one with all of PostgreSQL. Lists what is not as it must be. */
export async function erasures(
  world: World,
  system: System,
  left: readonly Story[],
  kills: number,
  { random, tell }: Erasing,
): Promise<string[]> {
  for (let kill = 0; kill < kills; kill += 1) {
    await makeDue(world)
    const afterMs = random.between(0, 60)
    const finished = await run(system, afterMs, kill === kills - 1)
    tell(`erasure killed ${afterMs} ms after its start${finished ? ', when it was done' : ''}`)
  }
  await makeDue(world)
  if (!(await run(system, null, false))) return ['the erasure did not end well']
  return (await Promise.all(left.map((story) => remainsOf(world, story)))).flat()
}

/** Their days of grace are over, and so is the claim of whoever died. */
async function makeDue({ ask }: World): Promise<void> {
  await ask(`UPDATE auth.users SET erase_after = now() - interval '1 minute', erasing_until = NULL WHERE erase_after IS NOT NULL`)
}

/** One run; says whether it came to its end. */
async function run({ cluster }: System, killAfterMs: number | null, withPostgres: boolean): Promise<boolean> {
  const env = { ...environment, PATH: process.env['PATH'] ?? '', DATABASE_URL: cluster.ownerUrl }
  const child = spawn(process.execPath, [join(import.meta.dirname, 'erase.child.ts')], {
    env,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const ended = once(child, 'exit') as Promise<[number | null]>
  await Promise.race([once(child, 'message'), ended])
  if (killAfterMs !== null) {
    await Promise.race([sleep(killAfterMs), ended])
    child.kill('SIGKILL')
    if (withPostgres) {
      await cluster.kill()
      await cluster.restart()
    }
  }
  const [code] = await ended
  return code === 0
}

const environment = {
  NODE_ENV: 'test',
  PLINTH_SECRET: 'a secret that tests alone may know, and everybody does',
  LOG_LEVEL: 'silent',
  POOL_MAX: '4',
}

/** Nothing of them is left but a tombstone, they are let in by nothing, and whoever comes with their address is somebody new. */
async function remainsOf(world: World, { email, password }: Story): Promise<string[]> {
  const wrong: string[] = []
  const rows = await world.ask(`SELECT FROM auth.users WHERE email = $1`, [email])
  if (rows.length > 0) wrong.push(`${email}: the account is still there`)
  const answer = await settled(() => openBrowser(world.url).mutate('auth.signIn', { email, password, delivery: 'TOKEN' }))
  if (answer.status !== 401) wrong.push(`${email}: signing in was answered ${answer.status}`)
  const anew = await live(world, 'SIGN_UP', email)
  return [...wrong, ...anew.wrong]
}
