import { afterAll, beforeAll, expect, test } from 'vitest'
import { enrolApp, type AuthenticatorApp } from '../../../test/authenticator-app.ts'
import { newAuthenticator, type Authenticator } from '../../../test/authenticator.ts'
import { openBrowser, toldBy, type Answer, type Browser } from '../../../test/browser.ts'
import { query } from '../../../test/database.ts'
import { registerKey, signInBy } from '../../../test/passkeys.ts'
import { publicUrl, startInstallation, type Installation } from '../../../test/providers/installation.ts'

const password = 'nine lazy otters hum'
const remembered = '__Host-plinth_remembered'
let installation: Installation
let last = 0

beforeAll(async () => {
  installation = await startInstallation()
})
afterAll(() => installation.stop())

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) =>
  query<R>(installation.server.database.ownerUrl, sql, values)
const open = (headers?: Record<string, string>) => openBrowser(installation.server.url, headers)
const mailed = (email: string, about: RegExp) => installation.server.tokenMailedTo(email, about)

/** Somebody who waits in an account of the victim’s address, with everything that lets one in. */
interface Attacker {
  readonly userId: string
  readonly email: string
  readonly browser: Browser
  readonly remembered: string
  readonly apiKey: string
  readonly app: AuthenticatorApp
  readonly recoveryCode: string
  readonly passkey: Authenticator
  readonly pendingToken: string
  /** What they are at the other provider. */
  readonly subject: string
}

/** No door gives an account that nobody has proven any of this: it is made of one that was proven, and then never was. */
async function attackerIn(email: string): Promise<Attacker> {
  const { me } = await installation.server.signUpAs(email, { name: 'Mallory', password })
  const browser = open()
  await browser.mutate('auth.signIn', { email, password, delivery: 'COOKIE', remember: true })
  const { key: apiKey } = (await browser.mutate('auth.apiKey.create', { name: 'x', scopes: ['teams.*'] })).data as { key: string }
  const subject = `mallory-${(last += 1)}`
  installation.other.person = { sub: subject, email: `${subject}@example.com`, email_verified: true, name: 'Mallory' }
  const { given } = await installation.come(browser, { by: 'auth.provider.link', provider: 'other' })
  expect((await browser.mutate('auth.provider.finish', given)).data).toMatchObject({ status: 'LINKED' })
  const app = await enrolApp(browser)
  const [recoveryCode = ''] = ((await browser.mutate('auth.recoveryCode.regenerate')).data as { codes: string[] }).codes
  const passkey = newAuthenticator({ origin: publicUrl })
  expect((await registerKey(browser, passkey, 'x')).status).toBe(200)
  const waiting = await open().mutate('auth.signIn', { email, password, delivery: 'COOKIE' })
  const { pendingToken } = waiting.data as { pendingToken: string }
  await ask('UPDATE auth.users SET email_verified_at = NULL WHERE id = $1', [me.id])
  await ask(`SELECT pg_notify('plinth_revoked', 'u:' || $1)`, [me.id])
  const device = browser.cookies.get(remembered) ?? ''
  return { userId: me.id, email, browser, remembered: device, apiKey, app, recoveryCode, passkey, pendingToken, subject }
}

/** Every way by which they try to be in the victim’s account, and what they are told. */
const attacks: Record<string, [message: string, attack: (attacker: Attacker) => Promise<Answer>]> = {
  'the password': [
    'The email address or the password is wrong.',
    ({ email }) => open().mutate('auth.signIn', { email, password, delivery: 'COOKIE' }),
  ],
  'the session': ['Sign in first.', ({ browser }) => browser.query('auth.me')],
  'the remembered device': [
    'This device is not remembered any more. Sign in.',
    ({ remembered: token }) => {
      const browser = open()
      browser.cookies.set(remembered, token)
      return browser.mutate('auth.remembered.signIn', { delivery: 'COOKIE' })
    },
  ],
  'the API key': ['Sign in first.', ({ apiKey }) => open({ authorization: `Bearer ${apiKey}` }).query('teams.list', {})],
  'the pending sign-in': [
    'The code is wrong, or the sign-in has taken too long.',
    ({ pendingToken, app }) => open().mutate('auth.secondFactor.totp', { pendingToken, code: app.code(1) }),
  ],
  'a recovery code': [
    'The code is wrong, or the sign-in has taken too long.',
    ({ pendingToken, recoveryCode: code }) => open().mutate('auth.secondFactor.recoveryCode', { pendingToken, code }),
  ],
  'the passkey': ['The passkey is unknown here, or the sign-in took too long. Begin again.', ({ passkey }) => signInBy(open(), passkey)],
}

