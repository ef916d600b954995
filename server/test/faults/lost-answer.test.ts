import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { gather } from './arena.ts'
import { checkCalls } from './check-calls.ts'
import { createTeam, makeCall, type Arena, type Client } from './clients.ts'
import { callsOf, type Entry } from './history.ts'
import { pointAt } from './points.ts'
import { randomFrom } from './random.ts'
import { createReport } from './report.ts'
import { takeSnapshot } from './snapshot.ts'
import { ownSources, startSystem, type System } from './system.ts'

const folder = mkdtempSync(join(tmpdir(), 'plinth-lost-answer-'))
const history: Entry[] = []
let system: System
let arena: Arena
let client: Client

/** How often the team of the last call is there, and the attempts that it took. */
async function effectOf(call: () => ReturnType<typeof makeCall>) {
  const before = history.length
  const outcome = await call()
  const entries = history.slice(before)
  const slug = entries.find((entry) => entry.type === 'invoke')?.mark
  const snapshot = await takeSnapshot(system.cluster.ownerUrl)
  const report = createReport()
  checkCalls(callsOf(history), snapshot, report)
  return {
    outcome: outcome.type,
    attempts: entries.filter((entry) => entry.type === 'invoke').length,
    teams: snapshot.teams.filter((team) => team.slug === slug).length,
    broken: report.violations,
  }
}

const stubbornly = () => makeCall(arena, client, createTeam(client), { stubborn: true, calm: true })

// Windows has no SIGKILL.
describe.skipIf(process.platform === 'win32')('a lost answer', () => {
  beforeAll(async () => {
    system = await startSystem({ sources: ownSources, folder })
    const base = { url: system.url, seed: 'lost', note: (entry: Entry) => void history.push(entry), over: () => true }
    const scene = await gather(system.cluster.ownerUrl, base, randomFrom('lost'), 2)
    arena = scene.arena
    client = scene.clients[0] as Client
  }, 60_000)
  afterAll(async () => {
    await system.close()
    rmSync(folder, { recursive: true, force: true })
  })

  test('an answer that is lost between PostgreSQL and the server costs the client nothing: one attempt, one effect', async () => {
    const lost = system.proxies.web.reach(pointAt('the commit of a change', 'answered'), 10_000).then((link) => link?.cut())
    expect(await effectOf(stubbornly)).toEqual({ outcome: 'ok', attempts: 1, teams: 1, broken: [] })
    await lost
  })

  test('a COMMIT that is lost before PostgreSQL saw it is made again: one effect', async () => {
    const lost = system.proxies.web.reach(pointAt('the commit of a change', 'withheld'), 10_000).then((link) => link?.cut())
    expect(await effectOf(stubbornly)).toEqual({ outcome: 'ok', attempts: 1, teams: 1, broken: [] })
    await lost
  })

  test('a server that is killed between commit and answer leaves one effect, and the retry of its client is answered with it', async () => {
    const killed = system.proxies.web.reach(pointAt('the commit of a change', 'answered'), 10_000).then(async () => {
      await system.programs.web.kill()
      await system.programs.web.start()
    })
    const effect = await effectOf(stubbornly)
    await killed
    expect(effect).toMatchObject({ outcome: 'ok', teams: 1, broken: [] })
    expect(effect.attempts).toBeGreaterThan(1)
  })
})
