/** A session that was stolen for ten minutes adds something to sign in by. The owner takes it back by the link from the mail about it. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { enrolApp, type AuthenticatorApp } from '../../../test/authenticator-app.ts'
import { newAuthenticator } from '../../../test/authenticator.ts'
import { openBrowser, toldBy, type Answer, type Browser } from '../../../test/browser.ts'
import { advance } from '../../../test/clock.ts'
import { query } from '../../../test/database.ts'
import { eventually } from '../../../test/outbox.ts'
import { registerKey, signInBy, stepUpBy } from '../../../test/passkeys.ts'
import { comeBy, comeByPlex } from '../../../test/providers/everywhere.ts'
import { publicUrl, startInstallation, type Installation } from '../../../test/providers/installation.ts'
import { atOnce } from '../../../test/race.ts'
import { waysInOf } from '../../../test/ways-in.ts'

const password = 'nine lazy otters hum'
const day = 24 * 60 * 60 * 1000
const nobody = { status: 401, message: 'Sign in first.', data: { code: 'UNAUTHORIZED', httpStatus: 401 } }
const noLink = {
  status: 400,
  message: 'This link is unknown, was used, or is too old.',
  data: { code: 'INVALID_TOKEN', httpStatus: 400 },
}
let place: Installation
let last = 0

beforeAll(async () => {
  place = await startInstallation()
})
afterAll(() => place?.stop())

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) =>
  query<R>(place.server.database.ownerUrl, sql, values)
const waysIn = (email: string) => waysInOf(place.server.database.ownerUrl, email)
const open = (headers = {}) => openBrowser(place.server.url, headers)
const signIn = (email: string, browser = open(), more = {}) =>
  browser.mutate('auth.signIn', { email, password, delivery: 'COOKIE', ...more })
const undo = (token: string, browser = open()) => browser.mutate('auth.account.undoFactor', { token })
const statusOf = ({ status, data }: Answer) => [status, (data as { status?: string } | undefined)?.status]

interface Victim {
  readonly id: string
  readonly email: string
  /** Of whoever stole a session of theirs: fresh, and remembered. */
  readonly thief: Browser
  readonly key: string
}

async function victim(): Promise<Victim> {
  const email = `stolen${++last}@example.com`
  const { client, me } = await place.server.signUpAs(email, { password })
  const thief = open()
  await signIn(email, thief, { remember: true })
  const { key } = await client.auth.apiKey.create.mutate({ name: 'tool', scopes: ['auth.me'] })
  return { id: me.id, email, thief, key }
}

