import { afterAll, beforeAll, expect, test } from 'vitest'
import { enrolApp } from '../../../test/authenticator-app.ts'
import { openBrowser, toldBy, type Answer } from '../../../test/browser.ts'
import { advance } from '../../../test/clock.ts'
import { query } from '../../../test/database.ts'
import { openGate } from '../../../test/gate.ts'
import { eventually } from '../../../test/outbox.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'
import { withThrottles } from '../../../test/throttles.ts'

const password = 'nine lazy otters hum'
const minute = 60_000
let server: TestServer
let last = 0

beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const throttled = <T>(work: () => Promise<T>) => withThrottles(server.database.ownerUrl, work)

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const open = () => openBrowser(server.url)
const request = async (email: string, browser = open()) =>
  (await browser.mutate('auth.emailSignIn.request', { email })).data as { pendingToken: string }
/** Twenty browsers whose calls go at one moment. */
const twenty = () => {
  const gate = openGate(20)
  return Array.from({ length: 20 }, () => openBrowser(server.url, {}, gate))
}
const byCode = (pendingToken: string, code: string, browser = open()) =>
  browser.mutate('auth.emailSignIn.byCode', { pendingToken, code, delivery: 'COOKIE' })
const byLink = (token: string, browser = open()) => browser.mutate('auth.emailSignIn.byLink', { token, delivery: 'COOKIE' })
const signInMails = async (email: string) => (await server.mailsTo(email)).filter(({ subject }) => subject === 'Sign in')
const withoutId = ({ text }: Answer) => text.replace(/"requestId":"[^"]*"/, '')
const statuses = (answers: Answer[]) => answers.map(({ status }) => status)

interface Asked {
  readonly pendingToken: string
  readonly code: string
  readonly link: string
}

/** Asks for a mail and reads it. */
async function asked(email: string): Promise<Asked> {
  const before = (await signInMails(email)).length
  const { pendingToken } = await request(email)
  const mail = await eventually(async () => {
    const mails = await signInMails(email)
    return mails.length > before && mails[0]
  })
  return {
    pendingToken,
    code: /type this code: (\d{8})$/m.exec(mail.text)?.[1] ?? '',
    link: /#token=([\w-]+)/.exec(mail.text)?.[1] ?? '',
  }
}

async function person(): Promise<string> {
  const email = `mail${++last}@example.com`
  await server.signUpAs(email, { password })
  return email
}

test('a mail signs in by its code where it was asked for, or by its link anywhere, once', async () => {
  const email = await person()
  const first = await asked(email)
  expect([first.code, first.link]).toEqual([expect.stringMatching(/^\d{8}$/), expect.stringMatching(/^pln_m_[\w-]{43}$/)])
  const browser = open()
  const answer = await byCode(first.pendingToken, `${first.code.slice(0, 4)} ${first.code.slice(4)}`, browser)
  expect([answer.status, answer.data]).toMatchObject([200, { status: 'SIGNED_IN', me: { email }, token: null }])
  expect((await browser.query('auth.me')).status).toBe(200)
  expect((await ask(`SELECT level, methods::text[] FROM auth.sessions ORDER BY id DESC LIMIT 1`))[0]).toEqual({
    level: 1,
    methods: ['EMAIL'],
  })
  expect(statuses([await byCode(first.pendingToken, first.code), await byLink(first.link)])).toEqual([401, 400])
  const second = await asked(email)
  expect(statuses([await byLink(second.link), await byLink(second.link), await byCode(second.pendingToken, second.code)])).toEqual([
    200, 400, 401,
  ])
})

test('opening the link does nothing: whoever looks into mails uses nothing up', async () => {
  const { link } = await asked(await person())
  const path = new URL(`/sign-in/email#token=${link}`, server.url)
  await fetch(path)
  const got = await fetch(
    `${server.url}/trpc/auth.emailSignIn.byLink?input=${encodeURIComponent(JSON.stringify({ json: { token: link, delivery: 'COOKIE' } }))}`,
  )
  expect(got.status).toBe(405)
  expect((await byLink(link)).status).toBe(200)
})

test('of twenty at once that follow a link, and of twenty that type a code, one is let in', async () => {
  const email = await person()
  const { link } = await asked(email)
  const links = await Promise.all(twenty().map((browser) => byLink(link, browser)))
  expect(statuses(links).toSorted()).toEqual([200, ...Array<number>(19).fill(400)])
  const { pendingToken, code } = await asked(email)
  const codes = await Promise.all(twenty().map((browser) => byCode(pendingToken, code, browser)))
  expect(statuses(codes).toSorted()).toEqual([200, ...Array<number>(19).fill(401)])
})

