import { afterAll, beforeAll, expect, test } from 'vitest'
import { appWith } from '../../../test/authenticator-app.ts'
import { openBrowser, toldBy, type Answer } from '../../../test/browser.ts'
import { advance } from '../../../test/clock.ts'
import { query } from '../../../test/database.ts'
import { openGate } from '../../../test/gate.ts'
import { eventually } from '../../../test/outbox.ts'
import { startTestServer, type TestPerson, type TestServer } from '../../../test/server.ts'

const minute = 60_000
const day = 24 * 60 * minute
let server: TestServer
let last = 0

beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const person = () => server.signUpAs(`person${(last += 1)}@example.com`)
const open = (token?: string, fetch?: typeof globalThis.fetch) =>
  openBrowser(server.url, token === undefined ? {} : { authorization: `Bearer ${token}` }, fetch)
const request = (token: string, email: string, fetch?: typeof globalThis.fetch) =>
  open(token, fetch).mutate('auth.email.requestChange', { email })
const approve = (token: string) => open().mutate('auth.email.approveChange', { token })
const confirm = (session: string, token: string) => open(session).mutate('auth.email.confirmChange', { token })
const undo = (token: string, fetch?: typeof globalThis.fetch) => open(undefined, fetch).mutate('auth.email.undoChange', { token })
const me = async (token: string) => (await open(token).query('auth.me')).status

const kinds = { approval: 'pln_ea_', proof: 'pln_ep_', undo: 'pln_eu_' } as const

/** The newest token of a kind that an address was mailed; `but` are the ones known before. */
const mailed = (email: string, kind: keyof typeof kinds, but: readonly string[] = []) =>
  eventually(async () => {
    const tokens = (await server.mailsTo(email)).map(({ text }) => new RegExp(`#token=(${kinds[kind]}[\\w-]+)`).exec(text)?.[1])
    return tokens.find((token) => token !== undefined && !but.includes(token))
  })
const told = (email: string, subject: string | RegExp) =>
  eventually(async () => (await server.mailsTo(email)).find((mail) => mail.subject.match(subject)))

/** What is kept of a person’s addresses: the account’s, and every change that was asked for. */
const kept = async ({ me: { id } }: TestPerson) => ({
  user: await ask('SELECT * FROM auth.users WHERE id = $1', [id]),
  changes: await ask('SELECT * FROM auth.email_changes WHERE user_id = $1 ORDER BY id', [id]),
  links: await ask(
    `SELECT * FROM auth.verification_tokens WHERE user_id = $1 AND purpose::text LIKE 'EMAIL_CHANGE%' AND used_at IS NULL AND deleted_at IS NULL ORDER BY id`,
    [id],
  ),
})
const addressOf = async ({ me: { id } }: TestPerson) =>
  (await ask<{ email: string }>('SELECT email FROM auth.users WHERE id = $1', [id]))[0]?.email

const refused = {
  status: 400,
  message: 'This link is unknown, was used, or is too old.',
  data: { code: 'INVALID_TOKEN', httpStatus: 400 },
}
const stepUp = (...methods: string[]) => ({
  status: 401,
  message: 'Prove once more who you are.',
  data: { code: 'STEP_UP_REQUIRED', httpStatus: 401, details: { methods } },
})

async function changed(owner: TestPerson, from: string, to: string): Promise<string> {
  await request(owner.token, to)
  await approve(await mailed(from, 'approval'))
  const done = await confirm(owner.token, await mailed(to, 'proof'))
  expect([done.status, done.data]).toEqual([200, { status: 'CHANGED' }])
  return mailed(from, 'undo')
}

/** Tries twenty at once; all are told this, and nothing is changed by any. */
async function expectAllRefused(who: TestPerson, attempt: (fetch: typeof globalThis.fetch) => Promise<Answer>, expected: object) {
  const [gate, before] = [openGate(20), await kept(who)]
  for (const answer of await Promise.all(Array.from({ length: 20 }, () => attempt(gate)))) expect(toldBy(answer)).toEqual(expected)
  expect(await kept(who)).toEqual(before)
}

test('R11 a session that was proven ten minutes ago asks for no other address, not even twenty times at once, until it is proven again', async () => {
  const ned = await person()
  const to = `new.${ned.email}`
  await advance(server.database.ownerUrl, 9 * minute)
  expect((await request(ned.token, `sooner.${ned.email}`)).data).toEqual({ status: 'CHECK_EMAIL' })
  await advance(server.database.ownerUrl, minute + 1_000)
  await expectAllRefused(ned, (fetch) => request(ned.token, to, fetch), stepUp('PASSWORD'))
  const wrong = await open(ned.token).mutate('auth.stepUp.password', { password: 'eight lazy otters hum' })
  expect([wrong.status, wrong.error?.data.code]).toEqual([400, 'BAD_REQUEST'])
  await expectAllRefused(ned, (fetch) => request(ned.token, to, fetch), stepUp('PASSWORD'))
  const proven = (await open(ned.token).mutate('auth.stepUp.password', { password: ned.password })).data as { token: string }
  expect((await request(proven.token, to)).data).toEqual({ status: 'CHECK_EMAIL' })
  expect((await kept(ned)).changes).toEqual(expect.arrayContaining([expect.objectContaining({ to_email: to, completed_at: null })]))
})

