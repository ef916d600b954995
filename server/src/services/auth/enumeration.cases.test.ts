import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser, toldBy, type Answer } from '../../../test/browser.ts'
import { query } from '../../../test/database.ts'
import { eventually } from '../../../test/outbox.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'
import { withThrottles } from '../../../test/throttles.ts'
import { spreadOfMedians } from '../../../test/timing.ts'
import { wholeState } from '../../../test/whole-state.ts'

const password = 'nine lazy otters hum'
const wrong = 'eight lazy otters hum'
const chosen = 'mallory has other plans'
/** Every kind of account that may not sign in by the password that is shown, and nobody's address. */
const refused = ['right', 'unknown', 'deleted', 'disabled', 'unverified', 'elsewhere'] as const
type Kind = (typeof refused)[number]
const addressOf = (kind: Kind) => `${kind}@example.com`
let server: TestServer

beforeAll(async () => {
  server = await startTestServer()
  const ids = new Map<Kind, string>()
  for (const kind of ['right', 'deleted', 'disabled', 'elsewhere'] as const)
    ids.set(kind, (await server.signUpAs(addressOf(kind), { password })).me.id)
  await open().mutate('auth.signUp', { email: addressOf('unverified'), name: 'Ada', password })
  await server.tokenMailedTo(addressOf('unverified'))
  await ask('UPDATE auth.users SET deleted_at = now(), deletion_id = gen_random_uuid() WHERE id = $1', [ids.get('deleted')])
  await ask('UPDATE auth.users SET disabled_at = now() WHERE id = $1', [ids.get('disabled')])
  await ask('DELETE FROM auth.passwords WHERE user_id = $1', [ids.get('elsewhere')])
  await ask(
    `INSERT INTO auth.oauth_accounts (id, user_id, provider, subject, updated_at) VALUES (gen_random_uuid(), $1, 'company', 'x', now())`,
    [ids.get('elsewhere')],
  )
})
afterAll(() => server.stop())

const open = () => openBrowser(server.url)
const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const signIn = (kind: Kind) =>
  open().mutate('auth.signIn', { email: addressOf(kind), password: kind === 'right' ? wrong : password, delivery: 'COOKIE' })
const signUp = (email: string) => open().mutate('auth.signUp', { email, name: 'Mallory', password: chosen })
const bodyOf = ({ text }: Answer) => text.replace(/"requestId":"[^"]*"/, '')
/** What of an answer could tell one address from another. */
const seen = (answer: Answer) => ({
  status: answer.status,
  body: bodyOf(answer),
  headers: Object.fromEntries([...answer.headers].filter(([name]) => !['date', 'x-request-id'].includes(name))),
})
/** Waits for a mail to an address, which shows nothing of what a stranger typed. */
const mailed = async (email: string, subject: string) => {
  const { text } = await eventually(async () => (await server.mailsTo(email)).find((each) => each.subject === subject))
  expect(text).not.toMatch(/Mallory|plans/)
  expect(text.includes('token=')).toBe(subject !== 'You already have an account')
}
const accounts = () =>
  ask(
    'SELECT u.*, p.hash FROM auth.users AS u LEFT JOIN auth.passwords AS p ON p.user_id = u.id WHERE u.email = ANY ($1) ORDER BY u.created_at',
    [refused.map(addressOf)],
  )

test('A02 every sign-in that is refused has one answer, whatever the reason, and changes nothing', async () => {
  const before = await wholeState(server.database.ownerUrl)
  const answers: Answer[] = []
  for (const kind of refused) answers.push(await signIn(kind))
  for (const answer of answers) {
    expect(toldBy(answer)).toEqual({
      status: 401,
      message: 'The email address or the password is wrong.',
      data: { code: 'UNAUTHORIZED', httpStatus: 401 },
    })
    expect(seen(answer)).toEqual(seen(answers[0] as Answer))
  }
  expect(await wholeState(server.database.ownerUrl)).toEqual(before)
  const traces = `SELECT u.email, count(*)::int AS count FROM core.activity AS a JOIN auth.users AS u ON u.id = a.user_id
                  WHERE event = 'auth.sign_in.failed' GROUP BY u.email ORDER BY u.email`
  expect(await ask(traces)).toEqual(
    ['disabled', 'elsewhere', 'right', 'unverified'].map((who) => ({ email: `${who}@example.com`, count: 1 })),
  )
})

