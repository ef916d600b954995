import { hash } from '@node-rs/argon2'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser, type Answer } from '../../../test/browser.ts'
import { query } from '../../../test/database.ts'
import { unevenness } from '../../../test/timing.ts'
import { startTestServer, type TestPerson, type TestServer } from '../../../test/server.ts'
import { withThrottles } from '../../../test/throttles.ts'

const password = 'nine lazy otters hum'
const wrong = 'eight lazy otters hum'
let server: TestServer
let last = 0

beforeAll(async () => {
  server = await startTestServer({ env: { TRUSTED_PROXIES: '1', PUBLIC_URL: 'https://plinth.example.com' } })
})
afterAll(() => server.stop())

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
/** Somebody's browser, at an address of its own (198.18.0.0/15 is nobody's). */
const elsewhere = (address = `198.18.${Math.floor(++last / 250)}.${last % 250}`) => openBrowser(server.url, { 'x-forwarded-for': address })
const signIn = (email: string, given: string, browser = elsewhere(), delivery = 'TOKEN') =>
  browser.mutate('auth.signIn', { email, password: given, delivery })
const withoutId = (answer: Answer) => answer.text.replace(/"requestId":"[^"]*"/, '')
const traces = async (event: string, { me }: TestPerson) =>
  (await ask('SELECT FROM core.activity WHERE event = $1 AND user_id = $2', [event, me.id])).length

const throttled = <T>(work: () => Promise<T>) => withThrottles(server.database.ownerUrl, work)

test('A02 a wrong password, an unknown address and accounts that are deleted, disabled, not verified or without a password are answered alike', async () => {
  const right = await server.signUpAs('right@example.com', { password })
  const deleted = await server.signUpAs('deleted@example.com', { password })
  const disabled = await server.signUpAs('disabled@example.com', { password })
  const passwordless = await server.signUpAs('passwordless@example.com', { password })
  await ask('UPDATE auth.passwords SET deleted_at = now() WHERE user_id = $1', [passwordless.me.id])
  await elsewhere().mutate('auth.signUp', { email: 'unverified@example.com', name: 'Ada', password })
  await ask('UPDATE auth.users SET deleted_at = now(), deletion_id = gen_random_uuid() WHERE id = $1', [deleted.me.id])
  await ask('UPDATE auth.users SET disabled_at = now() WHERE id = $1', [disabled.me.id])
  const answers = [await signIn('right@example.com', wrong)]
  for (const who of ['deleted', 'disabled', 'unverified', 'passwordless', 'unknown'])
    answers.push(await signIn(`${who}@example.com`, password))
  expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(401))
  expect(new Set(answers.map(withoutId)).size).toBe(1)
  expect(answers.flatMap(({ setCookies }) => setCookies)).toEqual([])
  expect(await traces('auth.sign_in.failed', right)).toBe(1)
  expect(await traces('auth.sign_in.failed', disabled)).toBe(1)
})

test('A02 the time of a refused sign-in does not tell whether there is an account', { retry: 3, timeout: 60_000 }, async () => {
  await server.signUpAs('timed@example.com', { password })
  await elsewhere().mutate('auth.signUp', { email: 'unproven@example.com', name: 'Ada', password })
  const attempts: [string, string][] = [
    ['timed@example.com', wrong],
    ['unknown@example.com', wrong],
    ['unproven@example.com', password],
  ]
  expect(
    await unevenness(
      attempts.map(
        ([email, given]) =>
          () =>
            signIn(email, given),
      ),
    ),
  ).toBeLessThanOrEqual(1.25)
})

