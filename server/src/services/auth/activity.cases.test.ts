import type { AnyTRPCProcedure, AnyTRPCRouter } from '@trpc/server'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { listEvents } from '#db'
import * as administration from '../../../test/activity/administration.ts'
import * as applications from '../../../test/activity/applications.ts'
import * as elsewhere from '../../../test/activity/elsewhere.ts'
import * as factors from '../../../test/activity/factors.ts'
import * as mail from '../../../test/activity/mail.ts'
import * as people from '../../../test/activity/people.ts'
import { openStage, type Stage } from '../../../test/activity/stage.ts'
import { teams } from '../../../test/activity/teams.ts'
import { toldBy, type Browser } from '../../../test/browser.ts'
import { startInstallation, type Installation } from '../../../test/providers/installation.ts'
import { appRouter } from '../../router.ts'
import { definitionOf } from '../../trpc/seal.ts'

let installation: Installation
let stage: Stage
let boss: Browser

beforeAll(async () => {
  installation = await startInstallation({ TRUSTED_PROXIES: '1' })
  stage = openStage(installation.server)
})
afterAll(() => installation?.stop())

/** What is tried, in this order: each call that goes through and each that is refused is held against what it left (test/activity/stage.ts). */
const acts: [what: string, act: () => Promise<unknown>][] = [
  ['signing up and proving the address', () => people.signUp(stage)],
  ['signing up with somebody else’s address', () => people.contestedSignUp(stage)],
  ['signing in by a password, and out', () => people.signIn(stage)],
  ['sessions, and proving once more who one is', () => people.sessions(stage)],
  ['devices that are remembered', () => people.remembered(stage)],
  ['passwords that are forgotten or changed', () => people.resetPassword(stage)],
  ['signing in by a mail', () => mail.signInByMail(stage)],
  ['coming to an account that somebody else made', () => mail.claimAndStepUp(stage)],
  ['another address', () => mail.changeAddress(stage)],
  ['authenticator apps and recovery codes', () => factors.authenticatorApp(stage)],
  ['passkeys', () => factors.passkeys(stage)],
  ['OpenID providers', () => elsewhere.openIdProvider(stage, installation.company)],
  ['Plex', () => elsewhere.plex(stage, installation.plex)],
  ['API keys and profiles', () => applications.apiKeys(stage)],
  ['applications and their people', () => applications.applications(stage)],
  ['teams', () => teams(stage)],
  ['the first administrator', async () => (boss = await administration.setUp(stage))],
  ['administration, also in others’ names', () => administration.people(stage, boss)],
  ['roles in built-in applications', () => administration.roles(stage, boss)],
  ['exports and leaving', () => administration.leaving(stage)],
]

test.each(acts)('T11 %s: each success and each refusal leaves its trace once: what, who, whom, when and from where', async (_, act) => {
  await act()
  await nothingChanged()
})

const written = new Map<string, string>()

/** Whatever was called: what stood in the log stands there as it did. */
async function nothingChanged(): Promise<void> {
  const rows = await stage.ask<{ id: string; mark: string }>('SELECT id, md5(a::text) AS mark FROM core.activity AS a')
  const now = new Map(rows.map(({ id, mark }) => [id, mark]))
  expect([...written].filter(([id, mark]) => now.get(id) !== mark)).toEqual([])
  for (const [id, mark] of now) written.set(id, mark)
}

test('T11 what is done by the clock is done by the system, and an erasure changes nothing of what was written', async () => {
  await administration.erased(stage)
  const bySystem = await stage.ask(
    `SELECT DISTINCT event, actor_id FROM core.activity WHERE actor_kind = 'SYSTEM' AND user_id IS NOT NULL ORDER BY event`,
  )
  expect(bySystem).toEqual([
    { event: 'auth.account.erased', actor_id: 'auth.erasure' },
    { event: 'auth.data_export.ready', actor_id: 'auth.data_exports' },
    { event: 'profile.profile.created', actor_id: 'profile.account' },
  ])
  await nothingChanged()
})