test('a code is worth nothing without what the browser was given that asked for it, nor with that of another mail', async () => {
  const [ada, eve] = [await asked(await person()), await asked(await person())]
  const forged = ada.pendingToken.replace(/[\w-]{43}$/, 'A'.repeat(43))
  expect(statuses([await byCode(eve.pendingToken, ada.code), await byCode(forged, ada.code), await byCode(ada.link, ada.code)])).toEqual([
    401, 401, 401,
  ])
  expect((await byCode(ada.pendingToken, ada.code)).status).toBe(200)
})

test('M04 five wrong codes use the mail up, its link too', async () => {
  const { pendingToken, code, link } = await asked(await person())
  const wrong = code.replace(/^./, (digit) => String((Number(digit) + 1) % 10))
  const answers = await Promise.all(Array.from({ length: 5 }, () => byCode(pendingToken, wrong)))
  expect(statuses(answers)).toEqual(Array(5).fill(401))
  expect(statuses([await byCode(pendingToken, code), await byLink(link)])).toEqual([401, 400])
})

test('M04 guesses at a code by mail are counted with those at the password, for an address without an account alike', async () => {
  const email = await person()
  const [known, unknown] = [await asked(email), await request('nobody4@example.com')]
  for (const [address, pendingToken] of [
    [email, known.pendingToken],
    ['nobody4@example.com', unknown.pendingToken],
  ] as const) {
    await ask('DELETE FROM auth.throttles')
    const wrong = { email: address, password: 'eight lazy otters hum', delivery: 'COOKIE' }
    const answers: Answer[] = []
    await throttled(async () => {
      for (let i = 0; i < 3; i += 1) answers.push(await open().mutate('auth.signIn', wrong), await byCode(pendingToken, 'x'))
    })
    expect(statuses(answers)).toEqual([401, 401, 401, 401, 401, 429])
  }
})

test('a mail is good for ten minutes, and a newer one ends it', async () => {
  const email = await person()
  const [older, old] = [await asked(email), await asked(email)]
  expect(statuses([await byCode(older.pendingToken, older.code), await byLink(older.link)])).toEqual([401, 400])
  await advance(server.database.ownerUrl, 9 * minute)
  expect((await byCode(old.pendingToken, 'wrong')).status).toBe(401)
  await advance(server.database.ownerUrl, minute + 1_000)
  expect(statuses([await byCode(old.pendingToken, old.code), await byLink(old.link)])).toEqual([401, 400])
})

test('A03 a wrong code is answered alike for an address that has an account and one that has none', async () => {
  const asked = [await request(await person()), await request('nobody@example.com')]
  const refused = await Promise.all(asked.map(({ pendingToken }) => byCode(pendingToken, '12345678')))
  for (const answer of refused)
    expect(toldBy(answer)).toEqual({
      status: 401,
      message: 'The code is wrong, or too old.',
      data: { code: 'UNAUTHORIZED', httpStatus: 401 },
    })
  expect(new Set(refused.map(withoutId)).size).toBe(1)
})

test('R16 an address gets three of these mails an hour, and the answer stays the same', async () => {
  const email = await person()
  const answers = await throttled(() => Promise.all(Array.from({ length: 10 }, () => open().mutate('auth.emailSignIn.request', { email }))))
  expect(statuses(answers)).toEqual(Array(10).fill(200))
  const [{ count } = { count: 0 }] = await ask<{ count: number }>(
    `SELECT count(*)::int FROM auth.verification_tokens AS t JOIN auth.users AS u ON u.id = user_id WHERE u.email = $1 AND purpose = 'EMAIL_SIGN_IN'`,
    [email],
  )
  expect(count).toBe(3)
})

test('M09 where there is a second factor, neither the link nor the code signs in by itself', async () => {
  const email = await person()
  const browser = open()
  await browser.mutate('auth.signIn', { email, password, delivery: 'COOKIE' })
  const app = await enrolApp(browser)
  for (const enter of [
    async () => byLink((await asked(email)).link),
    async () => asked(email).then((mail) => byCode(mail.pendingToken, mail.code)),
  ]) {
    const answer = await enter()
    expect([answer.data, answer.setCookies]).toMatchObject([{ status: 'SECOND_FACTOR', methods: ['TOTP'] }, []])
  }
  const { pendingToken } = (await byLink((await asked(email)).link)).data as { pendingToken: string }
  expect((await open().mutate('auth.secondFactor.totp', { pendingToken, code: app.code(1) })).status).toBe(200)
  expect((await ask(`SELECT level, methods::text[] FROM auth.sessions ORDER BY id DESC LIMIT 1`))[0]).toEqual({
    level: 2,
    methods: ['EMAIL', 'TOTP'],
  })
})

