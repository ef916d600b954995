/** What mails tell to do, if it was not their reader who did it: it must be what helps. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { enrolApp } from '../../../test/authenticator-app.ts'
import { newAuthenticator } from '../../../test/authenticator.ts'
import { openBrowser, type Browser } from '../../../test/browser.ts'
import { eventually } from '../../../test/outbox.ts'
import { passkeyOrigin, registerKey, signInBy } from '../../../test/passkeys.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'

const password = 'nine lazy otters hum'
const endsSessions = `If it was not you, choose a new password, which ends every session and API key: ${passkeyOrigin}/forgot-password`
const stays = 'A new password takes away nothing that somebody added to sign in by'
let server: TestServer
let last = 0

beforeAll(async () => {
  server = await startTestServer({ env: { PUBLIC_URL: passkeyOrigin } })
})
afterAll(() => server?.stop())

interface Told {
  readonly does: (browser: Browser, email: string) => Promise<unknown>
  readonly subject: string
  /** What the mail says, beside what happened. */
  readonly says: readonly string[]
  readonly saysNot?: string
}

const key = () => newAuthenticator({ origin: passkeyOrigin })

const mails: Record<string, Told> = {
  'a passkey that was copied': {
    does: async (browser) => {
      const own = key()
      await registerKey(browser, own, 'own')
      await signInBy(openBrowser(server.url), own)
      expect((await signInBy(openBrowser(server.url), own, { counter: 1 })).status).toBe(401)
    },
    subject: 'A passkey of yours may have been copied',
    says: ['A new password does not stop a copy: sign in by something else, take the passkey away, and register it anew.'],
    saysNot: 'forgot-password',
  },
  'an app that was taken away': {
    does: async (browser) => {
      await enrolApp(browser)
      await browser.mutate('auth.totp.disable')
    },
    subject: 'A second factor was taken from your account',
    says: [endsSessions, 'Then sign in and enrol it anew.'],
  },
  'recovery codes that were made anew': {
    does: (browser) => browser.mutate('auth.recoveryCode.regenerate'),
    subject: 'Your recovery codes were made anew',
    says: [endsSessions, 'Then sign in and make new codes: whoever made these has seen them.'],
  },
  'a password that was changed': {
    does: (browser) => browser.mutate('auth.password.change', { currentPassword: password, password: 'ten brisk herons wade' }),
    subject: 'Your password was changed',
    says: [stays],
  },
  'a sign-in from elsewhere': {
    does: (_, email) => openBrowser(server.url, { 'user-agent': 'curl/8' }).mutate('auth.signIn', { email, password, delivery: 'TOKEN' }),
    subject: 'A new sign-in to your account',
    says: [endsSessions, stays],
  },
  'an account that was taken back': {
    does: async (browser, email) => {
      await browser.mutate('auth.account.deactivate')
      await openBrowser(server.url).mutate('auth.account.reactivate', { token: await server.tokenMailedTo(email, /pln_ra_/) })
    },
    subject: 'Your account is back',
    says: ['somebody reads your mail. Secure your mailbox, then choose a new password'],
  },
}

test.each(Object.entries(mails))('the mail about %s names what helps against it', async (_, { does, subject, says, saysNot }) => {
  const email = `told${++last}@example.com`
  await server.signUpAs(email, { password })
  const browser = openBrowser(server.url)
  await browser.mutate('auth.signIn', { email, password, delivery: 'COOKIE' })
  await does(browser, email)
  const mail = await eventually(async () => (await server.mailsTo(email)).find((each) => each.subject === subject))
  for (const words of says) expect(mail.text).toContain(words)
  if (saysNot !== undefined) expect(mail.text).not.toContain(saysNot)
})
