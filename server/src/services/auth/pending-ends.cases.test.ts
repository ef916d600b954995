/** A sign-in that waits is no session, and is to become none: whatever ends all that lets a person in ends what was begun before it, too. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { enrolApp, type AuthenticatorApp } from '../../../test/authenticator-app.ts'
import { openBrowser, toldBy, type Browser } from '../../../test/browser.ts'
import { query } from '../../../test/database.ts'
import { eventually } from '../../../test/outbox.ts'
import { startTestServer, type TestPerson, type TestServer } from '../../../test/server.ts'

const password = 'nine lazy otters hum'
const next = 'ten brisk herons wade'
const refused = (message: string) => ({ status: 401, message, data: { code: 'UNAUTHORIZED', httpStatus: 401 } })
const notWaiting = refused('The code is wrong, or the sign-in has taken too long.')
const noCode = refused('The code is wrong, or too old.')
let server: TestServer
let boss: Browser
let last = 0

beforeAll(async () => {
  server = await startTestServer()
  const { email, me } = await server.signUpAs('boss@example.com', { password })
  await ask(`UPDATE auth.users SET role = 'ADMIN' WHERE id = $1`, [me.id])
  boss = open()
  await signIn(email, boss)
})
afterAll(() => server?.stop())

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const open = () => openBrowser(server.url)
const signIn = (email: string, browser = open()) => browser.mutate('auth.signIn', { email, password, delivery: 'COOKIE' })
const mailed = (email: string, link: RegExp) =>
  eventually(async () => (await server.mailsTo(email)).map(({ text }) => link.exec(text)?.[1]).find((token) => token !== undefined))

interface Person extends TestPerson {
  /** Signed in, and fresh. */
  readonly browser: Browser
}

async function person(): Promise<Person> {
  const made = await server.signUpAs(`waits${++last}@example.com`, { password })
  const browser = open()
  await signIn(made.email, browser)
  return { ...made, browser }
}

