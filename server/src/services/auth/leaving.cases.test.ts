import { afterAll, beforeAll, expect, test } from 'vitest'
import { divertLog } from '#lib/log.ts'
import { settled } from '../../../test/belongings.ts'
import { openBrowser, toldBy, type Answer, type Browser } from '../../../test/browser.ts'
import { advance } from '../../../test/clock.ts'
import { query } from '../../../test/database.ts'
import { eventually } from '../../../test/outbox.ts'
import { startInstallation, type Installation } from '../../../test/providers/installation.ts'
import { atOnce } from '../../../test/race.ts'
import { runSchedules } from '../../../test/schedules.ts'
import { newAuthenticator, type Authenticator } from '../../../test/authenticator.ts'
import { passkeyOrigin, registerKey, stepUpBy } from '../../../test/passkeys.ts'
import { eraseDueAccounts } from './erasure.ts'

const password = 'nine lazy otters hum'
const [minute, day] = [60_000, 24 * 60 * 60 * 1000]
const lines: string[] = []
const undivert = divertLog({ write: (line) => void lines.push(line) })
let installation: Installation

beforeAll(async () => {
  installation = await startInstallation({ TRUSTED_PROXIES: '1', LOG_LEVEL: 'trace' })
})
afterAll(async () => {
  undivert()
  await installation?.stop()
})

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) =>
  query<R>(installation.server.database.ownerUrl, sql, values)
const later = (ms: number) => advance(installation.server.database.ownerUrl, ms)
const told = (status: number, code: string, message: string, details?: object) => ({
  status,
  message,
  data: { code, ...(details && { details }), httpStatus: status },
})
const noExport = told(404, 'NOT_FOUND', 'There is no such export.')
const stepUpFirst = told(401, 'STEP_UP_REQUIRED', 'Prove once more who you are.', { methods: ['PASSWORD'] })

/** Somebody who is signed in, at a place of their own. */
async function somebody(name: string, always: Record<string, string> = {}): Promise<{ readonly email: string; readonly browser: Browser }> {
  const [email, browser] = [`${name}@example.com`, openBrowser(installation.server.url, always)]
  await browser.mutate('auth.signUp', { email, name, password })
  await browser.mutate('auth.verifyEmail', { token: await installation.server.tokenMailedTo(email, /pln_v_/) })
  await browser.mutate('auth.signIn', { email, password, delivery: 'COOKIE' })
  return { email, browser }
}

const request = (browser: Browser) => browser.mutate('auth.account.dataExport.request')
const download = (browser: Browser, exportId: string) => browser.mutate('auth.account.dataExport.download', { exportId })
const rowOf = async (id: string) => (await ask('SELECT * FROM auth.data_exports WHERE id = $1', [id]))[0]

async function exportOf(browser: Browser): Promise<string> {
  const { id } = (await request(browser)).data as { id: string }
  await eventually(async () => (await rowOf(id))?.['ready_at'] !== null)
  return id
}

test('T14 an export is neither asked for nor given without a fresh proof, and is there afterwards', async () => {
  const { browser } = await somebody('cat')
  const id = await exportOf(browser)
  const before = await rowOf(id)
  await later(10 * minute)
  expect(toldBy(await request(browser))).toEqual(stepUpFirst)
  expect(toldBy(await download(browser, id))).toEqual(stepUpFirst)
  expect(await rowOf(id)).toEqual(before)
  await browser.mutate('auth.stepUp.password', { password })
  expect((await download(browser, id)).data).toMatchObject({ contentType: 'application/json' })
})

test('T14 of twenty who download at once one is given it; a second time, and a stranger, are told of none', async () => {
  const [{ browser }, { browser: other }] = [await somebody('dan'), await somebody('dana')]
  const id = await exportOf(browser)
  const before = await rowOf(id)
  expect(toldBy(await download(other, id))).toEqual(noExport)
  expect(await rowOf(id)).toEqual(before)
  const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  const answers = await atOnce(installation.server.url, 20, (each) =>
    each.mutate('auth.account.dataExport.download', { exportId: id }, { cookie }),
  )
  const refused = answers.filter(({ status }) => status !== 200)
  expect([answers.length - refused.length, refused.map(toldBy)]).toEqual([1, refused.map(() => noExport)])
  expect(refused).toHaveLength(19)
  const after = await rowOf(id)
  expect([after?.['sealed'], after?.['downloaded_at'] instanceof Date]).toEqual([null, true])
  expect(toldBy(await download(browser, id))).toEqual(noExport)
})

