import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser, type Browser } from '../../../test/browser.ts'
import { query } from '../../../test/database.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'
import { issueToken, setUpCode, tokenFor } from './index.ts'

const password = 'nine lazy otters hum'
let server: TestServer
let browser: Browser

beforeAll(async () => {
  server = await startTestServer()
  browser = openBrowser(server.url)
})
afterAll(() => server.stop())

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const signIn = (email: string, given = password) => browser.mutate('auth.signIn', { email, password: given, delivery: 'TOKEN' })
const usersWith = (email: string) => ask<{ id: string; name: string }>('SELECT * FROM auth.users WHERE email = $1', [email])

test('of two codes, printed by processes that started at once, used at the same moment, one makes an administrator', async () => {
  for (let round = 1; round <= 5; round += 1) {
    const ids = []
    // The codes of two processes: in one process a new code ends the other.
    for (const subject of ['', 'another process']) ids.push(await issueToken({ purpose: 'SETUP', subject, ttlMs: 60_000 }))
    const uses = ids.map((id, i) =>
      browser.mutate('auth.setUp', { code: tokenFor('SETUP', id), email: `boss${i}-${round}@example.com`, name: 'Boss', password }),
    )
    expect((await Promise.all(uses)).map(({ status }) => status).toSorted()).toEqual([200, 400])
    expect(await ask(`SELECT FROM auth.users WHERE role = 'ADMIN'`)).toHaveLength(1)
    await ask(`UPDATE auth.users SET role = 'USER'`)
  }
  expect(await setUpCode()).not.toBeNull()
})

test('the first administrator is made by the code from the log, once', async () => {
  const [row] = await ask<{ id: string }>(
    `SELECT id FROM auth.verification_tokens WHERE purpose = 'SETUP' AND used_at IS NULL AND deleted_at IS NULL`,
  )
  const code = tokenFor('SETUP', row?.id ?? '')
  expect(await setUpCode()).toBe(code)
  const attacker = await server.signUpAs('boss@example.com', { password: 'mallory was here first' })
  const setUp = (given: string, email = 'boss@example.com') => browser.mutate('auth.setUp', { code: given, email, name: 'Boss', password })
  expect(await setUp('pln_setup_guess')).toMatchObject({ status: 400, error: { data: { code: 'INVALID_TOKEN' } } })
  const answers = await Promise.all(Array.from({ length: 10 }, () => setUp(code)))
  expect(answers.map(({ status }) => status).toSorted()).toEqual([200, ...Array(9).fill(400)])
  expect(await ask(`SELECT email FROM auth.users WHERE role = 'ADMIN'`)).toEqual([{ email: 'boss@example.com' }])
  expect((await browser.query('auth.me', undefined, { authorization: `Bearer ${attacker.token}` })).status).toBe(401)
  expect((await signIn('boss@example.com', 'mallory was here first')).status).toBe(401)
  expect(await signIn('boss@example.com')).toMatchObject({ status: 200, data: { me: { role: 'ADMIN' } } })
  expect(
    await ask(
      `SELECT FROM core.activity WHERE event = 'auth.administrator.created' AND user_id = (SELECT id FROM auth.users WHERE email = 'boss@example.com')`,
    ),
  ).toHaveLength(1)
  expect(await setUpCode()).toBeNull()
  const late = tokenFor('SETUP', await issueToken({ purpose: 'SETUP', subject: '', ttlMs: 60_000 }))
  expect((await setUp(late, 'second@example.com')).status).toBe(400)
  expect(await usersWith('second@example.com')).toEqual([])
})
