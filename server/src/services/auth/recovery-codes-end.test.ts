/** Recovery codes stand in for a second factor: they go with the last one, whichever that is. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { enrolApp } from '../../../test/authenticator-app.ts'
import { openBrowser, toldBy } from '../../../test/browser.ts'
import { query } from '../../../test/database.ts'
import { passkeyOrigin, passkeyPassword as password, passkeyPerson, stepUpBy, type PasskeyPerson } from '../../../test/passkeys.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'

let server: TestServer
let last = 0

beforeAll(async () => {
  server = await startTestServer({ env: { PUBLIC_URL: passkeyOrigin } })
})
afterAll(() => server?.stop())

const open = () => openBrowser(server.url)

/** With a passkey, and ten codes. */
async function person(): Promise<PasskeyPerson & { readonly codes: readonly string[] }> {
  const made = await passkeyPerson(server, `codes${++last}@example.com`)
  expect((await stepUpBy(made.browser, made.key)).status).toBe(200)
  const { codes } = (await made.browser.mutate('auth.recoveryCode.regenerate')).data as { codes: string[] }
  return { ...made, codes }
}

/** Every row of a code that is left of this person, deleted ones too. */
const codesOf = async (email: string) =>
  (
    await query(
      server.database.ownerUrl,
      `SELECT FROM auth.verification_tokens AS t JOIN auth.users AS u ON u.id = user_id WHERE u.email = $1 AND purpose = 'RECOVERY_CODE'`,
      [email],
    )
  ).length

const pendingOf = async (email: string) => (await open().mutate('auth.signIn', { email, password, delivery: 'TOKEN' })).data

test('the codes of a person end with their last passkey, and are worth nothing for the factor that comes after it', async () => {
  const { email, browser, passkey, codes } = await person()
  expect(await codesOf(email)).toBe(10)
  const answer = await browser.mutate('auth.passkey.remove', { id: passkey.id })
  expect([answer.status, answer.data]).toEqual([200, { status: 'REMOVED' }])
  expect(await codesOf(email)).toBe(0)
  expect((await browser.query('auth.recoveryCode.count')).data).toEqual({ left: 0 })

  await enrolApp(browser)
  const waits = await pendingOf(email)
  expect(waits).toMatchObject({ status: 'SECOND_FACTOR', methods: ['TOTP'] })
  const { pendingToken } = waits as { pendingToken: string }
  expect(toldBy(await open().mutate('auth.secondFactor.recoveryCode', { pendingToken, code: codes[0] }))).toEqual({
    status: 401,
    message: 'The code is wrong, or the sign-in has taken too long.',
    data: { code: 'UNAUTHORIZED', httpStatus: 401 },
  })
})

test('the codes stay while there is another factor, and end with that', async () => {
  const { email, browser, passkey, codes } = await person()
  await enrolApp(browser)
  expect((await browser.mutate('auth.passkey.remove', { id: passkey.id })).status).toBe(200)
  expect(await codesOf(email)).toBe(10)
  const { pendingToken } = (await pendingOf(email)) as { pendingToken: string }
  expect((await open().mutate('auth.secondFactor.recoveryCode', { pendingToken, code: codes[0] })).status).toBe(200)
  expect((await browser.mutate('auth.totp.disable')).status).toBe(200)
  expect(await codesOf(email)).toBe(0)
})