test('T14 an export ends after a day, to the second, and is gone from where it lay', async () => {
  const { browser } = await somebody('eve')
  const id = await exportOf(browser)
  const stepUp = () => browser.mutate('auth.stepUp.password', { password })
  await later(day - minute)
  await stepUp()
  const [row] = await ask<{ left: number }>(
    'SELECT extract(epoch FROM expires_at - core.clock())::float8 AS left FROM auth.data_exports WHERE id = $1',
    [id],
  )
  await later((row?.left ?? 0) * 1_000)
  await stepUp()
  expect(toldBy(await download(browser, id))).toEqual(noExport)
  expect((await rowOf(id))?.['sealed']).not.toBeNull()
  await runSchedules(installation.server)
  expect(await rowOf(id)).toBeUndefined()
})

/** Where a text stands: in which tables of the whole database, those of the queue too, and whether in the log. */
async function tracesOf(text: string): Promise<string[]> {
  const tables = await ask<{ name: string }>(`
    SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables
    WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')`)
  const found = await Promise.all(
    tables.map(async ({ name }) => {
      const rows = await ask(`SELECT FROM ${name} AS row WHERE position(lower($1) IN lower(row::text)) > 0 LIMIT 1`, [text])
      return rows.length > 0 ? [name] : []
    }),
  )
  return [...found.flat(), ...(lines.join('').toLowerCase().includes(text.toLowerCase()) ? ['the log'] : [])]
}

const place = { address: '198.51.100.23', userAgent: 'the browser of Fay' }

/** What tells of her: what she typed, where she was, what she is elsewhere. All of it is lower case, and of nobody else. */
const tells = {
  email: 'fay.unmistakable@example.com',
  formerEmail: 'fay.before@example.com',
  name: 'fay unmistakable',
  address: place.address,
  network: '198.51.100.0',
  userAgent: place.userAgent,
  subject: 'subject-of-fay',
  atProvider: 'fay at the company',
  plexName: 'fay of plex',
  passkey: 'key of fay',
  apiKey: 'tool of fay',
  phone: '+4915112345678',
  bio: 'born in a village',
} as const

/** Kept for thirty days and for one, whoever is erased. */
const byTheirOwnSchedule = new Set(['core.activity_origins', 'core.idempotency_keys'])

/** Somebody who has used everything that there is. */
async function fay(): Promise<{ readonly id: string; readonly browser: Browser; readonly key: Authenticator }> {
  const { server, come, company } = installation
  const browser = openBrowser(server.url, { 'x-forwarded-for': place.address, 'user-agent': place.userAgent })
  const done = async (call: Promise<Answer>) => {
    const { status, data, text } = await call
    if (status !== 200) throw new Error(text)
    return data
  }
  await done(browser.mutate('auth.signUp', { email: tells.formerEmail, name: tells.name, password }))
  await done(browser.mutate('auth.verifyEmail', { token: await server.tokenMailedTo(tells.formerEmail, /pln_v_/) }))
  await browser.mutate('auth.signIn', { email: tells.formerEmail, password: 'not it', delivery: 'COOKIE' })
  await done(browser.mutate('auth.signIn', { email: tells.formerEmail, password, delivery: 'COOKIE', remember: true }))
  await done(browser.mutate('auth.email.requestChange', { email: tells.email }))
  await done(browser.mutate('auth.email.approveChange', { token: await server.tokenMailedTo(tells.formerEmail, /pln_ea_/) }))
  await done(browser.mutate('auth.email.confirmChange', { token: await server.tokenMailedTo(tells.email, /pln_ep_/) }))
  const { version } = (await done(browser.query('profile.get'))) as { version: number }
  await done(browser.mutate('profile.update', { version, phone: tells.phone, bio: tells.bio }))
  company.person = { sub: tells.subject, email: tells.email, name: tells.atProvider }
  await done(browser.mutate('auth.provider.finish', (await come(browser, { by: 'auth.provider.link' })).given))
  const plex = (await done(browser.mutate('auth.plex.link', { delivery: 'COOKIE' }))) as { id: string; url: string }
  installation.plex.confirm(plex.url, { id: 815_815, username: 'fay', title: tells.plexName, email: null })
  await done(browser.mutate('auth.plex.check', { id: plex.id, wait: 0 }))
  await done(browser.mutate('auth.apiKey.create', { name: tells.apiKey, scopes: ['auth.me'] }))
  const { id: teamId } = (await done(browser.mutate('teams.create', { name: 'Team', slug: 'team-of-fay' }))) as { id: string }
  await done(browser.mutate('teams.invitation.create', { teamId, email: 'gil@example.com', role: 'OWNER' }))
  await done(request(browser))
  const key = newAuthenticator({ origin: passkeyOrigin })
  await done(registerKey(browser, key, tells.passkey))
  return { id: ((await browser.query('auth.me')).data as { id: string }).id, browser, key }
}