test('A02 accounts that are deleted or disabled get no mail, and one that was disabled meanwhile is not let in', async () => {
  const [deleted, disabled, later] = [await person(), await person(), await person()]
  await ask('UPDATE auth.users SET deleted_at = now(), deletion_id = gen_random_uuid() WHERE email = $1', [deleted])
  await ask('UPDATE auth.users SET disabled_at = now() WHERE email = $1', [disabled])
  const { pendingToken, code } = await asked(later)
  await ask('UPDATE auth.users SET disabled_at = now() WHERE email = $1', [later])
  await request(deleted)
  await request(disabled)
  expect((await byCode(pendingToken, code)).status).toBe(401)
  await asked(await person())
  expect([await signInMails(deleted), await signInMails(disabled)]).toEqual([[], []])
})

test('A15 whoever signs in by mail to an address that another signed up with takes over nothing of theirs', async () => {
  const email = 'victim@example.com'
  await open().mutate('auth.signUp', { email, name: 'Attacker', password })
  const theirs = await server.tokenMailedTo(email, /pln_v_/)
  // What no door lets an account have that nobody has proven, as if one did.
  const [user] = await ask<{ id: string }>('SELECT id FROM auth.users WHERE email = $1', [email])
  await ask(
    `INSERT INTO auth.passwords (id, user_id, hash, updated_at) SELECT gen_random_uuid(), $1, hash, now() FROM auth.passwords LIMIT 1`,
    [user?.id],
  )
  await ask(
    `INSERT INTO auth.totp_factors (id, user_id, sealed_secret, confirmed_at, updated_at) VALUES (gen_random_uuid(), $1, 'x', now(), now())`,
    [user?.id],
  )
  const { link } = await asked(email)
  const browser = open()
  const answer = await byLink(link, browser)
  expect(answer.data).toMatchObject({ status: 'SIGNED_IN', me: { email, name: 'victim', emailVerified: true } })
  expect((await open().mutate('auth.signIn', { email, password, delivery: 'COOKIE' })).status).toBe(401)
  expect((await open().mutate('auth.verifyEmail', { token: theirs })).status).toBe(400)
  expect((await browser.query('auth.totp.get')).data).toEqual({ confirmedAt: null })
  expect(await ask('SELECT hash FROM auth.passwords WHERE user_id = $1 AND deleted_at IS NULL', [user?.id])).toEqual([])
  expect(
    await ask('SELECT sign_up_hash FROM auth.verification_tokens WHERE user_id = $1 AND sign_up_hash IS NOT NULL', [user?.id]),
  ).toEqual([])
})

test('who has neither a password nor a second factor steps up by a code from a mail, and nobody else does', async () => {
  const email = `stranger${++last}@example.com`
  await open().mutate('auth.signUp', { email, name: 'Ada', password })
  const browser = open()
  await byLink((await asked(email)).link, browser)
  await advance(server.database.ownerUrl, 10 * minute)
  const refused = await browser.mutate('auth.totp.enrol')
  expect(refused.error?.data).toMatchObject({ code: 'STEP_UP_REQUIRED', details: { methods: ['EMAIL'] } })
  const { pendingToken } = (await browser.mutate('auth.stepUp.requestEmail')).data as { pendingToken: string }
  const mail = await eventually(async () => (await server.mailsTo(email)).find(({ subject }) => subject === 'Confirm that it is you'))
  const code = /code there: (\d{8})$/m.exec(mail.text)?.[1] ?? ''
  expect((await browser.mutate('auth.stepUp.email', { pendingToken, code: 'wrong' })).status).toBe(400)
  expect((await byCode(pendingToken, code)).status).toBe(401)
  expect((await browser.mutate('auth.stepUp.email', { pendingToken, code })).data).toMatchObject({ status: 'SIGNED_IN' })
  expect((await browser.mutate('auth.totp.enrol')).status).toBe(200)
  const other = open()
  await other.mutate('auth.signIn', { email: await person(), password, delivery: 'COOKIE' })
  expect((await other.mutate('auth.stepUp.requestEmail')).error?.data).toMatchObject({ details: { methods: ['PASSWORD'] } })
  expect((await other.mutate('auth.stepUp.email', { pendingToken, code })).error?.data.code).toBe('STEP_UP_REQUIRED')
})
