import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser, toldBy, type Answer, type Browser } from '../../../test/browser.ts'
import { advance } from '../../../test/clock.ts'
import { query } from '../../../test/database.ts'
import { eventually } from '../../../test/outbox.ts'
import { startInstallation, type Installation } from '../../../test/providers/installation.ts'
import { atOnce, cookiesOf } from '../../../test/race.ts'
import { stepUpByMail } from '../../../test/step-up.ts'
import type { TestServer } from '../../../test/server.ts'
import { waysInOf } from '../../../test/ways-in.ts'

const password = 'nine lazy otters hum'
const minute = 60_000
let place: Installation
let server: TestServer
let last = 0

beforeAll(async () => {
  place = await startInstallation()
  server = place.server
})
afterAll(() => place?.stop())

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const linkedTo = async (sub: string) =>
  (
    await ask<{ email: string }>(
      `SELECT u.email FROM auth.oauth_accounts a JOIN auth.users u ON u.id = a.user_id WHERE subject = $1 AND a.deleted_at IS NULL`,
      [sub],
    )
  ).map(({ email }) => email)

/** Somebody with a password, signed in with a browser. */
async function person(): Promise<{ email: string; browser: Browser }> {
  const email = `linker${++last}@example.com`
  await server.signUpAs(email, { password })
  const browser = openBrowser(server.url)
  await browser.mutate('auth.signIn', { email, password, delivery: 'COOKIE' })
  return { email, browser }
}

/** Goes to the provider as this subject and comes back, by the procedure that begins the visit. */
async function come(browser: Browser, sub: string, by = 'auth.provider.link', provider = 'company'): Promise<Record<string, string>> {
  place.company.person = { sub, email: `${sub}@elsewhere.example`, email_verified: true, name: 'Elsewhere' }
  return (await place.come(browser, { by, provider })).given
}

const link = async (browser: Browser, sub: string): Promise<Answer> => browser.mutate('auth.provider.finish', await come(browser, sub))
const mine = async (browser: Browser) =>
  ((await browser.query('auth.provider.listMine', {})).data as { items: { id: string; provider: string }[] }).items

/** An authenticator app that was confirmed: what it takes is not what is tested here. */
const withSecondFactor = (email: string) =>
  ask(
    `INSERT INTO auth.totp_factors (id, user_id, sealed_secret, confirmed_at, updated_at)
     SELECT gen_random_uuid(), id, 'sealed', now(), now() FROM auth.users WHERE email = $1`,
    [email],
  )

test('a person links what they are at a provider, and signs in by it from then on, whatever address it names', async () => {
  const { email, browser } = await person()
  const answer = await link(browser, 'linked-1')
  expect(answer.data).toMatchObject({ status: 'LINKED', account: { provider: 'company', email: 'linked-1@elsewhere.example' } })
  expect((await link(browser, 'linked-1')).data).toMatchObject({ status: 'LINKED' })
  const elsewhere = openBrowser(server.url)
  const signedIn = await elsewhere.mutate('auth.provider.finish', await come(elsewhere, 'linked-1', 'auth.provider.start'))
  expect(signedIn.data).toMatchObject({ status: 'SIGNED_IN', me: { email } })
  const [session] = await ask('SELECT methods::text[], level FROM auth.sessions ORDER BY id DESC LIMIT 1')
  expect(session).toEqual({ methods: ['PROVIDER'], level: 1 })
  expect(await mine(browser)).toHaveLength(1)
})

test('linking and unlinking take a fresh proof', async () => {
  const { browser } = await person()
  await link(browser, 'stale-1')
  const [account] = await mine(browser)
  await advance(server.database.ownerUrl, 10 * minute + 1)
  for (const [procedure, input] of [
    ['auth.provider.link', { provider: 'company', delivery: 'COOKIE' }],
    ['auth.provider.unlink', { id: account?.id }],
  ] as const) {
    const answer = await browser.mutate(procedure, input)
    expect([answer.status, answer.error?.data]).toMatchObject([
      401,
      { code: 'STEP_UP_REQUIRED', details: { methods: ['PASSWORD', 'PROVIDER'] } },
    ])
  }
  expect(await linkedTo('stale-1')).toHaveLength(1)
})

