/** Sessions that are ended while a remembered device is just signing in: whichever comes first, nothing is left that would let it in again. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser, toldBy, type Answer, type Browser } from '../../../test/browser.ts'
import { query } from '../../../test/database.ts'
import { hold } from '../../../test/held.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'

const password = 'nine lazy otters hum'
const nobody = { status: 401, message: 'Sign in first.', data: { code: 'UNAUTHORIZED', httpStatus: 401 } }
const notRemembered = { ...nobody, message: 'This device is not remembered any more. Sign in.' }
let server: TestServer
let last = 0

beforeAll(async () => {
  server = await startTestServer({ env: { PUBLIC_URL: 'https://plinth.example.com' } })
})
afterAll(() => server?.stop())

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const open = () => openBrowser(server.url)

interface Two {
  readonly id: string
  readonly owner: Browser
  /** Remembered; its session is still alive, and no longer in its hands. */
  readonly device: Browser
  readonly sessionId: string
}

async function two(): Promise<Two> {
  const email = `together${++last}@example.com`
  const { me } = await server.signUpAs(email, { password })
  const [owner, device] = [open(), open()]
  await owner.mutate('auth.signIn', { email, password, delivery: 'COOKIE' })
  const { data } = await device.mutate('auth.signIn', { email, password, delivery: 'COOKIE', remember: true })
  return { id: me.id, owner, device, sessionId: (data as { sessionId: string }).sessionId }
}

/** Has the second done when all of the first has happened but its commit. Gives what was answered, in this order. */
async function atTheSameTime(signsIn: () => Promise<Answer>, ends: () => Promise<Answer>) {
  // What a call did is written down last of all.
  await using held = await hold(server.database.ownerUrl, 'LOCK TABLE core.activity_origins IN EXCLUSIVE MODE')
  const first = signsIn()
  await held.waiting(1)
  const second = ends()
  await held.waiting(2)
  await held.release()
  const [begun, ended] = [await first, await second]
  return [
    [begun.status, (begun.data as { status?: string } | undefined)?.status],
    [ended.status, ended.data],
  ]
}

/** The remembered device signs in, while this is done. */
function whileItSignsIn({ device }: Two, ends: () => Promise<Answer>) {
  device.cookies.delete('__Host-plinth_session')
  return atTheSameTime(() => device.mutate('auth.remembered.signIn', { delivery: 'COOKIE' }), ends)
}

const tokensOf = async ({ id }: { readonly id: string }) =>
  (
    await ask(
      `SELECT FROM auth.verification_tokens WHERE user_id = $1 AND purpose = 'REMEMBERED' AND used_at IS NULL AND deleted_at IS NULL`,
      [id],
    )
  ).length
const livingOf = async ({ id }: Two) =>
  (await ask<{ kind: string }>('SELECT kind::text FROM auth.sessions WHERE user_id = $1 AND revoked_at IS NULL ORDER BY id', [id])).map(
    ({ kind }) => kind,
  )

test('S04 who ends their other sessions ends the one that a remembered device is just beginning', async () => {
  const who = await two()
  const { owner, device } = who
  const answers = await whileItSignsIn(who, () => owner.mutate('auth.session.revokeOthers'))
  // Of sign-up, the device's first and the device's new one.
  expect(answers).toEqual([
    [200, 'SIGNED_IN'],
    [200, { revoked: 3 }],
  ])
  expect(toldBy(await device.query('auth.me'))).toEqual(nobody)
  expect(toldBy(await device.mutate('auth.remembered.signIn', { delivery: 'COOKIE' }))).toEqual(notRemembered)
  expect((await owner.query('auth.me')).status).toBe(200)
  expect([await tokensOf(who), await livingOf(who)]).toEqual([0, ['COOKIE']])
})

test('S03 who ends the session of a remembered device has it forgotten, although it is just signing in', async () => {
  const who = await two()
  const { owner, device, sessionId } = who
  const answers = await whileItSignsIn(who, () => owner.mutate('auth.session.revoke', { sessionId }))
  expect(answers).toEqual([
    [200, 'SIGNED_IN'],
    [200, { revoked: 1 }],
  ])
  expect(await tokensOf(who)).toBe(0)
  expect(toldBy(await device.mutate('auth.remembered.signIn', { delivery: 'COOKIE' }))).toEqual(notRemembered)
})

test('S03 a tool that signs out is not remembered, although a copy of what it had is just signing in', async () => {
  const email = `together${++last}@example.com`
  const { me } = await server.signUpAs(email, { password })
  const { data } = await open().mutate('auth.signIn', { email, password, delivery: 'TOKEN', remember: true })
  const { token, rememberToken } = data as { token: string; rememberToken: string }
  const copy = (given: string) => open().mutate('auth.remembered.signIn', { token: given, delivery: 'TOKEN' })
  let next = ''
  const signsIn = async () => {
    const answer = await copy(rememberToken)
    next = (answer.data as { rememberToken: string }).rememberToken
    return answer
  }
  const signOut = () => openBrowser(server.url, { authorization: `Bearer ${token}` }).mutate('auth.signOut')
  expect(await atTheSameTime(signsIn, signOut)).toEqual([
    [200, 'SIGNED_IN'],
    [200, { status: 'SIGNED_OUT' }],
  ])
  expect(await tokensOf(me)).toBe(0)
  expect(toldBy(await copy(next))).toEqual(notRemembered)
})