test('S01 S02 S09 signing in gives a new token each time, in a cookie that only this server sees, and ends the session that came along', async () => {
  await server.signUpAs('cookie@example.com', { password })
  const browser = elsewhere()
  const planted = `pln_s_${'A'.repeat(43)}`
  browser.cookies.set('__Host-plinth_session', planted)
  const first = await signIn('cookie@example.com', password, browser, 'COOKIE')
  expect(first).toMatchObject({ status: 200, data: { token: null } })
  expect(first.setCookies).toHaveLength(2)
  expect(first.setCookies[0]).toMatch(/^__Host-plinth_session=pln_s_[\w-]{43}; /)
  expect(attributesOf(first)).toEqual(['HttpOnly', 'Max-Age=2592000', 'Path=/', 'SameSite=Lax', 'Secure'])
  const token = browser.cookies.get('__Host-plinth_session') ?? ''
  expect(token).not.toBe(planted)

  const second = await signIn('cookie@example.com', password, browser, 'COOKIE')
  expect(second.status).toBe(200)
  expect((await browser.query('auth.me')).status).toBe(200)
  for (const old of [planted, token]) {
    const other = elsewhere()
    other.cookies.set('__Host-plinth_session', old)
    expect((await other.query('auth.me')).status).toBe(401)
  }
})

test('S16 fifty sign-ins at once are fifty sessions of their own', async () => {
  const person = await server.signUpAs('fifty@example.com', { password })
  const answers = await Promise.all(Array.from({ length: 50 }, () => signIn('fifty@example.com', password)))
  expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(200))
  const tokens = new Set(answers.map(({ data }) => (data as { token: string }).token))
  expect(tokens.size).toBe(50)
  expect(await traces('auth.session.started', person)).toBe(51)
})

test('S16 with the throttle too, sign-ins at once are each answered or told to wait', async () => {
  await server.signUpAs('burst@example.com', { password })
  const answers = await throttled(() => Promise.all(Array.from({ length: 50 }, () => signIn('burst@example.com', password))))
  const statuses = answers.map(({ status }) => status)
  expect(new Set(statuses)).toEqual(new Set([200, 429]))
  for (const { status, headers } of answers) if (status === 429) expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
})

test('A07 of a hundred wrong guesses at once five are looked at, and each of the others leaves its trace', async () => {
  const person = await server.signUpAs('guessed@example.com', { password })
  const answers = await throttled(() => Promise.all(Array.from({ length: 100 }, () => signIn('guessed@example.com', wrong))))
  const refused = answers.filter(({ status }) => status === 429)
  expect(answers.filter(({ status }) => status === 401)).toHaveLength(5)
  expect(refused).toHaveLength(95)
  expect(refused[0]?.error?.data).toMatchObject({ code: 'TOO_MANY_REQUESTS', details: { retryAfterSeconds: 2 } })
  expect(await traces('auth.sign_in.failed', person)).toBe(5)
  expect(await traces('auth.sign_in.throttled', person)).toBe(95)
  await ask(`UPDATE auth.throttles SET blocked_until = core.clock() + interval '1 minute' WHERE blocked_until IS NOT NULL`)
  const held = await throttled(() => signIn('guessed@example.com', password))
  expect(held.status).toBe(429)
})

test('A04 whoever locks an account from everywhere does not lock its owner out of the devices that they signed in from', async () => {
  const owner = await server.signUpAs('besieged@example.com', { password })
  const home = elsewhere()
  const marked = await signIn('besieged@example.com', password, home, 'COOKIE')
  expect(marked.setCookies[1]).toMatch(
    /^__Host-plinth_device=pln_d_[\w-]{22}\.[\w-]{43}; Max-Age=34560000; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
  )
  await home.mutate('auth.signOut')
  expect([...home.cookies.keys()]).toEqual(['__Host-plinth_device'])
  const siege = await throttled(() => Promise.all(Array.from({ length: 20 }, () => signIn('besieged@example.com', wrong))))
  expect(siege.filter(({ status }) => status === 401)).toHaveLength(5)
  await ask(`UPDATE auth.throttles SET blocked_until = core.clock() + interval '1 minute' WHERE blocked_until IS NOT NULL`)
  await throttled(async () => {
    expect((await signIn('besieged@example.com', password)).status).toBe(429)
    const [forged, other] = [elsewhere(), elsewhere()]
    forged.cookies.set('__Host-plinth_device', `pln_d_${'A'.repeat(22)}.${'A'.repeat(43)}`)
    expect((await signIn('besieged@example.com', password, forged)).status).toBe(429)
    await server.signUpAs('neighbour@example.com', { password })
    await signIn('neighbour@example.com', password, other, 'COOKIE')
    expect((await signIn('besieged@example.com', password, other)).status).toBe(429)
    const again = await signIn('besieged@example.com', password, home, 'COOKIE')
    expect(again).toMatchObject({ status: 200, data: { me: { email: 'besieged@example.com' } } })
    // The marker stays what it was: its attempts are counted on.
    expect(again.setCookies[1]?.split(';')[0]).toBe(marked.setCookies[1]?.split(';')[0])
    await ask(`UPDATE auth.throttles SET blocked_until = core.clock() + interval '1 minute', count = 9`)
    const change = { currentPassword: password, password: 'ten lazy otters hum along' }
    const changed = await elsewhere().mutate('auth.password.change', change, { authorization: `Bearer ${owner.token}` })
    expect(changed.status).toBe(200)
  })
})

