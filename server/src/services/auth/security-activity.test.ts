import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser } from '../../../test/browser.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'

let server: TestServer

beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

test('a person sees what happened to their account, also what others tried, and nothing of anybody else', async () => {
  const [ada, bob] = [await server.signUpAs('ada@example.com'), await server.signUpAs('bob@example.com')]
  await openBrowser(server.url, { 'user-agent': 'a guesser' }).mutate('auth.signIn', {
    email: ada.email,
    password: 'not it',
    delivery: 'TOKEN',
  })
  await server.client(bob.token).auth.signOut.mutate()

  const { items } = await server.client(ada.token).auth.account.activity.query({})
  expect(items.map(({ event }) => event)).toEqual([
    'auth.sign_in.failed',
    'auth.session.started',
    'auth.email.verified',
    'auth.email_verification.requested',
    'auth.user.created',
  ])
  expect(items[0]).toMatchObject({ byMe: false, addressPrefix: '127.0.0.0/24', userAgent: 'a guesser' })
  expect(items.every(({ userId }) => userId === ada.me.id)).toBe(true)
})

test('it comes in pages, newest first', async () => {
  const eve = await server.signUpAs('eve@example.com')
  const list = server.client(eve.token).auth.account.activity
  const first = await list.query({ limit: 3 })
  const second = await list.query({ limit: 3, ...(first.nextCursor !== null && { cursor: first.nextCursor }) })
  expect([first.items.length, second.items.length, second.nextCursor]).toEqual([3, 1, null])
})
