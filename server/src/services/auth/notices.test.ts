import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser } from '../../../test/browser.ts'
import { eventually } from '../../../test/outbox.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'

let server: TestServer

beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'
const signedInFrom = async (email: string, subject = 'A new sign-in to your account') =>
  (await server.mailsTo(email)).filter((mail) => mail.subject === subject)

test('the owner of an account is told of a sign-in from a place that is new, once, and never in the words of whoever signs in', async () => {
  const ada = await server.signUpAs('ada@example.com')
  const signIn = (agent: string) =>
    openBrowser(server.url, { 'user-agent': agent }).mutate('auth.signIn', { email: ada.email, password: ada.password, delivery: 'TOKEN' })
  await signIn(firefox)
  const [mail] = await eventually(async () => {
    const mails = await signedInFrom(ada.email)
    return mails.length > 0 && mails
  })
  expect(mail?.text).toContain('with Firefox on Linux, from 127.0.0.0/24.')

  await signIn(firefox)
  await signIn('Your account is locked, call evil.example Windows')
  const mails = await eventually(async () => {
    const all = await signedInFrom(ada.email)
    return all.length > 1 && all
  })
  expect(mails.map(({ text }) => text.includes('a program on Windows'))).toEqual([true, false])
  expect(mails.map(({ text }) => text).join()).not.toContain('evil.example')
})