test('A05 one address may try thirty accounts, and forging the header that names it does not help', async () => {
  const spray = Array.from({ length: 60 }, (_, i) => {
    const browser = openBrowser(server.url, { 'x-forwarded-for': `203.0.113.${i}, 192.0.2.77` })
    return () => browser.mutate('auth.signIn', { email: `spray${i}@example.com`, password: wrong, delivery: 'TOKEN' })
  })
  const answers = await throttled(() => Promise.all(spray.map((attempt) => attempt())))
  expect(answers.filter(({ status }) => status === 401)).toHaveLength(30)
  expect(answers.filter(({ status }) => status === 429)).toHaveLength(30)
})

test('C07 in a batch each call counts', async () => {
  await server.signUpAs('batch@example.com', { password })
  const attempt = { json: { email: 'batch@example.com', password: wrong, delivery: 'TOKEN' } }
  const body = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [i, attempt]))
  const response = await throttled(() =>
    fetch(`${server.url}/trpc/${Array(10).fill('auth.signIn').join(',')}?batch=1`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin', 'x-forwarded-for': '198.19.0.1' },
      body: JSON.stringify(body),
    }),
  )
  const codes = ((await response.json()) as { error: { json: { data: { code: string } } } }[]).map(({ error }) => error.json.data.code)
  expect(codes.filter((code) => code === 'UNAUTHORIZED')).toHaveLength(5)
  expect(codes.filter((code) => code === 'TOO_MANY_REQUESTS')).toHaveLength(5)
})

test('a hash of older parameters is replaced when its owner signs in, and only then', async () => {
  const { me } = await server.signUpAs('older@example.com', { password })
  const stored = async () => (await ask<{ hash: string }>('SELECT hash FROM auth.passwords WHERE user_id = $1', [me.id]))[0]?.hash
  const old = await hash(password, { memoryCost: 12_288, timeCost: 1 })
  await ask('UPDATE auth.passwords SET hash = $1 WHERE user_id = $2', [old, me.id])
  expect((await signIn('older@example.com', wrong)).status).toBe(401)
  expect(await stored()).toBe(old)
  expect((await signIn('older@example.com', password)).status).toBe(200)
  expect(await stored()).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
  expect((await signIn('older@example.com', password)).status).toBe(200)
})

test('a sign-in is never answered twice from memory: its token is shown once', async () => {
  await server.signUpAs('key@example.com', { password })
  const headers = { 'idempotency-key': 'one-key-of-a-sign-in', 'x-plinth-device': 'a-device-of-its-own-1' }
  const send = () => elsewhere().mutate('auth.signIn', { email: 'key@example.com', password, delivery: 'TOKEN' }, headers)
  expect((await send()).status).toBe(200)
  expect(await send()).toMatchObject({ status: 409, error: { data: { code: 'ALREADY_DONE' } } })
  const kept = await ask<{ dump: string }>('SELECT row_to_json(k)::text AS dump FROM core.idempotency_keys AS k')
  expect(kept.map(({ dump }) => dump).join()).not.toMatch(/pln_[st]_/)
})

function attributesOf({ setCookies }: Answer): string[] {
  return (setCookies[0] ?? '').split('; ').slice(1).toSorted()
}
