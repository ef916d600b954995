/** Whether each statement that the services send has an index to go by. */
import { createClient } from '@plinth/client'
import pg from 'pg'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { UserId } from '#lib/ids.ts'
import { joinApplication, newApplication } from '../../test/applications.ts'
import { advance } from '../../test/clock.ts'
import { query } from '../../test/database.ts'
import { night } from '../../test/night.ts'
import { startTestServer, type TestServer } from '../../test/server.ts'
import { joinTeam, newTeam, person, type Somebody } from '../../test/teams.ts'
import { roleIn } from '../services/auth/index.ts'
import { makeMissingProfiles } from '../services/profile/accounts.ts'
import { rememberedStatements } from './statements.ts'

let server: TestServer

beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

interface Plan {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly Plans?: readonly Plan[]
}

const isLookedAt = (sql: string) => /^\s*(?:SELECT|INSERT|UPDATE|DELETE|WITH)\b/i.test(sql)

/** Small by nature: a row for each service, or each process. */
const small = new Set(['sequencers'])

test('no statement of the services reads a whole table', async ({ skip }) => {
  const [version] = await query<{ num: number }>(server.database.ownerUrl, `SELECT current_setting('server_version_num')::int AS num`)
  if ((version?.num ?? 0) < 160_000) skip('EXPLAIN (GENERIC_PLAN) is of PostgreSQL 16')
  await liveALittle(await person(server, 'Anna'), await person(server, 'Ben'))
  const statements = rememberedStatements().filter(isLookedAt)
  expect(statements.length).toBeGreaterThan(40)
  expect(await scansOfAll(statements.map((text) => ({ text, values: null })))).toEqual({})
})

test('nothing that is removed or erased by night is looked for in a whole table: it would never be done within the time of a statement', async () => {
  const { client } = await server.signUpAs('leaver@example.com')
  await client.auth.account.deactivate.mutate()
  await advance(server.database.ownerUrl, 31 * 24 * 60 * 60 * 1000)
  const sent = await sentBy(night)
  expect(sent.filter(({ text }) => text.startsWith('DELETE FROM "')).length).toBeGreaterThan(15)
  expect(await scansOfAll(sent)).toEqual({})
})

interface Sent {
  readonly text: string
  readonly values: unknown[]
}

/** What this sends to the tables of services, and with what; beside it the dispatcher and the queue send what is theirs. */
async function sentBy(work: () => Promise<void>): Promise<Sent[]> {
  const queries = vi.spyOn(pg.Client.prototype, 'query')
  await work()
  const sent = queries.mock.calls.map((call): Sent => {
    const [asked, values] = call as unknown as [string | { text: string; values?: unknown[] }, unknown]
    const text = typeof asked === 'string' ? asked : asked.text
    return { text, values: (typeof asked === 'string' ? null : asked.values) ?? (Array.isArray(values) ? values : []) }
  })
  queries.mockRestore()
  return sent.filter(({ text }) => isLookedAt(text) && /"?\b(?:auth|profile|teams)\b"?\./.test(text))
}

/** What each statement would read from end to end although it may not, where that is anything; whatever its values are, where there are none. */
async function scansOfAll(
  statements: readonly { readonly text: string; readonly values: unknown[] | null }[],
): Promise<Record<string, string[]>> {
  const client = new pg.Client({ connectionString: server.database.ownerUrl })
  await client.connect()
  try {
    await client.query('SET enable_seqscan = off')
    const scans: Record<string, string[]> = {}
    for (const { text, values } of statements) {
      const explained = `EXPLAIN (${values ? '' : 'GENERIC_PLAN, '}FORMAT JSON) ${text}`
      const { rows } = await client.query<{ 'QUERY PLAN': { Plan: Plan }[] }>(explained, values ?? [])
      const tables = rows.flatMap((row) => row['QUERY PLAN'].flatMap(({ Plan }) => scansOf(Plan))).filter((table) => !small.has(table))
      if (tables.length > 0) scans[text] = tables
    }
    return scans
  } finally {
    await client.end()
  }
}