test('R11 R12 whoever stole the session of an account with a second factor changes no address by the password', async () => {
  const kim = await person()
  const { secret } = (await open(kim.token).mutate('auth.totp.enrol')).data as { secret: string }
  const confirmed = await open(kim.token).mutate('auth.totp.confirm', { code: appWith(secret).code() })
  const { token } = confirmed.data as { token: string }
  await advance(server.database.ownerUrl, 10 * minute)
  await expectAllRefused(kim, (fetch) => request(token, `thief.${kim.email}`, fetch), stepUp('TOTP'))
  const byPassword = await open(token).mutate('auth.stepUp.password', { password: kim.password })
  expect(toldBy(byPassword)).toEqual({ ...stepUp('TOTP'), message: 'This is not enough.' })
  await expectAllRefused(kim, (fetch) => request(token, `thief.${kim.email}`, fetch), stepUp('TOTP'))
})

test('R12 whoever stole a fresh session proves an address of their own, and the account keeps its address until the old one agrees', async () => {
  const bob = await person()
  const thief = `thief.${bob.email}`
  expect((await request(bob.token, thief)).data).toEqual({ status: 'CHECK_EMAIL' })
  const proof = await mailed(thief, 'proof')
  expect((await confirm(bob.token, proof)).data).toEqual({ status: 'WAITS_FOR_OLD' })
  const before = await kept(bob)
  for (const token of [proof, proof.replace('pln_ep_', 'pln_ea_')]) {
    expect(toldBy(await approve(token))).toEqual(refused)
    expect(toldBy(await confirm(bob.token, token))).toEqual(refused)
  }
  expect([await kept(bob), await addressOf(bob)]).toEqual([before, bob.email])
  expect((await mailed(bob.email, 'approval')).length).toBeGreaterThan(40)
})

test('R12 the old address is told of a change, and its link takes it back for seven days, once of twenty: every session and key ends', async () => {
  const bob = await person()
  const thief = `thief.${bob.email}`
  const link = await changed(bob, bob.email, thief)
  await told(bob.email, 'Your email address was changed')
  const created = await open(bob.token).mutate('auth.apiKey.create', { name: 'the thief', scopes: ['teams.*'], expiresInDays: 30 })
  const { key } = created.data as { key: string }
  expect((await open(key).query('teams.list', {})).status).toBe(200)
  await advance(server.database.ownerUrl, 7 * day - minute)
  expect(await me(bob.token)).toBe(200)
  const gate = openGate(20)
  const answers = await Promise.all(Array.from({ length: 20 }, () => undo(link, gate)))
  expect(answers.filter(({ status }) => status === 200).map(({ data, setCookies }) => [data, setCookies])).toEqual([
    [{ status: 'UNDONE' }, []],
  ])
  for (const answer of answers) if (answer.status !== 200) expect(toldBy(answer)).toEqual(refused)
  expect(await addressOf(bob)).toBe(bob.email)
  expect([await me(bob.token), (await open(key).query('teams.list', {})).status]).toEqual([401, 401])
  const signIn = (email: string) => open().mutate('auth.signIn', { email, password: bob.password, delivery: 'COOKIE' })
  expect([(await signIn(thief)).status, (await signIn(bob.email)).status]).toEqual([401, 200])
  await told(bob.email, /former one again/)
})

test('R12 after seven days a change is not taken back any more', async () => {
  const mia = await person()
  const link = await changed(mia, mia.email, `new.${mia.email}`)
  await advance(server.database.ownerUrl, 7 * day + 1_000)
  const before = await kept(mia)
  expect(toldBy(await undo(link))).toEqual(refused)
  expect([await kept(mia), await me(mia.token)]).toEqual([before, 200])
})

test('R12 an undo reaches back over later changes, and what was changed after it cannot be undone into', async () => {
  const eve = await person()
  const [second, third] = [`second.${eve.email}`, `third.${eve.email}`]
  const first = await changed(eve, eve.email, second)
  const later = await changed(eve, second, third)
  expect((await undo(first)).data).toEqual({ status: 'UNDONE' })
  const before = await kept(eve)
  expect(toldBy(await undo(later))).toEqual(refused)
  expect([await kept(eve), await addressOf(eve)]).toEqual([before, eve.email])
})

test('R15 the links of a request end with the next one, to the same address or another', async () => {
  const hal = await person()
  const [one, two] = [`one.${hal.email}`, `two.${hal.email}`]
  const known: string[] = []
  const linksTo = async (email: string) => {
    await request(hal.token, email)
    const links = { approval: await mailed(hal.email, 'approval', known), proof: await mailed(email, 'proof', known) }
    known.push(links.approval, links.proof)
    return links
  }
  const old = [await linksTo(one), await linksTo(two), await linksTo(one)]
  const newest = await linksTo(two)
  const before = await kept(hal)
  for (const { approval, proof } of old) {
    expect(toldBy(await confirm(hal.token, proof))).toEqual(refused)
    expect(toldBy(await approve(approval))).toEqual(refused)
  }
  expect([await kept(hal), await addressOf(hal)]).toEqual([before, hal.email])
  expect((await approve(newest.approval)).data).toEqual({ status: 'WAITS_FOR_NEW' })
  expect((await confirm(hal.token, newest.proof)).data).toEqual({ status: 'CHANGED' })
  expect(await addressOf(hal)).toBe(two)
})