test('T15 after an erasure nothing in the database or the log tells who it was; what was done is kept, of nobody; the address is free for somebody else', async () => {
  const { server } = installation
  lines.length = 0
  const [{ id, browser, key }, { browser: gil }] = [await fay(), await somebody('gil')]
  await gil.mutate('teams.invitation.accept', { token: await server.tokenMailedTo('gil@example.com', /to the team Team\./) })
  await settled(server)
  for (const [what, text] of Object.entries(tells)) expect([what, (await tracesOf(text)).length > 0]).toEqual([what, true])
  await stepUpBy(browser, key)
  expect((await browser.mutate('auth.account.deactivate')).status).toBe(200)
  await settled(server)
  expect(lines.length).toBeGreaterThan(20)
  const written = await ask<{ id: string }>('SELECT id, event, user_id, data FROM core.activity WHERE user_id = $1 ORDER BY id', [id])
  await later(30 * day + 1_000)
  await eraseDueAccounts()
  for (const [what, text] of Object.entries(tells))
    expect([what, (await tracesOf(text)).filter((where) => !byTheirOwnSchedule.has(where))]).toEqual([what, []])
  await later(day)
  await runSchedules(server)
  for (const [what, text] of Object.entries(tells)) expect([what, await tracesOf(text)]).toEqual([what, []])
  const kept = await ask('SELECT id, event, user_id, data FROM core.activity WHERE user_id = $1 ORDER BY id', [id])
  expect(kept.slice(0, written.length)).toEqual(written)
  expect(kept.at(-1)).toMatchObject({ event: 'auth.account.erased', user_id: id })
  await begunAnew(id)
})

/** Whoever signs up with the address has nothing of hers, and she is nothing to them. */
async function begunAnew(before: string): Promise<void> {
  const { server } = installation
  const browser = openBrowser(server.url)
  await browser.mutate('auth.signUp', { email: tells.email, name: 'Somebody else', password })
  await settled(server)
  await browser.mutate('auth.verifyEmail', { token: await server.tokenMailedTo(tells.email, /pln_v_/) })
  const signedIn = await browser.mutate('auth.signIn', { email: tells.email, password, delivery: 'COOKIE' })
  expect([signedIn.status, (signedIn.data as { me: { id: string } }).me.id === before]).toEqual([200, false])
  const nothing = { items: [], nextCursor: null }
  for (const list of ['teams.list', 'auth.application.list', 'auth.apiKey.list', 'auth.passkey.list', 'auth.provider.listMine'])
    expect([list, (await browser.query(list, {})).data]).toEqual([list, nothing])
  expect((await browser.query('auth.account.dataExport.list', {})).data).toEqual(nothing)
  expect((await browser.query('profile.get')).data).toMatchObject({ phone: null, bio: null })
  const { items } = (await browser.query('auth.account.activity', {})).data as { items: { event: string }[] }
  expect(items.map(({ event }) => event)).toEqual([
    'auth.session.started',
    'auth.email.verified',
    'auth.email_verification.requested',
    'auth.user.created',
  ])
  expect(await ask('SELECT email, name, erased_at IS NOT NULL AS erased FROM auth.users WHERE id = $1', [before])).toEqual([
    { email: '', name: '', erased: true },
  ])
}
