import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../../../test/outbox.ts'
import { refusal } from '../../../test/refusal.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'
import { person, query, type Somebody } from '../../../test/teams.ts'
import { setUpCode } from '../auth/index.ts'
import { makeMissingProfiles } from './accounts.ts'

let server: TestServer
let anna: Somebody

beforeAll(async () => {
  server = await startTestServer()
  anna = await person(server, 'Anna')
})
afterAll(() => server.stop())

/** The names in the living profiles of a person. */
async function namesOf(userId: string): Promise<string[]> {
  const rows = await query<{ name: string }>(
    server,
    'SELECT display_name AS name FROM profile.profiles WHERE user_id = $1 AND deleted_at IS NULL',
    [userId],
  )
  return rows.map(({ name }) => name)
}

/** Waits until every event of an account has had its effect. */
async function settled(userId: string): Promise<void> {
  await eventually(async () => {
    const [left] = await query<{ count: number }>(
      server,
      `SELECT count(*)::int AS count FROM core.feed
       WHERE user_id = $1 AND event IN ('auth.user.created', 'auth.email.verified', 'auth.administrator.created')
         AND NOT EXISTS (SELECT FROM core.inbox WHERE consumer = 'profile.account' AND inbox.event_id = feed.event_id)`,
      [userId],
    )
    const [waiting] = await query<{ count: number }>(server, `SELECT count(*)::int AS count FROM core.outbox WHERE user_id = $1`, [userId])
    return left?.count === 0 && waiting?.count === 0
  })
}

const first = {
  locale: 'en',
  timeZone: 'UTC',
  phone: null,
  address: null,
  bio: null,
  avatarUrl: null,
  preferences: { theme: 'SYSTEM', weekStartsOn: 'MONDAY', hourCycle: 'H23', reducedMotion: false },
  version: 1,
}

describe('a profile comes with the account', () => {
  test('by event, once, whoever asks for it meanwhile', async () => {
    const ben = await person(server, 'Ben')
    const asked = await Promise.all(Array.from({ length: 20 }, () => ben.alone().profile.get.query()))
    for (const profile of asked) expect(profile).toMatchObject({ ...first, userId: ben.userId, displayName: 'Ben' })
    await settled(ben.userId)
    expect(await namesOf(ben.userId)).toEqual(['Ben'])
    const made = await query(server, `SELECT 1 FROM core.activity WHERE event = 'profile.profile.created' AND user_id = $1`, [ben.userId])
    expect(made).toHaveLength(1)
  })

  test('its name is that by which the address was proven, not that of whoever signed up with it before', async () => {
    const email = 'contested@example.com'
    const signUp = (name: string) => server.client().auth.signUp.mutate({ email, name, password: `the long password of ${name}` })
    await signUp('Mallory')
    const [user] = await query<{ id: string }>(server, 'SELECT id FROM auth.users WHERE email = $1', [email])
    const userId = user?.id ?? ''
    await eventually(async () => (await namesOf(userId)).length === 1)
    expect(await namesOf(userId)).toEqual(['Mallory'])
    const early = await server.tokenMailedTo(email)
    await signUp('Cara')
    const token = await eventually(async () => {
      const newest = await server.tokenMailedTo(email)
      return newest !== early && newest
    })
    await server.client().auth.verifyEmail.mutate({ token })
    await settled(userId)
    expect(await namesOf(userId)).toEqual(['Cara'])
  })

  test('that of the first administrator, too', async () => {
    const code = (await setUpCode()) ?? ''
    const email = 'root@example.com'
    await server.client().auth.setUp.mutate({ code, email, name: 'Root', password: 'correct horse battery staple' })
    const [root] = await query<{ id: string }>(server, 'SELECT id FROM auth.users WHERE email = $1', [email])
    await settled(root?.id ?? '')
    expect(await namesOf(root?.id ?? '')).toEqual(['Root'])
  })

  test('accounts of before there were profiles are given one by the clock, once', async () => {
    await settled(anna.userId)
    await query(server, 'DELETE FROM profile.profiles')
    await Promise.all([makeMissingProfiles(), makeMissingProfiles(), anna.client.profile.get.query()])
    const [counts] = await query(
      server,
      `SELECT (SELECT count(*)::int FROM auth.users WHERE deleted_at IS NULL) AS accounts, count(*)::int AS profiles,
         count(DISTINCT user_id)::int AS people FROM profile.profiles`,
    )
    expect(counts).toEqual({ accounts: counts?.['people'], profiles: counts?.['people'], people: counts?.['people'] })
    expect(await namesOf(anna.userId)).toEqual(['Anna'])
  })
})

