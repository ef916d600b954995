import { afterAll, beforeAll, expect, test } from 'vitest'
import { appWith } from '../../../test/authenticator-app.ts'
import { newAuthenticator, type Authenticator } from '../../../test/authenticator.ts'
import { settled } from '../../../test/belongings.ts'
import { openBrowser, type Answer, type Browser } from '../../../test/browser.ts'
import { query } from '../../../test/database.ts'
import { answerOf, passkeyOrigin, registerKey } from '../../../test/passkeys.ts'
import { startInstallation, type Installation } from '../../../test/providers/installation.ts'
import { newApiKey } from './api-key-format.ts'

const password = 'nine lazy otters hum'
let installation: Installation
let administrator: Browser

beforeAll(async () => {
  installation = await startInstallation()
  administrator = (await somebody('boss')).browser
  await ask(`UPDATE auth.users SET role = 'ADMIN' WHERE email = 'boss@example.com'`)
  await administrator.mutate('auth.signIn', { email: 'boss@example.com', password, delivery: 'COOKIE' })
})
afterAll(() => installation?.stop())

const open = (headers: Record<string, string> = {}) => openBrowser(installation.server.url, headers)
const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) =>
  query<R>(installation.server.database.ownerUrl, sql, values)
const asSent = ({ status, text, setCookies }: Answer) => ({ status, text: text.replace(/"requestId":"[^"]*"/, ''), setCookies })
const mailed = async (email: string, what: RegExp): Promise<string> => {
  await settled(installation.server)
  const found = (await installation.server.mailsTo(email)).map(({ text }) => what.exec(text)?.[1]).find((each) => each !== undefined)
  if (found === undefined) throw new Error(`No mail to ${email} has ${what}`)
  return found
}

interface Known {
  readonly id: string
  readonly email: string
  readonly browser: Browser
}

async function somebody(name: string): Promise<Known> {
  const [email, browser] = [`${name}@example.com`, open()]
  await browser.mutate('auth.signUp', { email, name, password })
  await browser.mutate('auth.verifyEmail', { token: await mailed(email, /#token=(pln_v_[\w-]+)/) })
  const { data } = await browser.mutate('auth.signIn', { email, password, delivery: 'COOKIE' })
  return { id: (data as { me: { id: string } }).me.id, email, browser }
}

/** Everything by which somebody could be let in, or was about to be. */
interface WaysIn {
  readonly cookies: ReadonlyMap<string, string>
  readonly token: string
  readonly rememberToken: string
  readonly apiKey: string
  readonly resetToken: string
  readonly mailToken: string
  readonly mailPending: string
  readonly mailCode: string
  /** A sign-in that waits for the second factor. */
  readonly pendingToken: string
  readonly code: () => string
  readonly passkey: Authenticator
}

/** Those of somebody who has them all. */
async function waysInOf({ email, browser }: Known): Promise<WaysIn> {
  const { data } = await open().mutate('auth.signIn', { email, password, delivery: 'TOKEN', remember: true })
  const { token, rememberToken } = data as { token: string; rememberToken: string }
  const made = await browser.mutate('auth.apiKey.create', { name: 'x', scopes: ['auth.me'] })
  installation.company.person = { sub: `subject of ${email}`, email, email_verified: true }
  await browser.mutate('auth.provider.finish', (await installation.come(browser, { by: 'auth.provider.link' })).given)
  const app = appWith(((await browser.mutate('auth.totp.enrol')).data as { secret: string }).secret)
  await browser.mutate('auth.totp.confirm', { code: app.code() })
  const passkey = newAuthenticator({ origin: passkeyOrigin })
  await registerKey(browser, passkey, 'laptop')
  await open().mutate('auth.password.requestReset', { email })
  const byMail = (await open().mutate('auth.emailSignIn.request', { email })).data as { pendingToken: string }
  const waiting = (await open().mutate('auth.signIn', { email, password, delivery: 'TOKEN' })).data as { pendingToken: string }
  return {
    cookies: new Map(browser.cookies),
    ...{ token, rememberToken, passkey },
    apiKey: (made.data as { key: string }).key,
    resetToken: await mailed(email, /#token=(pln_r_[\w-]+)/),
    mailToken: await mailed(email, /#token=(pln_m_[\w-]+)/),
    mailCode: await mailed(email, /type this code: (\d{8})/),
    mailPending: byMail.pendingToken,
    pendingToken: waiting.pendingToken,
    code: () => app.code(1),
  }
}

/** What each way in is answered; `unknown` are ways of nobody's, that look alike. */
function attempts(email: string, ways: WaysIn): Record<string, () => Promise<Answer>> {
  const me = (headers: Record<string, string>) => open(headers).query('auth.me')
  const withCookies = () => {
    const browser = open()
    for (const [name, value] of ways.cookies) browser.cookies.set(name, value)
    return browser.query('auth.me')
  }
  const byPasskey = async () => {
    const browser = open()
    return browser.mutate('auth.passkey.signIn', { response: await answerOf(browser, ways.passkey) })
  }
  const delivery = 'TOKEN'
  return {
    'a password': () => open().mutate('auth.signIn', { email, password, delivery }),
    'a request for a new password': () => open().mutate('auth.password.requestReset', { email }),
    'a link for a new password': () =>
      open().mutate('auth.password.reset', { token: ways.resetToken, password: 'eleven calm badgers dig' }),
    'a link from a mail': () => open().mutate('auth.emailSignIn.byLink', { token: ways.mailToken, delivery }),
    'a code from a mail': () => open().mutate('auth.emailSignIn.byCode', { pendingToken: ways.mailPending, code: ways.mailCode, delivery }),
    'a second factor': () => open().mutate('auth.secondFactor.totp', { pendingToken: ways.pendingToken, code: ways.code() }),
    'a remembered device': () => open().mutate('auth.remembered.signIn', { token: ways.rememberToken, delivery }),
    'a passkey': byPasskey,
    'a cookie': withCookies,
    'a token': () => me({ authorization: `Bearer ${ways.token}` }),
    'an API key': () => me({ authorization: `Bearer ${ways.apiKey}` }),
  }
}

/** Ways in that were never anybody's. */
async function waysOfNobody({ cookies }: WaysIn): Promise<WaysIn> {
  const passkey = newAuthenticator({ origin: passkeyOrigin })
  // Registered nowhere: the options are answered, and the answer is not sent.
  const { browser } = await somebody('witness')
  passkey.register((await browser.mutate('auth.passkey.registerOptions')).data as never)
  const letters = 'A'.repeat(43)
  return {
    cookies: new Map(
      [...cookies].map(([name, value]) => [name, value.replace(/^(pln_\w+_)?[\w-]{43}$/, (_, kind = '') => `${kind}${letters}`)]),
    ),
    token: `pln_t_${letters}`,
    rememberToken: `pln_d_${letters}`,
    apiKey: newApiKey(),
    resetToken: `pln_r_${letters}`,
    mailToken: `pln_m_${letters}`,
    mailPending: `pln_ec_01991f0e-7b1c-7000-8000-000000000000_${letters}`,
    mailCode: '12345678',
    pendingToken: `pln_2_${letters}`,
    code: () => '123456',
    passkey,
  }
}

/** Each way in beside what it is answered when it leads nowhere, in an order in which none of them ends another but the two of one mail. */
const refusals: Record<string, number> = {
  'an API key': 401,
  'a token': 401,
  'a cookie': 401,
  'a passkey': 401,
  'a second factor': 401,
  'a remembered device': 401,
  'a code from a mail': 401,
  'a link from a mail': 400,
  'a password': 401,
  'a link for a new password': 400,
  'a request for a new password': 200,
}

test('T07 every way in that is tried below leads in while the account is there', async () => {
  for (const [name, used] of [
    ['dora', 'a link from a mail'],
    ['doris', 'a code from a mail'],
  ] as const) {
    const ways = attempts(`${name}@example.com`, await waysInOf(await somebody(name)))
    for (const what of Object.keys(refusals)) if (what !== used) expect([what, (await ways[what]?.())?.status]).toEqual([what, 200])
  }
})

const deleted = (id: string) =>
  ask(
    `SELECT u.*, (SELECT jsonb_agg(s ORDER BY id) FROM auth.sessions AS s WHERE user_id = u.id) AS sessions,
              (SELECT jsonb_agg(p ORDER BY id) FROM auth.passkeys AS p WHERE user_id = u.id) AS passkeys,
              (SELECT jsonb_agg(k ORDER BY id) FROM auth.api_keys AS k WHERE user_id = u.id) AS keys
       FROM auth.users AS u WHERE id = $1`,
    [id],
  )

test('T07 every way in to an account that was deleted is answered as one that was never anybody’s, and changes nothing of it', async () => {
  const dan = await somebody('dan')
  const ways = await waysInOf(dan)
  const nobody = attempts('nobody@example.com', await waysOfNobody(ways))
  const { id: teamId } = (await administrator.mutate('teams.create', { name: 'Blue', slug: 'blue' })).data as { id: string }
  await administrator.mutate('teams.invitation.create', { teamId, email: dan.email, role: 'MEMBER' })
  const invitation = await mailed(dan.email, /#token=(pln_i_[\w-]+)/)
  expect((await dan.browser.mutate('auth.account.deactivate')).status).toBe(200)
  await settled(installation.server)
  const [before, mails] = [await deleted(dan.id), (await installation.server.mailsTo(dan.email)).length]
  for (const [what, attempt] of Object.entries(attempts(dan.email, ways))) {
    const [answer, unknown] = [await attempt(), await nobody[what]?.()]
    expect([what, asSent(answer)]).toEqual([what, unknown && asSent(unknown)])
    expect([what, answer.status]).toEqual([what, refusals[what]])
  }
  const accepted = await open({ authorization: `Bearer ${ways.token}` }).mutate('teams.invitation.accept', { token: invitation })
  expect(asSent(accepted)).toEqual(asSent(await open().mutate('teams.invitation.accept', { token: invitation })))
  expect(await ask('SELECT accepted_at FROM teams.invitations WHERE team_id = $1', [teamId])).toEqual([{ accepted_at: null }])
  const [asked, unknown] = [await requestMail(dan.email), await requestMail('nobody@example.com')]
  expect(asked).toEqual(unknown)
  await settled(installation.server)
  expect((await installation.server.mailsTo(dan.email)).length).toBe(mails)
  expect(await deleted(dan.id)).toEqual(before)
})

/** The pending token is another each time. */
async function requestMail(email: string): Promise<unknown> {
  const { status, data } = await open().mutate('auth.emailSignIn.request', { email })
  return { status, shape: Object.entries(data as object).map(([key, value]) => [key, typeof value, String(value).length]) }
}

test('T07 whoever signs up with the address of an account that was deleted is somebody else, who has nothing of it', async () => {
  const [eve, owner] = [await somebody('eve'), await somebody('owner')]
  await joinEverything(owner, eve)
  const ways = await waysInOf(eve)
  expect((await eve.browser.mutate('auth.account.deactivate')).status).toBe(200)
  const again = await somebody('eve')
  expect(again.id).not.toBe(eve.id)
  for (const list of ['teams.list', 'auth.application.list', 'auth.apiKey.list', 'auth.passkey.list', 'auth.provider.listMine'])
    expect([list, (await again.browser.query(list, {})).data]).toEqual([list, { items: [], nextCursor: null }])
  expect((await again.browser.query('auth.totp.get')).data).toEqual({ confirmedAt: null })
  expect((await again.browser.query('auth.session.list', {})).data).toMatchObject({ items: [{ current: true }] })
  for (const table of ['auth.memberships', 'teams.members'])
    expect(await ask(`SELECT FROM ${table} WHERE user_id = $1`, [again.id])).toEqual([])
  const old = attempts(eve.email, ways)
  for (const what of Object.keys(refusals).filter((each) => !/password/.test(each)))
    expect([what, (await old[what]?.())?.status]).toEqual([what, refusals[what]])
})

/** Invites somebody to a team and to an application of one's own, and lets them accept. */
async function joinEverything({ browser: owner }: Known, { email, browser }: Known): Promise<void> {
  const { id: teamId } = (await owner.mutate('teams.create', { name: 'Red', slug: 'red' })).data as { id: string }
  const { id: applicationId } = (await owner.mutate('auth.application.create', { type: 'WEB', name: 'Shop' })).data as { id: string }
  await owner.mutate('teams.invitation.create', { teamId, email, role: 'MEMBER' })
  await owner.mutate('auth.applicationInvitation.create', { applicationId, email, role: 'ADMIN' })
  const joined = [
    await browser.mutate('teams.invitation.accept', { token: await mailed(email, /#token=(pln_i_[\w-]+)/) }),
    await browser.mutate('auth.applicationInvitation.accept', { token: await mailed(email, /#token=(pln_ai_[\w-]+)/) }),
  ]
  expect(joined.map(({ status }) => status)).toEqual([200, 200])
}

test.each([
  [
    'that its owner took back',
    async ({ browser, email }: Known) => {
      await browser.mutate('auth.account.deactivate')
      return open().mutate('auth.account.reactivate', { token: await mailed(email, /#token=(pln_ra_[\w-]+)/) })
    },
  ],
  [
    'that an administrator disabled and restored',
    async ({ id: userId }: Known) => {
      await administrator.mutate('auth.person.disable', { userId })
      return administrator.mutate('auth.person.restore', { userId })
    },
  ],
])('T07 of an account %s no session, key, remembered device or waiting sign-in comes back', async (how, bringBack) => {
  const known = await somebody(how.includes('owner') ? 'fred' : 'frida')
  const ways = attempts(known.email, await waysInOf(known))
  expect((await bringBack(known)).status).toBe(200)
  for (const what of [
    'an API key',
    'a token',
    'a cookie',
    'a remembered device',
    'a second factor',
    'a code from a mail',
    'a link from a mail',
  ])
    expect([what, (await ways[what]?.())?.status]).toEqual([what, refusals[what]])
  const alive = `SELECT FROM auth.sessions WHERE user_id = $1 AND revoked_at IS NULL UNION ALL SELECT FROM auth.api_keys WHERE user_id = $1 AND revoked_at IS NULL`
  expect(await ask(alive, [known.id])).toEqual([])
  expect((await ways['a password']?.())?.data).toMatchObject({ status: 'SECOND_FACTOR' })
})