const taken = {
  status: 409,
  message: 'What you are there is linked to another account here.',
  data: { code: 'CONFLICT', httpStatus: 409, details: { reason: 'LINKED_TO_OTHER' } },
}
const waysIn = (...people: { email: string }[]) => Promise.all(people.map(({ email }) => waysInOf(server.database.ownerUrl, email)))

test.each(['company', 'github', 'plex'])(
  'O08 what is linked to somebody else at %s stays theirs, and signs them in as before',
  async (provider) => {
    const [bob, alice] = [await person(), await person()]
    const user = { id: 10_000 + ++last, login: 'bob', username: 'bob', title: 'Bob', name: null, email: null, emails: [] }
    place.github.user = user
    const visit = async (browser: Browser, kind: 'start' | 'link'): Promise<Answer> => {
      if (provider !== 'plex')
        return browser.mutate('auth.provider.finish', await come(browser, `bobs-${last}`, `auth.provider.${kind}`, provider))
      const { id, url } = (await browser.mutate(`auth.plex.${kind}`, { delivery: 'COOKIE' })).data as { id: string; url: string }
      place.plex.confirm(url, user)
      return browser.mutate('auth.plex.check', { id, wait: 0 })
    }
    expect((await visit(bob.browser, 'link')).data).toMatchObject({ status: 'LINKED' })
    const kept = await waysIn(bob, alice)
    const answer = await visit(alice.browser, 'link')
    expect([toldBy(answer), answer.setCookies]).toEqual([taken, []])
    expect(await waysIn(bob, alice)).toEqual(kept)
    expect((await visit(openBrowser(server.url), 'start')).data).toMatchObject({ status: 'SIGNED_IN', me: { email: bob.email } })
  },
)

test('O08 of twenty visits of two people who link the same at one moment, all of one of them do, and none of the other', async () => {
  const people = [await person(), await person()] as const
  const visits: { headers: object; given: object }[] = []
  for (let each = 0; each < 20; each += 1) {
    const { browser } = people[each % 2 ? 1 : 0]
    const given = await come(browser, 'new')
    visits.push({ headers: cookiesOf(browser), given })
  }
  const finish = (each: Browser, index: number) => each.mutate('auth.provider.finish', visits[index]?.given, { ...visits[index]?.headers })
  const answers = await atOnce(server.url, 20, finish)
  const [email] = await linkedTo('new')
  const isWinner = (index: number) => people[index % 2 ? 1 : 0].email === email
  expect(answers.filter((_, index) => isWinner(index)).map(({ data }) => data)).toMatchObject(
    Array.from({ length: 10 }, () => ({ status: 'LINKED' })),
  )
  expect(answers.filter((_, index) => !isWinner(index)).map(toldBy)).toEqual(Array.from({ length: 10 }, () => taken))
  const linked = await waysIn(...people)
  expect(linked.flatMap((each) => each.linked)).toMatchObject([{ subject: 'new' }])
})

test("O01 a link that one person began is not finished by another, nor turned into a sign-in, nor into a stranger's", async () => {
  const [alice, bob] = [await person(), await person()]
  const given = await come(alice.browser, 'alices')
  const cookie = alice.browser.cookies.get('__Host-plinth_visit') ?? ''
  bob.browser.cookies.set('__Host-plinth_visit', cookie)
  const stranger = openBrowser(server.url)
  stranger.cookies.set('__Host-plinth_visit', cookie)
  const message = 'This sign-in is unknown, was used, is too old, or was begun elsewhere. Begin again.'
  const unknownVisit = { status: 400, message, data: { code: 'INVALID_TOKEN', httpStatus: 400 } }
  const kept = await waysIn(alice, bob)
  for (const browser of [bob.browser, stranger]) expect(toldBy(await browser.mutate('auth.provider.finish', given))).toEqual(unknownVisit)
  expect(toldBy(await alice.browser.mutate('auth.stepUp.provider', given))).toEqual(unknownVisit)
  expect(await waysIn(alice, bob)).toEqual(kept)
  expect((await alice.browser.mutate('auth.provider.finish', given)).data).toMatchObject({ status: 'LINKED' })
})