async function change({ browser, email }: Person): Promise<void> {
  const to = `new-${email}`
  await browser.mutate('auth.email.requestChange', { email: to })
  const token = await mailed(email, /#token=(pln_ea_[\w-]+)/)
  await open().mutate('auth.email.approveChange', { token })
  const done = await browser.mutate('auth.email.confirmChange', { token: await mailed(to, /#token=(pln_ep_[\w-]+)/) })
  expect(done.data).toEqual({ status: 'CHANGED' })
}

const byBoss = async (act: string, { me }: Person) => expect((await boss.mutate(`auth.person.${act}`, { userId: me.id })).status).toBe(200)

/** What ends all that lets a person in; each leaves an account that one can sign in to, by whatever that takes then. */
const endings: Record<string, { readonly before?: (who: Person) => Promise<unknown>; readonly end: (who: Person) => Promise<unknown> }> = {
  'a reset by mail': {
    end: async ({ email }) => {
      await open().mutate('auth.password.requestReset', { email })
      const token = await server.tokenMailedTo(email, /pln_r_/)
      expect((await open().mutate('auth.password.reset', { token, password: next })).status).toBe(200)
    },
  },
  'a change of the password': {
    end: async ({ browser }) =>
      expect((await browser.mutate('auth.password.change', { currentPassword: password, password: next })).status).toBe(200),
  },
  'a new password that an administrator asks for': { end: (who) => byBoss('requireReset', who) },
  'a disabling that is taken back': {
    end: async (who) => {
      await byBoss('disable', who)
      await byBoss('restore', who)
    },
  },
  'an administrator who ends the sessions': { end: (who) => byBoss('endSessions', who) },
  'a person who ends their other sessions': {
    end: async ({ browser }) => expect((await browser.mutate('auth.session.revokeOthers')).status).toBe(200),
  },
  'a change of address that is taken back': {
    before: change,
    end: async ({ email }) => {
      const token = await mailed(email, /#token=(pln_eu_[\w-]+)/)
      expect((await open().mutate('auth.email.undoChange', { token })).data).toEqual({ status: 'UNDONE' })
    },
  },
  'leaving, and coming back': {
    end: async ({ browser, email }) => {
      expect((await browser.mutate('auth.account.deactivate')).status).toBe(200)
      const token = await server.tokenMailedTo(email, /pln_ra_/)
      expect((await open().mutate('auth.account.reactivate', { token })).status).toBe(200)
    },
  },
}

const livingOf = async ({ me }: Person) =>
  (await ask('SELECT FROM auth.sessions WHERE user_id = $1 AND revoked_at IS NULL', [me.id])).length
const addressOf = async ({ me }: Person) => (await ask<{ email: string }>('SELECT email FROM auth.users WHERE id = $1', [me.id]))[0]!.email

/** Begins to sign in by the password, as far as the second factor. */
const begin = async (email: string) => {
  const { data } = await open().mutate('auth.signIn', { email, password, delivery: 'TOKEN', remember: true })
  expect(data).toMatchObject({ status: 'SECOND_FACTOR' })
  return (data as { pendingToken: string }).pendingToken
}

test.each(Object.entries(endings))(
  'S03 S06 S07 after %s no sign-in goes on that waited for its second factor',
  async (_, { before, end }) => {
    const who = await person()
    const app: AuthenticatorApp = await enrolApp(who.browser)
    await before?.(who)
    const waiting = [await begin(await addressOf(who)), await begin(await addressOf(who))]
    await end(who)
    const [living, codes] = [await livingOf(who), [app.code(1), app.code(1)]]
    for (const [index, pendingToken] of waiting.entries()) {
      expect(toldBy(await open().mutate('auth.secondFactor.totp', { pendingToken, code: codes[index] }))).toEqual(notWaiting)
    }
    expect(await livingOf(who)).toBe(living)
  },
)

test.each(Object.entries(endings))('S03 S06 S07 after %s no mail signs in that was asked for before it', async (_, { before, end }) => {
  const who = await person()
  await before?.(who)
  const email = await addressOf(who)
  const { pendingToken } = (await open().mutate('auth.emailSignIn.request', { email })).data as { pendingToken: string }
  const mail = await eventually(async () => (await server.mailsTo(email)).find(({ text }) => text.includes('pln_m_')))
  const [token, code] = [/pln_m_[\w-]+/.exec(mail.text)?.[0], /\b\d{4} ?\d{4}\b/.exec(mail.text)?.[0]]
  await end(who)
  const living = await livingOf(who)
  expect(toldBy(await open().mutate('auth.emailSignIn.byLink', { token, delivery: 'TOKEN' }))).toEqual({
    status: 400,
    message: 'This link is unknown, was used, or is too old.',
    data: { code: 'INVALID_TOKEN', httpStatus: 400 },
  })
  expect(toldBy(await open().mutate('auth.emailSignIn.byCode', { pendingToken, code, delivery: 'TOKEN' }))).toEqual(noCode)
  expect(await livingOf(who)).toBe(living)
})

test('a person who ends one session ends no sign-in that waits: it is another one', async () => {
  const who = await person()
  const app = await enrolApp(who.browser)
  const pendingToken = await begin(who.email)
  const [{ id }] = (await ask<{ id: string }>(
    `SELECT id::text FROM auth.sessions WHERE user_id = $1 AND kind = 'BEARER' AND revoked_at IS NULL`,
    [who.me.id],
  )) as [{ id: string }]
  expect((await who.browser.mutate('auth.session.revoke', { sessionId: id })).data).toEqual({ revoked: 1 })
  expect((await open().mutate('auth.secondFactor.totp', { pendingToken, code: app.code(1) })).data).toMatchObject({ status: 'SIGNED_IN' })
})

test('S03 after every session was ended no session is proven by the code of a mail that was asked for before', async () => {
  const who = await person()
  await byBoss('requireReset', who)
  const byMail = async () => {
    const browser = open()
    const before = (await server.mailsTo(who.email)).length
    await browser.mutate('auth.emailSignIn.request', { email: who.email })
    const mail = await eventually(async () =>
      (await server.mailsTo(who.email)).slice(0, -before).find(({ subject }) => subject === 'Sign in'),
    )
    const token = /pln_m_[\w-]+/.exec(mail.text)?.[0]
    expect((await browser.mutate('auth.emailSignIn.byLink', { token, delivery: 'COOKIE' })).status).toBe(200)
    return browser
  }
  const { pendingToken } = (await (await byMail()).mutate('auth.stepUp.requestEmail')).data as { pendingToken: string }
  const mail = await eventually(async () => (await server.mailsTo(who.email)).find(({ subject }) => subject === 'Confirm that it is you'))
  const code = /code there: (\d{8})$/m.exec(mail.text)?.[1]
  await byBoss('endSessions', who)
  const browser = await byMail()
  const session = async () =>
    ask('SELECT token_hash, authenticated_at FROM auth.sessions WHERE user_id = $1 AND revoked_at IS NULL', [who.me.id])
  const before = await session()
  expect(toldBy(await browser.mutate('auth.stepUp.email', { pendingToken, code }))).toEqual({
    status: 400,
    message: 'This is not right.',
    data: { code: 'BAD_REQUEST', httpStatus: 400, details: { fields: { code: ['is wrong'] } } },
  })
  expect(await session()).toEqual(before)
})