describe('a person changes their profile', () => {
  test('only what is given changes, of the preferences too, and null removes', async () => {
    const { version } = await anna.client.profile.get.query()
    const address = { line1: '1 Main Street', city: 'Springfield', country: 'US' }
    const changes = {
      bio: ' Builds things.\r\nSlowly. ',
      address,
      locale: 'pt-br',
      timeZone: 'Europe/Zurich',
      phone: '+41441234567',
      avatarUrl: 'https://example.com/a.png',
    }
    const changed = await anna.client.profile.update.mutate({ version, ...changes, preferences: { theme: 'DARK' } })
    expect(changed).toMatchObject({
      ...changes,
      displayName: 'Anna',
      bio: 'Builds things.\nSlowly.',
      locale: 'pt-BR',
      version: version + 1,
    })
    const again = await anna.client.profile.update.mutate({
      version: changed.version,
      address: null,
      phone: null,
      displayName: 'Anna B.',
      preferences: { reducedMotion: true },
    })
    expect(again).toMatchObject({ displayName: 'Anna B.', bio: changed.bio, address: null, phone: null, version: version + 2 })
    expect(again.preferences).toEqual({ ...first.preferences, theme: 'DARK', reducedMotion: true })
    expect(await anna.client.profile.get.query()).toEqual(again)
    expect(await anna.client.profile.update.mutate({ version: again.version })).toEqual(again)
  })

  test('of twenty changes made on one version at once one is kept, and the others are told', async () => {
    const { version } = await anna.client.profile.get.query()
    const change = (_: unknown, index: number) => anna.alone().profile.update.mutate({ version, bio: `Take ${index}` })
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, change))
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(await refusal(anna.client.profile.update.mutate({ version, bio: 'Too late' }))).toMatchObject({
      code: 'CONFLICT',
      details: { reason: 'STALE_VERSION', field: 'version' },
    })
  })

  test('what is no locale, time zone, phone, country, https address or known preference is refused by its name, and nothing changes', async () => {
    const before = await anna.client.profile.get.query()
    const bad = {
      version: before.version,
      bio: 'This is fine.',
      locale: 'not a locale',
      timeZone: 'Mars/Base',
      phone: '044',
      avatarUrl: 'javascript:alert(1)',
      address: { line1: 'x', city: 'y', country: 'XX' },
      preferences: { theme: 'NEON' },
    }
    // What the compiler refuses is sent all the same: other languages have no compiler of ours.
    const { code, details } = await refusal(anna.client.profile.update.mutate(bad as never))
    expect(code).toBe('BAD_REQUEST')
    const named = ['address.country', 'avatarUrl', 'locale', 'phone', 'preferences.theme', 'timeZone']
    expect(Object.keys((details as { fields: object }).fields).toSorted()).toEqual(named)
    expect(await anna.client.profile.get.query()).toEqual(before)
  })

  test('the log tells which fields changed, and nothing that stands in them', async () => {
    const { version } = await anna.client.profile.get.query()
    await anna.client.profile.update.mutate({ version, phone: '+41441234567' })
    const [row] = await query<{ data: object }>(
      server,
      `SELECT data FROM core.activity WHERE event = 'profile.profile.updated' AND user_id = $1 ORDER BY id DESC LIMIT 1`,
      [anna.userId],
    )
    expect(row?.data).toEqual({ fields: ['phone'], version: version + 1 })
  })
})