test('the last way in is not unlinked, also when it is tried for the last two at once, twenty times', async () => {
  const browser = openBrowser(server.url)
  await browser.mutate('auth.provider.finish', await come(browser, 'only-1', 'auth.provider.start'))
  await stepUpByMail(server, browser, 'only-1@elsewhere.example')
  await link(browser, 'only-2')
  const accounts = await mine(browser)
  const headers = cookiesOf(browser)
  const answers = await atOnce(server.url, 20, (each, index) =>
    each.mutate('auth.provider.unlink', { id: accounts[index % 2]?.id }, headers),
  )
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  expect(answers.some(({ error }) => JSON.stringify(error?.data.details) === '{"reason":"LAST_METHOD"}')).toBe(true)
  const [left] = await mine(browser)
  const refused = await browser.mutate('auth.provider.unlink', { id: left?.id })
  expect([refused.status, refused.error?.data]).toMatchObject([409, { code: 'CONFLICT', details: { reason: 'LAST_METHOD' } }])
  expect(await mine(browser)).toHaveLength(1)
})

test('what is unlinked signs nobody in, and may be linked to another account', async () => {
  const [alice, bob] = [await person(), await person()]
  await link(alice.browser, 'moving')
  const [account] = await mine(alice.browser)
  const foreign = await bob.browser.mutate('auth.provider.unlink', { id: account?.id })
  expect([foreign.status, foreign.error?.data.code]).toEqual([404, 'NOT_FOUND'])
  expect((await alice.browser.mutate('auth.provider.unlink', { id: account?.id })).data).toEqual({ status: 'UNLINKED' })
  await eventually(async () => {
    const subjects = (await server.mailsTo(alice.email)).map(({ subject }) => subject)
    return subjects.includes('You can sign in with The company') && subjects.includes('You can no longer sign in with The company')
  })
  expect((await link(bob.browser, 'moving')).data).toMatchObject({ status: 'LINKED' })
  expect(await linkedTo('moving')).toEqual([bob.email])
})

test('M09 by way of a provider too, who has a second factor is asked for it, and has no session before', async () => {
  const { email, browser } = await person()
  await link(browser, 'factor-1')
  await withSecondFactor(email)
  const elsewhere = openBrowser(server.url)
  const answer = await elsewhere.mutate('auth.provider.finish', await come(elsewhere, 'factor-1', 'auth.provider.start'))
  expect([answer.status, answer.data]).toEqual([
    200,
    { status: 'SECOND_FACTOR', pendingToken: expect.stringMatching(/^pln_2_/), methods: ['TOTP'], expiresAt: expect.any(Date) },
  ])
  expect(answer.setCookies).toEqual([])
  const { pendingToken } = answer.data as { pendingToken: string }
  const nobody = { status: 401, message: 'Sign in first.', data: { code: 'UNAUTHORIZED', httpStatus: 401 } }
  for (const each of [elsewhere, openBrowser(server.url, { authorization: `Bearer ${pendingToken}` })])
    expect(toldBy(await each.query('auth.me'))).toEqual(nobody)
  expect(
    await ask('SELECT count(*)::int AS count FROM auth.sessions s JOIN auth.users u ON u.id = user_id WHERE email = $1', [email]),
  ).toEqual([{ count: 2 }])
})

test('a session is proven anew by a provider that is linked and asks anew, and by no other identity there', async () => {
  const { browser } = await person()
  await link(browser, 'prover')
  await advance(server.database.ownerUrl, 10 * minute + 1)
  place.company.authenticatedAt -= 3_600
  const stranger = await browser.mutate('auth.stepUp.provider', await come(browser, 'another', 'auth.provider.proveAgain'))
  expect([stranger.status, stranger.error?.data]).toMatchObject([400, { code: 'BAD_REQUEST', details: { fields: { code: ['is wrong'] } } }])
  const before = browser.cookies.get('__Host-plinth_session')
  const proven = await browser.mutate('auth.stepUp.provider', await come(browser, 'prover', 'auth.provider.proveAgain'))
  expect(proven.data).toMatchObject({ status: 'SIGNED_IN' })
  expect(browser.cookies.get('__Host-plinth_session')).not.toBe(before)
  expect((await link(browser, 'prover-2')).data).toMatchObject({ status: 'LINKED' })
})