const left = (userId: string) =>
  ask(
    `SELECT (SELECT count(*)::int FROM auth.passwords WHERE user_id = $1 AND deleted_at IS NULL) AS passwords,
            (SELECT count(*)::int FROM auth.totp_factors WHERE user_id = $1) AS apps,
            (SELECT count(*)::int FROM auth.passkeys WHERE user_id = $1 AND deleted_at IS NULL) AS passkeys,
            (SELECT count(*)::int FROM auth.sessions WHERE user_id = $1 AND revoked_at IS NULL) AS sessions,
            (SELECT count(*)::int FROM auth.api_keys WHERE user_id = $1 AND revoked_at IS NULL) AS keys,
            array(SELECT purpose::text FROM auth.verification_tokens WHERE user_id = $1 AND used_at IS NULL AND deleted_at IS NULL) AS tokens,
            array(SELECT provider FROM auth.oauth_accounts WHERE user_id = $1 AND deleted_at IS NULL) AS links`,
    [userId],
  )

/** By which the owner of the address comes; what is theirs then. */
const ways: Record<string, { links: string[]; come(email: string, browser: Browser): Promise<Answer> }> = {
  'a link by mail': {
    links: [],
    async come(email, browser) {
      await browser.mutate('auth.emailSignIn.request', { email })
      return browser.mutate('auth.emailSignIn.byLink', { token: await mailed(email, /type this code/), delivery: 'COOKIE' })
    },
  },
  'a code by mail': {
    links: [],
    async come(email, browser) {
      const { pendingToken } = (await browser.mutate('auth.emailSignIn.request', { email })).data as { pendingToken: string }
      await mailed(email, /type this code/)
      const [mail] = (await installation.server.mailsTo(email)).filter(({ text }) => text.includes('type this code'))
      const code = /type this code: (\d{8})$/m.exec(mail?.text ?? '')?.[1]
      return browser.mutate('auth.emailSignIn.byCode', { pendingToken, code, delivery: 'COOKIE' })
    },
  },
  'a provider that vouches for the address': {
    links: ['company'],
    async come(email, browser) {
      installation.company.person = { sub: `owner of ${email}`, email, email_verified: true, name: 'Victoria' }
      return browser.mutate('auth.provider.finish', (await installation.come(browser)).given)
    },
  },
}

test.each(Object.entries(ways))(
  'A15 who waits in an account has nothing of it when its owner comes by %s',
  async (_way, { come, links }) => {
    const email = `victim${(last += 1)}@example.com`
    const attacker = await attackerIn(email)
    const victim = open()
    const answer = await come(email, victim)
    expect([answer.status, answer.data]).toMatchObject([
      200,
      { status: 'SIGNED_IN', me: { id: attacker.userId, email, emailVerified: true } },
    ])
    expect(answer.text).not.toContain('Mallory')
    // The mail about what the owner came by can take it back.
    const tokens = links.map(() => 'FACTOR_UNDO')
    expect(await left(attacker.userId)).toEqual([{ passwords: 0, apps: 0, passkeys: 0, sessions: 1, keys: 0, tokens, links }])
    for (const [by, [message, attack]] of Object.entries(attacks)) {
      const tried = await attack(attacker)
      expect(toldBy(tried), by).toEqual({ status: 401, message, data: { code: 'UNAUTHORIZED', httpStatus: 401 } })
      expect(tried.setCookies.join(), by).not.toMatch(/session=pln/)
    }
    installation.other.person = { sub: attacker.subject, email: `${attacker.subject}@example.com`, email_verified: true, name: 'Mallory' }
    const elsewhere = open()
    const byProvider = await elsewhere.mutate('auth.provider.finish', (await installation.come(elsewhere, { provider: 'other' })).given)
    expect((byProvider.data as { me: { id: string } }).me.id).not.toBe(attacker.userId)
    expect((await victim.query('auth.me')).data).toMatchObject({ id: attacker.userId, email })
  },
)
