/** Mails that carry an invitation: asked for by who may invite, counted, and with nothing in them that a stranger could follow but our own link. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { joinApplication, newApplication } from '../../../test/applications.ts'
import { openBrowser, toldBy, type Browser } from '../../../test/browser.ts'
import { query } from '../../../test/database.ts'
import { hold } from '../../../test/held.ts'
import { eventually } from '../../../test/outbox.ts'
import { atOnce } from '../../../test/race.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'
import { joinTeam, newTeam, person, type Somebody } from '../../../test/teams.ts'

let server: TestServer

beforeAll(async () => {
  server = await startTestServer({ env: { SIGN_IN_LIMIT: 'on' } })
})
afterAll(() => server.stop())

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const by = ({ token }: { token: string }): Browser => openBrowser(server.url, { authorization: `Bearer ${token}` })
const stranger = () => `s${randomBytes(6).toString('hex')}@example.com`
const mailTo = async (email: string) => eventually(async () => (await server.mailsTo(email))[0])

/** People and what they are in: somebody owns it, and somebody else may invite nobody. Few, since each costs a mail of the owner's fifty. */
const places = {
  'an application': async () => {
    const [owner, plain] = await Promise.all([somebody(), somebody()])
    const application = await newApplication(owner)
    await joinApplication(server, { inviter: owner, invited: plain, application, role: 'USER' })
    const invite = (who: Somebody, email: string, role = 'USER') =>
      by(who).mutate('auth.applicationInvitation.create', { applicationId: application.id, email, role })
    return { owner, plain, invite, id: application.id, table: 'auth.application_invitations' }
  },
  'a team': async () => {
    const [owner, plain] = await Promise.all([somebody(), somebody()])
    const team = await newTeam(owner)
    await joinTeam(server, owner, plain, team, 'MEMBER')
    const invite = (who: Somebody, email: string, role = 'MEMBER') =>
      by(who).mutate('teams.invitation.create', { teamId: team.id, email, role })
    return { owner, plain, invite, id: team.id, table: 'teams.invitations' }
  },
}
const somebody = () => person(server, `p${randomBytes(6).toString('hex')}`)

describe.each(Object.entries(places))('invitations to %s', (_what, place) => {
  test('R16 whoever may not invite uses up none of the mails that an address may be sent in an hour', async () => {
    const { owner, plain, invite } = await place()
    const email = stranger()
    for (let tried = 0; tried < 7; tried += 1) expect(toldBy(await invite(plain, email))).toMatchObject({ data: { code: 'FORBIDDEN' } })
    for (let sent = 0; sent < 5; sent += 1) expect((await invite(owner, email)).status).toBe(200)
    expect(toldBy(await invite(owner, email))).toEqual({
      status: 429,
      message: 'Too many invitations. Try again later.',
      data: { code: 'TOO_MANY_REQUESTS', httpStatus: 429, details: { retryAfterSeconds: expect.any(Number) } },
    })
    const traces = `SELECT data FROM core.activity WHERE event = 'auth.mail.throttled' AND user_id = $1`
    expect(await ask(traces, [owner.userId])).toEqual([{ data: { kind: 'INVITATION' } }])
  })

  test('R16 of twenty at one moment to one address five are made', async () => {
    const { owner, id, table } = await place()
    const email = stranger()
    const [path, input] = table.startsWith('auth')
      ? ['auth.applicationInvitation.create', { applicationId: id, email, role: 'USER' }]
      : ['teams.invitation.create', { teamId: id, email, role: 'MEMBER' }]
    const answers = await atOnce(server.url, 20, (browser) =>
      browser.mutate(path as string, input, { authorization: `Bearer ${owner.token}` }),
    )
    expect(answers.map(({ status }) => status).toSorted()).toEqual([...Array(5).fill(200), ...Array(15).fill(429)])
    expect(await ask(`SELECT FROM ${table} WHERE email = $1`, [email])).toHaveLength(5)
  })
})

/** What a mail program makes a link of: something with a dot in it that is no end of a sentence, an address, a scheme. */
const linkish = /[^\s]*(?:[.。．｡:@]|\/\/)(?=[^\s])[^\s]*/gu

test('a mail to a stranger holds one link, ours, whatever the inviter is called and what they invite to', async () => {
  const words = 'https://evil.example www.evil.example a@evil.example mailto:a@b evil。example'
  const { token } = await server.signUpAs(stranger(), { name: words })
  const owner = by({ token })
  const [one, other] = [stranger(), stranger()]
  const { id: applicationId } = (await owner.mutate('auth.application.create', { type: 'WEB', name: words })).data as { id: string }
  expect((await owner.mutate('auth.applicationInvitation.create', { applicationId, email: one, role: 'USER' })).status).toBe(200)
  const { id: teamId } = (await owner.mutate('teams.create', { name: words, slug: 'evil-example' })).data as { id: string }
  expect((await owner.mutate('teams.invitation.create', { teamId, email: other, role: 'MEMBER' })).status).toBe(200)
  for (const { subject, text } of [await mailTo(one), await mailTo(other)]) {
    const links = `${subject}\n${text}`.match(linkish) ?? []
    expect(links).toHaveLength(1)
    expect(links[0]?.startsWith(`${server.config.PUBLIC_URL}/`)).toBe(true)
    expect(text).toContain('evil. example')
  }
})

test('an invitation tells who invites and to what, as they are called', async () => {
  const { token } = await server.signUpAs(stranger(), { name: 'Dr. Zoë O’Neill-Łuk, Jr.' })
  const owner = by({ token })
  const email = stranger()
  const { id: applicationId } = (await owner.mutate('auth.application.create', { type: 'WEB', name: 'Harbour & Sons (2026)' })).data as {
    id: string
  }
  await owner.mutate('auth.applicationInvitation.create', { applicationId, email, role: 'USER' })
  const { subject, text } = await mailTo(email)
  expect(subject).toBe('Use Harbour & Sons (2026)')
  expect(text.split('\n')[0]).toBe('Dr. Zoë O’Neill-Łuk, Jr. invites you to the application Harbour & Sons (2026).')
})

test('an invitation whose link is used up at that moment makes nobody a member', async () => {
  const [owner, invited] = [await somebody(), await somebody()]
  const { id: applicationId } = await newApplication(owner)
  await owner.client.auth.applicationInvitation.create.mutate({ applicationId, email: invited.email, role: 'USER' })
  const token = await server.tokenMailedTo(invited.email, /to the application/)
  await using held = await hold(server.database.ownerUrl, 'SELECT FROM auth.applications WHERE id = $1 FOR NO KEY UPDATE', [applicationId])
  const answer = by(invited).mutate('auth.applicationInvitation.accept', { token })
  await held.waiting(1)
  await ask(`UPDATE auth.verification_tokens SET used_at = core.clock() WHERE purpose = 'APPLICATION_INVITATION' AND email = $1`, [
    invited.email,
  ])
  await held.release()
  expect(toldBy(await answer)).toEqual({
    status: 400,
    message: 'This invitation is unknown, was used, or has ended.',
    data: { code: 'INVALID_TOKEN', httpStatus: 400 },
  })
  expect(await ask('SELECT FROM auth.memberships WHERE user_id = $1', [invited.userId])).toEqual([])
  expect(await ask('SELECT accepted_at FROM auth.application_invitations WHERE email = $1', [invited.email])).toEqual([
    { accepted_at: null },
  ])
  const traces = `SELECT data->>'reason' AS reason FROM core.activity WHERE event = 'auth.application_invitation.refused' AND user_id = $1`
  expect(await ask(traces, [invited.userId])).toEqual([{ reason: 'TOKEN' }])
})
