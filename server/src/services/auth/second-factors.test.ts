import { afterAll, beforeAll, expect, test } from 'vitest'
import { appWith, enrolApp } from '../../../test/authenticator-app.ts'
import { newAuthenticator } from '../../../test/authenticator.ts'
import { openBrowser, type Browser } from '../../../test/browser.ts'
import { eventually } from '../../../test/outbox.ts'
import { passkeyOrigin, passkeyPassword, passkeyPerson, registerKey, stepUpBy } from '../../../test/passkeys.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'

let server: TestServer
let last = 0

beforeAll(async () => {
  server = await startTestServer({ env: { PUBLIC_URL: passkeyOrigin } })
})
afterAll(() => server.stop())

const address = () => `factors${++last}@example.com`
const overview = async (browser: Browser) => (await browser.query('auth.account.secondFactors')).data
const makeCodes = (browser: Browser) => browser.mutate('auth.recoveryCode.regenerate')

/** Somebody with a password alone. */
async function person(): Promise<{ email: string; browser: Browser }> {
  const [email, browser] = [address(), openBrowser(server.url)]
  await server.signUpAs(email, { password: passkeyPassword })
  await browser.mutate('auth.signIn', { email, password: passkeyPassword, delivery: 'COOKIE' })
  return { email, browser }
}

const mailAbout = (email: string, subject: string) =>
  eventually(async () => (await server.mailsTo(email)).find((mail) => mail.subject === subject)?.text)

test('whoever registers a passkey is told how many recovery codes they have: none, or those that they made', async () => {
  const { browser, key, passkey, email } = await passkeyPerson(server, address())
  expect(passkey).toMatchObject({ name: 'first', recoveryCodesLeft: 0 })
  expect(await mailAbout(email, 'A passkey was added to your account')).toContain('you have no recovery codes')
  await stepUpBy(browser, key)
  await makeCodes(browser)
  const second = await registerKey(browser, newAuthenticator({ origin: passkeyOrigin }), 'second')
  expect(second.data).toMatchObject({ name: 'second', recoveryCodesLeft: 10 })
})

test('whoever confirms an authenticator app is told the same', async () => {
  const { browser, email } = await person()
  const { secret } = (await browser.mutate('auth.totp.enrol')).data as { secret: string }
  const told = (await browser.mutate('auth.totp.confirm', { code: appWith(secret).code() })).data
  expect(told).toMatchObject({ status: 'SIGNED_IN', recoveryCodesLeft: 0 })
  expect(await mailAbout(email, 'A second factor was added to your account')).toContain('you have no recovery codes')
})

test('whoever has codes is told by mail that there is nothing to do, until the last of them is used', async () => {
  const { browser, email } = await person()
  const { codes } = (await makeCodes(browser)).data as { codes: string[] }
  await enrolApp(browser)
  const added = await mailAbout(email, 'A second factor was added to your account')
  expect([added?.includes('there is nothing to do'), added?.includes('recovery codes')]).toEqual([true, false])
  for (const code of codes) await browser.mutate('auth.stepUp.recoveryCode', { code })
  const used = await eventually(async () => {
    const mails = (await server.mailsTo(email)).filter(({ subject }) => subject === 'A recovery code of your account was used')
    return mails.length === 10 && mails
  })
  expect(used.filter(({ text }) => text.includes('you have no recovery codes'))).toHaveLength(1)
})

test('one question gives what stands between a person and a lost device, and nobody else is told', async () => {
  const { browser } = await person()
  expect(await overview(browser)).toEqual({ passkeys: 0, totp: false, recoveryCodesLeft: 0 })
  const key = newAuthenticator({ origin: passkeyOrigin })
  await registerKey(browser, key, 'key')
  expect(await overview(browser)).toEqual({ passkeys: 1, totp: false, recoveryCodesLeft: 0 })
  await stepUpBy(browser, key)
  await enrolApp(browser)
  await makeCodes(browser)
  expect(await overview(browser)).toEqual({ passkeys: 1, totp: true, recoveryCodesLeft: 10 })
  expect((await openBrowser(server.url).query('auth.account.secondFactors')).status).toBe(401)
})

test('an app that was never confirmed is no second factor, and needs nothing that stands in for it', async () => {
  const { browser } = await person()
  await browser.mutate('auth.totp.enrol')
  expect(await overview(browser)).toMatchObject({ totp: false })
})

test('recovery codes go with the last second factor, a passkey too, so that old ones are not counted as help for the next', async () => {
  const { browser, key, passkey } = await passkeyPerson(server, address())
  await stepUpBy(browser, key)
  await makeCodes(browser)
  await browser.mutate('auth.passkey.remove', { id: passkey.id })
  expect(await overview(browser)).toEqual({ passkeys: 0, totp: false, recoveryCodesLeft: 0 })
  expect((await registerKey(browser, newAuthenticator({ origin: passkeyOrigin }), 'next')).data).toMatchObject({ recoveryCodesLeft: 0 })
})