test('A02 guesses at an address are told to wait alike, whether there is an account or not', async () => {
  const told = new Map<Kind, unknown[]>()
  for (const kind of refused) {
    await ask('DELETE FROM auth.throttles')
    const answers: Answer[] = []
    await withThrottles(server.database.ownerUrl, async () => {
      for (let i = 0; i < 7; i += 1) answers.push(await signIn(kind))
    })
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 401, 401, 429, 429])
    told.set(kind, answers.map(bodyOf))
  }
  for (const kind of refused) expect(told.get(kind)).toEqual(told.get('right'))
})

test(
  'A02 the time of a refused sign-in differs by less than a tenth, over a hundred tries of each kind',
  { timeout: 300_000 },
  async () => {
    expect(await spreadOfMedians(refused.map((kind) => () => signIn(kind)))).toBeLessThanOrEqual(1.1)
  },
)

const requests = {
  'for a new password': (email: string) => open().mutate('auth.password.requestReset', { email }),
  'to sign in by mail': (email: string) => open().mutate('auth.emailSignIn.request', { email }),
}

/** What differs from one request for a mail to the next, whoever asks: a token that the browser is given, of one length, and its end. */
const unlike = (body: string) =>
  body.replace(/pln_ec_[\w-]{36}_[\w-]{43}/, 'pln_ec_').replace(/"expiresAt":"[-\d]{10}T[:.\d]{12}Z"/, '"expiresAt":""')

test.each(Object.entries(requests))('A03 a request %s is answered alike for every address', async (_what, request) => {
  const before = await accounts()
  const nobody = await request('nobody@example.com')
  expect([nobody.status, nobody.data, nobody.setCookies]).toMatchObject([200, { status: 'CHECK_EMAIL' }, []])
  for (const kind of refused) {
    const [given, expected] = [seen(await request(addressOf(kind))), seen(nobody)]
    expect({ ...given, body: unlike(given.body) }, kind).toEqual({ ...expected, body: unlike(expected.body) })
  }
  expect(await accounts()).toEqual(before)
})

test.each(Object.entries(requests))(
  'A03 the time of a request %s differs by less than a tenth, over a hundred tries of each kind',
  { timeout: 300_000 },
  async (_what, request) => {
    expect(await spreadOfMedians(['right@example.com', 'nobody@example.com'].map((email) => () => request(email)))).toBeLessThanOrEqual(1.1)
  },
)

test('A03 mail goes only where there is an account that may be used', async () => {
  await Promise.all([mailed(addressOf('right'), 'Choose a new password'), mailed(addressOf('right'), 'Sign in')])
  const others = ['deleted', 'disabled', 'unknown', 'nobody'].map(async (who) =>
    (await server.mailsTo(`${who}@example.com`)).map(({ subject }) => subject),
  )
  for (const subjects of await Promise.all(others))
    expect(subjects).not.toEqual(expect.arrayContaining([expect.stringMatching(/new password|Sign in/)]))
})

test('A01 a sign-up is answered alike whatever there is of the address; only its mailbox learns more', async () => {
  const before = await accounts()
  const fresh = await signUp('fresh@example.com')
  expect([fresh.status, fresh.data, fresh.setCookies]).toEqual([200, { status: 'CHECK_EMAIL' }, []])
  for (const kind of refused) expect(seen(await signUp(addressOf(kind))), kind).toEqual(seen(fresh))
  for (const kind of ['right', 'disabled', 'elsewhere'] as const) await mailed(addressOf(kind), 'You already have an account')
  for (const who of ['fresh', 'unknown', 'deleted', 'unverified']) await mailed(`${who}@example.com`, 'Confirm your email address')
  expect((await accounts()).slice(0, before.length)).toEqual(before)
  const taken = await open().mutate('auth.signIn', { email: addressOf('right'), password: chosen, delivery: 'COOKIE' })
  expect(taken.status).toBe(401)
})

test('A01 the time of a sign-up differs by less than a tenth, over a hundred tries of each kind', { timeout: 300_000 }, async () => {
  let fresh = 0
  const addresses = [() => `timed${(fresh += 1)}@example.com`, ...(['right', 'disabled'] as const).map((kind) => () => addressOf(kind))]
  expect(await spreadOfMedians(addresses.map((address) => () => signUp(address())))).toBeLessThanOrEqual(1.1)
})