const mutations = Object.entries<AnyTRPCProcedure>((appRouter as AnyTRPCRouter)._def.procedures)
  .filter(([, procedure]) => definitionOf(procedure).type === 'mutation')
  .map(([name]) => name)

/** They put a question, and nothing has happened before it is answered. */
const questions = [
  'auth.passkey.registerOptions',
  'auth.passkey.secondFactorOptions',
  'auth.passkey.signInOptions',
  'auth.passkey.stepUpOptions',
  'auth.plex.link',
  'auth.plex.start',
  'auth.provider.link',
  'auth.provider.proveAgain',
  'auth.provider.start',
]

/** Refused by their doors, for their input, or for a name or a version that is taken: who is let in is not refused for who they are. */
const refusedToNobody = [
  'auth.application.create',
  'auth.emailSignIn.request',
  'auth.password.requestReset',
  'auth.recoveryCode.regenerate',
  'auth.session.revokeOthers',
  'auth.signOut',
  'auth.signUp',
  'auth.totp.disable',
  'auth.totp.enrol',
  'profile.update',
  'teams.create',
  'teams.restore',
]

test('T11 no mutation is left out above: each was done, each that can be was refused, and every event was seen', () => {
  const done = new Set(stage.held.filter(({ status, events }) => status === 200 && events.length > 0).map(({ procedure }) => procedure))
  const refused = new Set(stage.held.filter(({ status, events }) => status >= 400 && events.length > 0).map(({ procedure }) => procedure))
  expect(mutations.filter((name) => !done.has(name)).toSorted()).toEqual(questions)
  const never = new Set([...questions, ...refusedToNobody])
  expect(mutations.filter((name) => !refused.has(name) && !never.has(name))).toEqual([])
  const seen = new Set(stage.held.flatMap(({ events }) => events))
  const unseen = [...listEvents().keys()].filter((name) => !seen.has(name))
  // What the system does is above; what doors refuse is tried by itself (refused-calls.cases.test.ts).
  expect(unseen.toSorted()).toEqual(['auth.account.erased', 'auth.call.refused', 'auth.data_export.ready', 'profile.profile.created'])
})

test('T11 no secret, address or name of anybody is in any column of the log, or on its way to those who listen', async () => {
  const tables = ['core.activity', 'core.activity_origins', 'core.outbox', 'core.feed', 'core.inbox', 'jobs.job']
  const dumps = await Promise.all(tables.map((table) => stage.ask<{ row: string }>(`SELECT t::text AS row FROM ${table} AS t`)))
  const text = dumps.flatMap((rows) => rows.map(({ row }) => row)).join('\n')
  expect([stage.secrets.size > 150, text.length > 100_000]).toEqual([true, true])
  // Six digits stand in many a number; a code that was kept would stand there by itself.
  const isIn = (secret: string) => text.includes(secret.length < 8 ? `"${secret}"` : secret)
  expect([...stage.secrets].filter(isIn)).toEqual([])
  expect(text).not.toMatch(/@example\.com|Somebody|nine lazy otters/)
})

test('T11 what reads the log takes no mutation', async () => {
  const readers = ['admin.error.list', 'auth.account.activity', 'auth.person.activity', 'teams.activity.list']
  const all = Object.keys((appRouter as AnyTRPCRouter)._def.procedures as object)
  expect(all.filter((name) => /activity|event|error|audit|trace/i.test(name)).toSorted()).toEqual([...readers, 'teams.events'])
  for (const name of readers) {
    expect([name, toldBy(await boss.mutate(name, {}))]).toEqual([
      name,
      {
        status: 405,
        message: 'This procedure takes another HTTP method.',
        data: { code: 'METHOD_NOT_SUPPORTED', httpStatus: 405 },
      },
    ])
  }
  await nothingChanged()
})
