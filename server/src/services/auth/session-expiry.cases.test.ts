/** When sessions end by themselves, by calls over HTTP while the clock is moved. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { settleSessions } from './index.ts'
import { openBrowser, toldBy } from '../../../test/browser.ts'
import { advance, advanceInSteps } from '../../../test/clock.ts'
import { query } from '../../../test/database.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'

const password = 'nine lazy otters hum'
const [second, minute, hour, day] = [1_000, 60_000, 3_600_000, 86_400_000]
const nobody = { status: 401, message: 'Sign in first.', data: { code: 'UNAUTHORIZED', httpStatus: 401 } }
let server: TestServer
let last = 0

beforeAll(async () => {
  server = await startTestServer({ env: { PUBLIC_URL: 'https://plinth.example.com' } })
})
afterAll(() => server.stop())

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const pass = (ms: number) => advance(server.database.ownerUrl, ms)

type Kind = 'COOKIE' | 'TOKEN'
type Role = 'USER' | 'ADMIN'

interface SignedIn {
  /** One use of the session: the person, or what is told to nobody. */
  readonly use: () => Promise<unknown>
  /** When it ends if it is not used, and when at the latest, in milliseconds from its start. */
  readonly ends: () => Promise<{ idle: number; absolute: number } | undefined>
  readonly email: string
}

/** Somebody of this role with a new session, in a browser or in a tool. */
async function signedIn(role: Role, kind: Kind = 'COOKIE'): Promise<SignedIn> {
  const email = `expiry${++last}@example.com`
  const { me } = await server.signUpAs(email, { password })
  await ask('UPDATE auth.users SET role = $1::auth.user_role WHERE id = $2', [role, me.id])
  const browser = openBrowser(server.url)
  const { sessionId, token } = (await browser.mutate('auth.signIn', { email, password, delivery: kind })).data as SessionStarted
  const headers = kind === 'TOKEN' ? { authorization: `Bearer ${token}` } : {}
  const ends = async () =>
    (
      await ask<{ idle: number; absolute: number }>(
        `SELECT (extract(epoch FROM idle_expires_at - authenticated_at) * 1000)::float8 AS idle,
                (extract(epoch FROM expires_at - authenticated_at) * 1000)::float8 AS absolute
         FROM auth.sessions WHERE id = $1 AND revoked_at IS NULL`,
        [sessionId],
      )
    )[0]
  const use = async () => {
    const answer = await browser.query('auth.me', undefined, headers)
    await settleSessions()
    return answer.status === 200 ? (answer.data as { email: string }).email : toldBy(answer)
  }
  return { use, ends, email }
}

interface SessionStarted {
  readonly sessionId: string
  readonly token: string | null
}

test.each<[Role, Kind, number, number]>([
  ['USER', 'COOKIE', 14 * day, 30 * day],
  ['USER', 'TOKEN', 14 * day, 30 * day],
  ['ADMIN', 'COOKIE', hour, day],
  ['ADMIN', 'TOKEN', hour, day],
])(
  'S08 a session of a %s, by %s, is alive a minute before it was idle for too long, and has ended a second after it was',
  async (role, kind, idle, absolute) => {
    const [early, late] = [await signedIn(role, kind), await signedIn(role, kind)]
    expect(await late.ends()).toEqual({ idle, absolute })
    await pass(idle - minute)
    expect(await early.use()).toBe(early.email)
    await pass(minute + second)
    expect(await late.use()).toEqual(nobody)
    expect(await early.use()).toBe(early.email)
    expect(await late.ends()).toEqual({ idle, absolute })
  },
)

test.each<[string, Role, number, number]>([
  ['every minute has ended after a day all the same, where that is its limit', 'ADMIN', minute, day],
  ['twice a day has ended after thirty days all the same', 'USER', 12 * hour, 30 * day],
])('S08 a session that is used %s', { timeout: 180_000 }, async (_what, role, step, absolute) => {
  const session = await signedIn(role)
  const useIt = async () => expect(await session.use()).toBe(session.email)
  await advanceInSteps(server.database.ownerUrl, step, absolute / step - 1, useIt)
  await pass(step + second)
  expect(await session.use()).toEqual(nobody)
  expect(await session.ends()).toEqual({ idle: absolute, absolute })
})