test('a provider that remembers the person instead of asking anew proves nothing', async () => {
  const { browser } = await person()
  await link(browser, 'remembered')
  const given = await come(browser, 'remembered', 'auth.provider.proveAgain')
  place.company.lies = { claims: { auth_time: Math.floor(Date.now() / 1000) - 3_600 } }
  const answer = await browser.mutate('auth.stepUp.provider', given)
  place.company.lies = {}
  expect([answer.status, answer.error?.data.code]).toEqual([400, 'INVALID_TOKEN'])
  const impossible = await browser.mutate('auth.provider.proveAgain', { provider: 'github', delivery: 'COOKIE' })
  expect([impossible.status, impossible.error?.data.code]).toEqual([404, 'NOT_FOUND'])
})

const atGithub = (verified: boolean) => {
  const id = 1_000 + ++last
  const email = `octocat${id}@example.com`
  place.github.user = {
    id,
    login: `octocat${id}`,
    name: 'Mona Lisa',
    emails: [
      { email: `old${id}@example.com`, primary: false, verified: true },
      { email, primary: true, verified },
    ],
  }
  return { id, email }
}

test('somebody whom GitHub knows signs in by their number there, with the primary address that GitHub has proven', async () => {
  const { id, email } = atGithub(true)
  const browser = openBrowser(server.url)
  const given = await come(browser, 'unused', 'auth.provider.start', 'github')
  expect(Object.keys(given).toSorted()).toEqual(['code', 'provider', 'state'])
  const answer = await browser.mutate('auth.provider.finish', given)
  expect(answer.data).toMatchObject({ status: 'SIGNED_IN', me: { email, name: 'Mona Lisa', emailVerified: true } })
  expect(await linkedTo(String(id))).toEqual([email])
  expect((await browser.mutate('auth.provider.finish', given)).error?.data.code).toBe('INVALID_TOKEN')
})

test('an address that the provider does not vouch for is proven by mail, and the visit links when it is', async () => {
  const { id, email } = atGithub(false)
  const signIn = async () => {
    const browser = openBrowser(server.url)
    return browser.mutate('auth.provider.finish', await come(browser, 'unused', 'auth.provider.start', 'github'))
  }
  expect([(await signIn()).data, await linkedTo(String(id))]).toEqual([{ status: 'CHECK_EMAIL' }, []])
  const token = await server.tokenMailedTo(email)
  expect((await openBrowser(server.url).mutate('auth.verifyEmail', { token })).data).toEqual({ status: 'VERIFIED' })
  expect(await linkedTo(String(id))).toEqual([email])
  expect((await signIn()).data).toMatchObject({ status: 'SIGNED_IN', me: { email, name: 'Mona Lisa' } })
})

test('A15 an address that a provider does not vouch for opens no account and tells of none, and of two sign-ups with it none counts', async () => {
  const { id, email } = atGithub(false)
  const signIn = async () => {
    const browser = openBrowser(server.url)
    return browser.mutate('auth.provider.finish', await come(browser, 'unused', 'auth.provider.start', 'github'))
  }
  await server.signUpAs(email, { password })
  expect([(await signIn()).data, await linkedTo(String(id))]).toEqual([{ status: 'CHECK_EMAIL' }, []])
  const contested = atGithub(false)
  await signIn()
  await openBrowser(server.url).mutate('auth.signUp', { email: contested.email, name: 'Owner', password })
  const token = await server.tokenMailedTo(contested.email)
  expect((await openBrowser(server.url).mutate('auth.verifyEmail', { token })).data).toEqual({ status: 'CHOOSE_PASSWORD' })
  expect(await linkedTo(String(contested.id))).toEqual([])
})