/** The links that an address was mailed to take something back by, the newest first. */
const linksTo = async (email: string) =>
  (await place.server.mailsTo(email)).flatMap(({ text }) => /\/undo-factor#token=(pln_fu_[\w-]{43})$/m.exec(text)?.[1] ?? [])
const linkTo = (email: string, count = 1) =>
  eventually(async () => {
    const links = await linksTo(email)
    return links.length >= count && links[0]
  })

interface Added {
  readonly factor: 'PASSKEY' | 'TOTP' | 'PROVIDER'
  readonly subject: string
  /** Gives how the thief signs in by what was added, from nothing. */
  readonly add: (who: Victim) => Promise<() => Promise<Answer>>
}

/** All that can be added to an account to sign in by. */
const added: Record<string, Added> = {
  'a passkey': {
    factor: 'PASSKEY',
    subject: 'A passkey was added to your account',
    add: async ({ thief }) => {
      const key = newAuthenticator({ origin: publicUrl })
      expect((await registerKey(thief, key, 'thief')).status).toBe(200)
      return () => signInBy(open(), key)
    },
  },
  'an authenticator app': {
    factor: 'TOTP',
    subject: 'A second factor was added to your account',
    add: async ({ thief, email }) => {
      const app = await enrolApp(thief)
      return async () => {
        const { data } = await signIn(email)
        const { pendingToken = '' } = data as { pendingToken?: string }
        return open().mutate('auth.secondFactor.totp', { pendingToken, code: app.code(1) })
      }
    },
  },
  'a provider': {
    factor: 'PROVIDER',
    subject: 'You can sign in with The company',
    add: async ({ thief, email }) => {
      place.company.person = { sub: `thief of ${email}`, email: `thief-of-${email}`, email_verified: false }
      expect(statusOf(await comeBy(place, thief, 'company', 'auth.provider.link'))).toEqual([200, 'LINKED'])
      return () => comeBy(place, open(), 'company')
    },
  },
  Plex: {
    factor: 'PROVIDER',
    subject: 'You can sign in with Plex',
    add: async ({ thief }) => {
      expect(statusOf(await comeByPlex(place, thief, 'auth.plex.link'))).toEqual([200, 'LINKED'])
      return () => comeByPlex(place, open())
    },
  },
}

test.each(Object.entries(added))(
  'R12 M15 %s that a thief added goes by the link from its mail, with every session, key, remembered device and sign-in that waits',
  async (_, { factor, subject, add }) => {
    const who = await victim()
    const before = await waysIn(who.email)
    const byIt = await add(who)
    const token = await linkTo(who.email)
    const mail = (await place.server.mailsTo(who.email)).find((each) => each.text.includes(token))
    expect([mail?.subject, mail?.to]).toEqual([subject, who.email])
    expect(mail?.text).toContain(`Then choose a new password, in case they know yours: ${publicUrl}/forgot-password`)
    expect(statusOf(await byIt())).toEqual([200, 'SIGNED_IN'])
    const waits = factor === 'PROVIDER' ? null : ((await signIn(who.email)).data as { pendingToken: string }).pendingToken

    const answer = await undo(token)
    expect([answer.status, answer.data, answer.setCookies]).toEqual([200, { status: 'UNDONE', factor }, []])
    expect((await ask('SELECT FROM auth.sessions WHERE user_id = $1 AND revoked_at IS NULL', [who.id])).length).toBe(0)
    expect(toldBy(await who.thief.query('auth.me'))).toEqual(nobody)
    expect(toldBy(await open({ authorization: `Bearer ${who.key}` }).query('auth.me'))).toEqual(nobody)
    who.thief.cookies.delete('__Host-plinth_session')
    expect((await who.thief.mutate('auth.remembered.signIn', { delivery: 'COOKIE' })).status).toBe(401)
    if (waits !== null) expect((await open().mutate('auth.secondFactor.totp', { pendingToken: waits, code: '000000' })).status).toBe(401)
    expect(statusOf(await byIt())).not.toEqual([200, 'SIGNED_IN'])

    expect(statusOf(await signIn(who.email))).toEqual([200, 'SIGNED_IN'])
    expect((await waysIn(who.email)).password).toEqual(before.password)
    const told = await eventually(async () =>
      (await place.server.mailsTo(who.email)).find((each) => each.subject === 'What was added to your account was taken back'),
    )
    expect(told.text).toContain('choose a new password')
    const trace = `SELECT actor_kind, data FROM core.activity WHERE event = 'auth.factor.undone' AND user_id = $1`
    expect(await ask(trace, [who.id])).toEqual([{ actor_kind: 'ANONYMOUS', data: { factor } }])
  },
)

test('R01 R02 of twenty uses of such a link at once one takes back, and later ones are refused and end nothing', async () => {
  const who = await victim()
  await added['a passkey']!.add(who)
  const token = await linkTo(who.email)
  const answers = await atOnce(place.server.url, 20, (browser) => undo(token, browser))
  expect(answers.map(({ status }) => status).toSorted()).toEqual([200, ...Array<number>(19).fill(400)])
  for (const refused of answers.filter(({ status }) => status !== 200)) expect(toldBy(refused)).toEqual(noLink)
  const owner = open()
  await signIn(who.email, owner)
  const before = await waysIn(who.email)
  for (const wrong of [token, `${token}x`, 'pln_fu_unknown', token.replace('pln_fu_', 'pln_eu_')])
    expect(toldBy(await undo(wrong, owner))).toEqual(noLink)
  expect(await waysIn(who.email)).toEqual(before)
  expect((await owner.query('auth.me')).status).toBe(200)
})

test('R04 the link is good for seven days: opening its page uses nothing up, and a link that is too old takes nothing back', async () => {
  const [early, late] = [await victim(), await victim()]
  for (const who of [early, late]) await added['a passkey']!.add(who)
  const links = [await linkTo(early.email), await linkTo(late.email)] as const
  await advance(place.server.database.ownerUrl, 7 * day - 60_000)
  const asQuery = encodeURIComponent(JSON.stringify({ json: { token: links[0] } }))
  const opened = [`/undo-factor?token=${links[0]}`, `/trpc/auth.account.undoFactor?input=${asQuery}`]
  const answers = await Promise.all(opened.map((path) => fetch(place.server.url + path)))
  expect(answers.map(({ status }) => status)).toEqual([404, 405])
  expect(statusOf(await undo(links[0]))).toEqual([200, 'UNDONE'])
  await advance(place.server.database.ownerUrl, 61_000)
  const before = await waysIn(late.email)
  expect(toldBy(await undo(links[1]))).toEqual(noLink)
  expect(await waysIn(late.email)).toEqual(before)
  expect((before.passkey[0] as { deleted_at: unknown }).deleted_at).toBeNull()
})

/** The codes of one app are each taken once: so many times thirty seconds later than now. */
const completes = async (email: string, app: AuthenticatorApp, later: number) => {
  const { pendingToken, methods } = (await signIn(email)).data as { pendingToken: string; methods: string[] }
  return [methods, ...statusOf(await open().mutate('auth.secondFactor.totp', { pendingToken, code: app.code(later) }))]
}

test('R08 what was there before stays: whoever has the mailbox alone is no further than they were', async () => {
  const who = await victim()
  const app = await enrolApp(who.thief)
  const older = await linkTo(who.email)
  await added['a passkey']!.add(who)
  const newer = await linkTo(who.email, 2)
  expect(newer).not.toBe(older)
  expect(statusOf(await undo(newer))).toEqual([200, 'UNDONE'])
  await open().mutate('auth.password.requestReset', { email: who.email })
  const token = await place.server.tokenMailedTo(who.email, /pln_r_/)
  expect((await open().mutate('auth.password.reset', { token, password })).status).toBe(200)
  expect(await completes(who.email, app, 1)).toEqual([['TOTP'], 200, 'SIGNED_IN'])
})

test('R08 recovery codes that were made since go with it, and older ones stay', async () => {
  const codesOf = async ({ thief }: Victim) => ((await thief.mutate('auth.recoveryCode.regenerate')).data as { codes: string[] }).codes
  const completesBy = async ({ email }: Victim, code = '') => {
    const { pendingToken } = (await signIn(email)).data as { pendingToken: string }
    return (await open().mutate('auth.secondFactor.recoveryCode', { pendingToken, code })).status
  }
  const [older, newer] = [await victim(), await victim()]
  for (const { thief } of [older, newer]) await enrolApp(thief)
  const owns = await codesOf(older)
  for (const who of [older, newer]) await added['a passkey']!.add(who)
  const thiefs = await codesOf(newer)
  for (const { email } of [older, newer]) expect(statusOf(await undo(await linkTo(email, 2)))).toEqual([200, 'UNDONE'])
  expect([await completesBy(older, owns[0]), await completesBy(newer, thiefs[0])]).toEqual([200, 401])
  const left = `SELECT count(*)::int AS count FROM auth.verification_tokens WHERE user_id = $1 AND purpose = 'RECOVERY_CODE'`
  expect([await ask(left, [older.id]), await ask(left, [newer.id])]).toEqual([[{ count: 10 }], [{ count: 0 }]])
})

/** Of two, one is added to an account that has the other, which is then taken away: as whoever has a new telephone does. */
const moves: Record<string, (browser: Browser) => Promise<void>> = {
  'a passkey': async (browser) => {
    const { items } = (await browser.query('auth.passkey.list', {})).data as { items: { id: string; name: string }[] }
    const id = items.find(({ name }) => name === 'old')?.id
    expect((await browser.mutate('auth.passkey.remove', { id })).status).toBe(200)
  },
  'an app': async (browser) => expect((await browser.mutate('auth.totp.disable')).status).toBe(200),
}

test.each([
  ['a passkey', 'a passkey'],
  ['a passkey', 'an authenticator app'],
  ['an app', 'a passkey'],
])('R08 %s that was taken away when another factor was there comes back with the undo of that: %s', async (old, next) => {
  const who = await victim()
  const key = newAuthenticator({ origin: publicUrl })
  let app: AuthenticatorApp | undefined
  if (old === 'an app') app = await enrolApp(who.thief)
  else {
    expect((await registerKey(who.thief, key, 'old')).status).toBe(200)
    expect((await stepUpBy(who.thief, key)).status).toBe(200)
  }
  await added[next]!.add(who)
  await moves[old]!(who.thief)
  expect(statusOf(await undo(await linkTo(who.email, 2)))).toEqual([200, 'UNDONE'])
  expect((await signIn(who.email)).data).toMatchObject({ status: 'SECOND_FACTOR', methods: [old === 'an app' ? 'TOTP' : 'PASSKEY'] })
  if (app) expect(await completes(who.email, app, 1)).toEqual([['TOTP'], 200, 'SIGNED_IN'])
  else expect(statusOf(await signInBy(open(), key))).toEqual([200, 'SIGNED_IN'])
})

test('what a link took back does not come back by the link of something else', async () => {
  const who = await victim()
  const key = newAuthenticator({ origin: publicUrl })
  expect((await registerKey(who.thief, key, 'thief')).status).toBe(200)
  expect((await stepUpBy(who.thief, key)).status).toBe(200)
  const first = await linkTo(who.email)
  await added['an authenticator app']!.add(who)
  const second = await linkTo(who.email, 2)
  expect(statusOf(await undo(first))).toEqual([200, 'UNDONE'])
  expect(statusOf(await undo(second))).toEqual([200, 'UNDONE'])
  expect((await signInBy(open(), key)).status).toBe(401)
  expect(statusOf(await signIn(who.email))).toEqual([200, 'SIGNED_IN'])
})
