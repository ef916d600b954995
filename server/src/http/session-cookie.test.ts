import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { COOKIE, startEdge, type Edge } from '../../test/edge.ts'

let edge: Edge
beforeAll(async () => {
  edge = await startEdge()
  edge.sessions.add('cookie-anna')
  edge.sessions.add('token-anna')
})
afterAll(() => edge.stop())

const same = { 'sec-fetch-site': 'same-origin' }
const empty = { method: 'POST', headers: { 'content-type': 'application/json', ...same } }

describe('the cookie', () => {
  test('S09 has every attribute that keeps it ours, and none that widens it', async () => {
    const answer = await edge.call('signIn', empty)
    expect(answer.headers.getSetCookie()).toEqual([`${COOKIE}=cookie-token; Max-Age=3600; Path=/; HttpOnly; Secure; SameSite=Lax`])
  })

  test('S09 is taken away with the same attributes', async () => {
    expect((await edge.call('signOut', empty)).headers.getSetCookie()).toEqual([
      `${COOKIE}=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax`,
    ])
  })

  test('is set from within a batch as well', async () => {
    const answer = await edge.call('note,signIn?batch=1', { ...empty, body: '{"0":{"json":{}}}' })
    expect(answer.headers.getSetCookie()).toHaveLength(1)
  })

  test('over plain http is one that browsers take there', async () => {
    const lan = await startEdge({ PUBLIC_URL: 'http://192.168.1.7:3000' })
    expect((await lan.call('signIn', empty)).headers.getSetCookie()).toEqual([
      'plinth_session=cookie-token; Max-Age=3600; Path=/; HttpOnly; SameSite=Lax',
    ])
    await lan.stop()
  })
})

describe('a credential', () => {
  const statusWith = async (headers: Record<string, string>) => (await edge.call('whoAmI', { headers: { ...same, ...headers } })).status

  test('S11 is taken in its own channel, and not in the other', async () => {
    expect(await statusWith({ cookie: `${COOKIE}=cookie-anna` })).toBe(200)
    expect(await statusWith({ authorization: 'Bearer token-anna' })).toBe(200)
    expect(await statusWith({ cookie: `${COOKIE}=token-anna` })).toBe(401)
    expect(await statusWith({ authorization: 'Bearer cookie-anna' })).toBe(401)
  })

  test('S11 in both channels at once is refused, whether valid or not', async () => {
    for (const [cookie, bearer] of [
      ['cookie-anna', 'token-anna'],
      ['cookie-anna', 'x'],
      ['x', 'token-anna'],
      ['', 'x'],
    ]) {
      expect(await statusWith({ cookie: `${COOKIE}=${cookie}`, authorization: `Bearer ${bearer}` })).toBe(400)
    }
  })

  test('of a malformed kind is none', async () => {
    const malformed: Record<string, string>[] = [
      { authorization: 'token-anna' },
      { authorization: 'Basic dG9rZW4tYW5uYTo=' },
      { authorization: 'Bearer' },
      { cookie: 'plinth_session=cookie-anna' },
      { cookie: `other=${COOKIE}=cookie-anna` },
    ]
    for (const headers of malformed) expect(await statusWith(headers)).toBe(401)
  })

  test('is looked up once per request, however many calls it has', async () => {
    const before = edge.sessions.lookups
    await edge.call(`${Array(10).fill('whoAmI').join(',')}?batch=1`, { headers: { authorization: 'Bearer token-anna' } })
    expect(edge.sessions.lookups - before).toBe(1)
  })
})
