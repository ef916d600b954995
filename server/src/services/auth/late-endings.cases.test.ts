/** What ends an account's access, and calls that were let in before it: whichever comes first, nothing is left that lets anybody in. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeAdministrator, newApplication } from '../../../test/applications.ts'
import { openBrowser, toldBy, type Answer, type Browser } from '../../../test/browser.ts'
import { query } from '../../../test/database.ts'
import { holdAccount } from '../../../test/held.ts'
import { eventually } from '../../../test/outbox.ts'
import { startInstallation, type Installation } from '../../../test/providers/installation.ts'
import { atOnce } from '../../../test/race.ts'
import type { TestServer } from '../../../test/server.ts'
import { newTeam, person, type Somebody } from '../../../test/teams.ts'

const many = 20
const nobody = { status: 401, message: 'Sign in first.', data: { code: 'UNAUTHORIZED', httpStatus: 401 } }
let place: Installation
let server: TestServer

beforeAll(async () => {
  place = await startInstallation({ POOL_MAX: '30' })
  server = place.server
})
afterAll(() => place?.stop())

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const by = (token: string): Browser => openBrowser(server.url, { authorization: `Bearer ${token}` })
const somebody = () => person(server, `p${randomBytes(6).toString('hex')}`)
const livingKeys = async ({ userId }: Somebody) => ask('SELECT id FROM auth.api_keys WHERE user_id = $1 AND revoked_at IS NULL', [userId])
const makeKey = (browser: Browser, headers = {}) =>
  browser.mutate('auth.apiKey.create', { name: 'x', scopes: ['teams.*', 'auth.*'] }, headers)

function dataOf<T>({ status, data, text }: Answer): T {
  if (status !== 200) throw new Error(text)
  return data as T
}

async function resetTokenOf({ email }: Somebody): Promise<string> {
  await openBrowser(server.url).mutate('auth.password.requestReset', { email })
  return server.tokenMailedTo(email, /pln_r_/)
}

/** Somebody who administers, signed in since they do. */
async function administrator(): Promise<Browser> {
  const who = await somebody()
  await makeAdministrator(server, who)
  const shown = { email: who.email, password: 'correct horse battery staple', delivery: 'TOKEN' }
  return by(dataOf<{ token: string }>(await openBrowser(server.url).mutate('auth.signIn', shown)).token)
}

/** Ends something first, and has so many calls wait behind it that were let in before. Gives their answers. */
async function after(who: Somebody, ending: () => Promise<Answer>, late: () => Promise<Answer>): Promise<Answer[]> {
  await using held = await holdAccount(server.database.ownerUrl, who.userId)
  const ended = ending()
  await held.waiting(1)
  const answers = Array.from({ length: many }, late)
  await held.waiting(1 + many)
  await held.release()
  dataOf(await ended)
  return Promise.all(answers)
}

test('S06 keys that twenty calls ask for, which were let in before a reset, are not made after it', async () => {
  const who = await somebody()
  const token = await resetTokenOf(who)
  const reset = () => openBrowser(server.url).mutate('auth.password.reset', { token, password: 'ten brisk herons wade' })
  const answers = await after(who, reset, () => makeKey(by(who.token)))
  expect(answers.map(toldBy)).toEqual(answers.map(() => nobody))
  expect(await ask('SELECT FROM auth.api_keys WHERE user_id = $1', [who.userId])).toEqual([])
})

test('S06 of a reset and twenty keys at one moment no key is left, whichever came first', async () => {
  const who = await somebody()
  const token = await resetTokenOf(who)
  const answers = await atOnce(server.url, many + 1, (browser, index) =>
    index === many / 2
      ? browser.mutate('auth.password.reset', { token, password: 'ten brisk herons wade' })
      : makeKey(browser, { authorization: `Bearer ${who.token}` }),
  )
  expect(answers[many / 2]?.data).toEqual({ status: 'RESET' })
  for (const answer of answers) if (answer.status !== 200) expect(toldBy(answer)).toEqual(nobody)
  expect(await livingKeys(who)).toEqual([])
})

test('S07 keys that twenty calls ask for, which were let in before the account was disabled, are not made: neither then nor for who is restored', async () => {
  const [who, boss] = [await somebody(), await administrator()]
  const disable = () => boss.mutate('auth.person.disable', { userId: who.userId })
  const answers = await after(who, disable, () => makeKey(by(who.token)))
  expect(answers.map(toldBy)).toEqual(answers.map(() => nobody))
  dataOf(await boss.mutate('auth.person.restore', { userId: who.userId }))
  expect(await ask('SELECT FROM auth.api_keys WHERE user_id = $1', [who.userId])).toEqual([])
})

test('T02 of an administrator who loses the role, twenty calls that were let in before make nobody another', async () => {
  const [who, boss, accomplice] = [await somebody(), await administrator(), await somebody()]
  await makeAdministrator(server, who)
  const shown = { email: who.email, password: 'correct horse battery staple', delivery: 'TOKEN' }
  const { token } = dataOf<{ token: string }>(await openBrowser(server.url).mutate('auth.signIn', shown))
  const demote = () => boss.mutate('auth.person.setRole', { userId: who.userId, role: 'USER' })
  const answers = await after(who, demote, () => by(token).mutate('auth.person.setRole', { userId: accomplice.userId, role: 'ADMIN' }))
  expect(answers.map(toldBy)).toEqual(answers.map(() => nobody))
  expect(await ask('SELECT role FROM auth.users WHERE id = $1', [accomplice.userId])).toEqual([{ role: 'USER' }])
})

