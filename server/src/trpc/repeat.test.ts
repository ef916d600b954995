import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openBrowser } from '../../test/browser.ts'
import { query } from '../../test/database.ts'
import { refusal } from '../../test/refusal.ts'
import { startTestServer, type TestServer } from '../../test/server.ts'
import { newTeam, person, type Somebody } from '../../test/teams.ts'

let server: TestServer
let anna: Somebody

beforeAll(async () => {
  server = await startTestServer()
  anna = await person(server, 'Anna')
})
afterAll(() => server.stop())

const under = (idempotencyKey: string) => ({ context: { idempotencyKey } })

test('a call that closed the door behind itself is answered the same when it comes again under its key', async () => {
  const team = await newTeam(anna)
  const key = under('the-key-of-a-deletion')
  const deleted = await anna.client.teams.delete.mutate({ teamId: team.id }, key)
  expect(await anna.client.teams.delete.mutate({ teamId: team.id }, key)).toEqual(deleted)
  const restored = await anna.client.teams.restore.mutate({ teamId: team.id }, under('the-key-of-a-restoration'))
  expect(await anna.client.teams.restore.mutate({ teamId: team.id }, under('the-key-of-a-restoration'))).toEqual(restored)
})

test('under another key, or with another input, it is refused as ever', async () => {
  const [team, other] = [await newTeam(anna), await newTeam(anna)]
  await anna.client.teams.delete.mutate({ teamId: team.id }, under('the-key-of-one-deletion'))
  await anna.client.teams.delete.mutate({ teamId: other.id })
  expect(await refusal(anna.client.teams.delete.mutate({ teamId: team.id }))).toMatchObject({ code: 'NOT_FOUND' })
  expect(await refusal(anna.client.teams.delete.mutate({ teamId: other.id }, under('the-key-of-one-deletion')))).toMatchObject({
    code: 'NOT_FOUND',
  })
})

test('the key of one person opens nothing to another', async () => {
  const ben = await person(server, 'Ben')
  const team = await newTeam(anna)
  await anna.client.teams.delete.mutate({ teamId: team.id }, under('the-key-of-anna-alone'))
  expect(await refusal(ben.client.teams.delete.mutate({ teamId: team.id }, under('the-key-of-anna-alone')))).toMatchObject({
    code: 'NOT_FOUND',
  })
})

test.each([
  ['an enormous list', '{"json":100000000,"meta":{"values":[["typed-array","Uint8Array"]],"v":1}}'],
  [
    'an enormous list beside what the door reads',
    '{"json":{"teamId":"TEAM","x":100000000},"meta":{"values":{"x":[["typed-array","Int8Array"]]},"v":1}}',
  ],
  ['a key that reaches a prototype', '{"json":{"teamId":"TEAM","constructor":1}}'],
])('%s behind a door that is closed is refused at once: no fingerprint is made of it', { retry: 3 }, async (_what, template) => {
  const team = await newTeam(anna)
  const { token } = await server.signUpAs(`stranger-${randomUUID()}@example.com`)
  const start = performance.now()
  const answer = await fetch(`${server.url}/trpc/teams.delete`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}`, 'idempotency-key': 'k'.repeat(20) },
    body: template.replace('TEAM', team.id),
  })
  expect(answer.status).toBe(400)
  expect(performance.now() - start).toBeLessThan(500)
})

describe('a call that changes who the caller is has its effect once', () => {
  const password = 'nine lazy otters hum'
  const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)

  /** Sends a call as a client does whose first answer was lost: the same bytes, the same credential, the same key. */
  const twice = async (procedure: string, input: unknown, headers: Record<string, string>) => {
    const browser = openBrowser(server.url, { 'idempotency-key': randomUUID(), ...headers })
    const send = async () => {
      const { status, data, error } = await browser.mutate(procedure, input)
      return { status, data, code: error?.data.code }
    }
    return [await send(), await send()] as const
  }
  const livingSessions = async (userId: string) =>
    (await ask('SELECT FROM auth.sessions WHERE user_id = $1 AND revoked_at IS NULL', [userId])).length

  test.each([
    ['a tool, which has its token', (token: string) => ({ authorization: `Bearer ${token}` })],
    ['a client, which says its device', (token: string) => ({ authorization: `Bearer ${token}`, 'x-plinth-device': randomUUID() })],
  ])('for %s', async (_who, headersOf) => {
    const email = `${randomUUID()}@example.com`
    const { token, me } = await server.signUpAs(email, { password })
    const again = { email, password, delivery: 'TOKEN' }

    const signIns = await twice('auth.signIn', again, headersOf(token))
    expect(signIns).toMatchObject([{ status: 200 }, { status: 409, code: 'ALREADY_DONE' }])
    expect(await livingSessions(me.id)).toBe(1)

    const second = (signIns[0].data as { token: string }).token
    const changes = await twice('auth.password.change', { currentPassword: password, password: 'ten lazy otters hum' }, headersOf(second))
    expect(changes).toMatchObject([{ status: 200 }, { status: 409, code: 'ALREADY_DONE' }])
    expect(await livingSessions(me.id)).toBe(1)

    const { token: third, sessionId } = changes[0].data as { token: string; sessionId: string }
    const revocations = await twice('auth.session.revoke', { sessionId }, headersOf(third))
    expect(revocations).toMatchObject([{ data: { revoked: 1 } }, { data: { revoked: 1 } }])
  })

  test('signing out is answered alike when it comes again', async () => {
    const { token } = await server.signUpAs(`${randomUUID()}@example.com`, { password })
    const answers = await twice('auth.signOut', undefined, { authorization: `Bearer ${token}` })
    expect(answers).toMatchObject([{ data: { status: 'SIGNED_OUT' } }, { data: { status: 'SIGNED_OUT' } }])
  })

  test('a browser that has its new cookie and not the rest of the answer signs in once', async () => {
    const email = `${randomUUID()}@example.com`
    const { me } = await server.signUpAs(email, { password })
    const [first, second] = await twice('auth.signIn', { email, password, delivery: 'COOKIE' }, { 'x-plinth-device': randomUUID() })
    expect([first.status, second.code]).toEqual([200, 'ALREADY_DONE'])
    expect(await livingSessions(me.id)).toBe(2)
  })

  test('who is signed out and asks for something else, or under another key, is told to sign in', async () => {
    const { token, client } = await server.signUpAs(`${randomUUID()}@example.com`, { password })
    const { items } = await client.auth.session.list.query({})
    const sessionId = items[0]?.id ?? ''
    const headers = { authorization: `Bearer ${token}`, 'idempotency-key': 'the-key-of-a-revocation' }
    const browser = openBrowser(server.url, headers)
    expect((await browser.mutate('auth.session.revoke', { sessionId })).status).toBe(200)
    const others = [
      await browser.mutate('auth.session.revoke', { sessionId: randomUUID() }),
      await browser.mutate('auth.session.revoke', { sessionId }, { 'idempotency-key': 'another-key-of-another' }),
      await browser.mutate('teams.create', { name: 'Team', slug: 'some-team' }),
    ]
    expect(others.map(({ error }) => error?.data.code)).toEqual(['UNAUTHORIZED', 'UNAUTHORIZED', 'UNAUTHORIZED'])
  })
})