/** Calls most of what there is. */
async function liveALittle(anna: Somebody, ben: Somebody): Promise<void> {
  const team = await newTeam(anna)
  const teamId = team.id
  await joinTeam(server, anna, ben, team, 'MEMBER')
  await anna.client.teams.member.changeRole.mutate({ teamId, userId: ben.userId, role: 'ADMIN' })
  await anna.client.teams.member.list.query({ teamId, limit: 1 })
  const page = await anna.client.teams.member.list.query({ teamId, limit: 1 })
  await anna.client.teams.member.list.query({ teamId, cursor: page.nextCursor ?? '' })
  await anna.client.teams.invitation.list.query({ teamId })
  await anna.client.teams.activity.list.query({ teamId })
  await anna.client.teams.list.query({})
  await anna.client.teams.settings.update.mutate({ teamId, defaultRole: 'VIEWER' })
  await anna.client.teams.billingContact.set.mutate({ teamId, name: 'Anna', email: anna.email, address: null, taxId: null })
  await anna.client.teams.billingContact.get.query({ teamId })
  const invitation = await anna.client.teams.invitation.create.mutate({ teamId, email: 'waiting@example.com' })
  await anna.client.teams.invitation.resend.mutate({ teamId, invitationId: invitation.id })
  await anna.client.teams.invitation.revoke.mutate({ teamId, invitationId: invitation.id })
  await anna.client.teams.member.transfer.mutate({ teamId, userId: ben.userId })
  await anna.client.teams.member.leave.mutate({ teamId })
  await joinTeam(server, ben, anna, team, 'OWNER')
  await anna.client.teams.member.remove.mutate({ teamId, userId: ben.userId })
  const { version } = await anna.client.profile.get.query()
  await anna.client.profile.update.mutate({ version, bio: 'Builds things.' })
  await makeMissingProfiles()
  await anna.client.teams.delete.mutate({ teamId })
  await anna.client.teams.list.query({ deleted: true })
  await anna.client.teams.restore.mutate({ teamId })
  await useAnApplication(anna, ben)
  await anna.client.auth.session.list.query({})
  await anna.client.auth.session.revokeOthers.mutate()
  await anna.client.auth.password.requestReset.mutate({ email: anna.email })
  await anna.client.auth.password.reset.mutate({
    token: await server.tokenMailedTo(anna.email, /reset|password/i),
    password: 'another quite long passphrase',
  })
}

async function useAnApplication(anna: Somebody, ben: Somebody): Promise<void> {
  const { auth } = anna.client
  const application = await newApplication(anna)
  const applicationId = application.id
  const { id: membershipId } = await joinApplication(server, { inviter: anna, invited: ben, application, role: 'USER' })
  await auth.membership.changeRole.mutate({ applicationId, membershipId, role: 'OWNER' })
  await auth.membership.update.mutate({ applicationId, membershipId, version: 1, metadata: { plan: 'gold' } })
  const page = await auth.membership.list.query({ applicationId, limit: 1 })
  await auth.membership.list.query({ applicationId, role: 'OWNER', active: true, cursor: page.nextCursor ?? '' })
  const { id: secretId } = await auth.applicationSecret.create.mutate({ applicationId, name: 'x' })
  await auth.applicationSecret.list.query({ applicationId })
  await auth.applicationSecret.revoke.mutate({ applicationId, secretId })
  const { id: invitationId } = await auth.applicationInvitation.create.mutate({ applicationId, email: 'x@example.com', role: 'USER' })
  await auth.applicationInvitation.list.query({ applicationId })
  await auth.applicationInvitation.revoke.mutate({ applicationId, invitationId })
  await auth.membership.remove.mutate({ applicationId, membershipId })
  await auth.application.update.mutate({ applicationId, version: 1, name: 'Y' })
  await auth.application.delete.mutate({ applicationId })
  await auth.application.list.query({ deleted: true })
  await auth.application.restore.mutate({ applicationId })
  await auth.application.list.query({})
  await useAKey(anna)
  await roleIn('audits', UserId.parse(ben.userId))
}

async function useAKey({ client: { auth } }: Somebody): Promise<void> {
  const { key, id: apiKeyId } = await auth.apiKey.create.mutate({ name: 'tool', scopes: ['auth.me'] })
  await createClient({ url: server.url, token: key }).auth.me.query()
  await auth.apiKey.list.query({})
  await auth.apiKey.revoke.mutate({ apiKeyId })
}

function scansOf(plan: Plan): string[] {
  const own = plan['Node Type'] === 'Seq Scan' ? [plan['Relation Name'] ?? '?'] : []
  return [...own, ...(plan.Plans ?? []).flatMap(scansOf)]
}