test.each(['disabled_at = core.clock()', 'email_verified_at = NULL'])(
  'A02 a call that was let in makes nothing for an account that may not be signed in to since: %s',
  async (change) => {
    const who = await somebody()
    await using held = await holdAccount(server.database.ownerUrl, who.userId)
    const answer = makeKey(by(who.token))
    await held.waiting(1)
    await held.run(`UPDATE auth.users SET ${change} WHERE id = $1`, [who.userId])
    await held.release()
    expect(toldBy(await answer)).toEqual(nobody)
    expect(await ask('SELECT FROM auth.api_keys WHERE user_id = $1', [who.userId])).toEqual([])
  },
)

test('T02 whoever administers no more since their call was let in does nothing to anybody, and leaves a trace', async () => {
  const [boss, who] = [await somebody(), await somebody()]
  await makeAdministrator(server, boss)
  const shown = { email: boss.email, password: 'correct horse battery staple', delivery: 'TOKEN' }
  const { token } = dataOf<{ token: string }>(await openBrowser(server.url).mutate('auth.signIn', shown))
  await using held = await holdAccount(server.database.ownerUrl, boss.userId)
  const answer = by(token).mutate('auth.person.disable', { userId: who.userId })
  await held.waiting(1)
  await held.run(`UPDATE auth.users SET role = 'USER' WHERE id = $1`, [boss.userId])
  await held.release()
  const data = { code: 'FORBIDDEN', httpStatus: 403 }
  expect(toldBy(await answer)).toEqual({ status: 403, message: 'Only administrators may do this.', data })
  expect(await ask('SELECT FROM auth.users WHERE id = $1 AND disabled_at IS NULL', [who.userId])).toHaveLength(1)
  const traces = `SELECT actor_id, data FROM core.activity WHERE event = 'auth.person.refused' AND user_id = $1`
  expect(await ask(traces, [who.userId])).toEqual([{ actor_id: boss.userId, data: { asked: 'disable', reason: 'NOT_ADMINISTRATOR' } }])
})

/** What is done to a key while a call by it waits. */
const endings: Record<string, (who: Somebody, key: { id: string; applicationId: string }) => Promise<unknown>> = {
  revoked: async (who, { id }) => dataOf(await by(who.token).mutate('auth.apiKey.revoke', { apiKeyId: id })),
  expired: (_who, { id }) => ask(`UPDATE auth.api_keys SET expires_at = core.clock() - interval '1 second' WHERE id = $1`, [id]),
  'of a membership that is not active': (who, { applicationId }) =>
    ask('UPDATE auth.memberships SET active = false WHERE user_id = $1 AND application_id = $2', [who.userId, applicationId]),
  'of an application that is not active': (_who, { applicationId }) =>
    ask('UPDATE auth.applications SET active = false WHERE id = $1', [applicationId]),
}

test.each(Object.entries(endings))('S07 by a key that is %s since its call was let in, nobody is invited', async (_what, end) => {
  const who = await somebody()
  const { id: applicationId } = await newApplication(who)
  const { id: teamId } = await newTeam(who)
  const key = dataOf<{ id: string; key: string }>(
    await by(who.token).mutate('auth.apiKey.create', { name: 'x', scopes: ['teams.*', 'auth.*'], applicationId }),
  )
  await using held = await holdAccount(server.database.ownerUrl, who.userId)
  const calls = [
    by(key.key).mutate('teams.invitation.create', { teamId, email: 'evil@example.com', role: 'OWNER' }),
    by(key.key).mutate('auth.applicationInvitation.create', { applicationId, email: 'evil@example.com', role: 'USER' }),
  ]
  await held.waiting(2)
  await end(who, { id: key.id, applicationId })
  await held.release()
  for (const answer of await Promise.all(calls)) expect(toldBy(answer)).toEqual(nobody)
  expect(await ask('SELECT FROM auth.application_invitations WHERE application_id = $1', [applicationId])).toEqual([])
  expect(await ask('SELECT FROM teams.invitations WHERE team_id = $1', [teamId])).toEqual([])
})

test.each(['expires_at', 'idle_expires_at'])(
  'S08 a call whose session is over, by %s, before it has an effect has none',
  async (column) => {
    const who = await somebody()
    const browser = by(who.token)
    const { id, url, secret } = dataOf<{ id: string; url: string; secret: string }>(
      await browser.mutate('auth.plex.link', { delivery: 'TOKEN' }),
    )
    const waiting = browser.mutate('auth.plex.check', { id, secret, wait: 8 })
    const asked = () => ask('SELECT FROM auth.provider_attempts WHERE id = $1 AND asked_at IS NOT NULL', [id])
    await eventually(async () => (await asked()).length === 1)
    await ask(`UPDATE auth.sessions SET ${column} = core.clock() WHERE user_id = $1`, [who.userId])
    place.plex.confirm(url, { id: 99_003, username: 'thief', title: 'Thief', email: null })
    expect(toldBy(await waiting)).toEqual(nobody)
    expect(await ask('SELECT FROM auth.oauth_accounts WHERE user_id = $1', [who.userId])).toEqual([])
  },
)
