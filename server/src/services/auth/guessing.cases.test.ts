import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser, toldBy, type Answer } from '../../../test/browser.ts'
import { advance } from '../../../test/clock.ts'
import { query } from '../../../test/database.ts'
import { openGate } from '../../../test/gate.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'
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
const throttled = <T>(work: () => Promise<T>) => withThrottles(server.database.ownerUrl, work)
/** An address that nobody came from yet (198.18.0.0/15 is nobody's). */
const fresh = () => `198.18.${Math.floor(++last / 250)}.${last % 250}`
const from = (address: string, fetch?: typeof globalThis.fetch) => openBrowser(server.url, { 'x-forwarded-for': address }, fetch)
const signIn = (email: string, given: string, browser = from(fresh()), delivery = 'TOKEN') =>
  browser.mutate('auth.signIn', { email, password: given, delivery })

/** So many wrong guesses at once, each at whom and from where these say. */
function guesses(count: number, email: (index: number) => string, address: (index: number) => string): Promise<Answer[]> {
  const gate = openGate(count)
  return Promise.all(Array.from({ length: count }, (_, i) => signIn(email(i), wrong, from(address(i), gate))))
}

const wrongly = {
  status: 401,
  message: 'The email address or the password is wrong.',
  data: { code: 'UNAUTHORIZED', httpStatus: 401 },
}
const waiting = (retryAfterSeconds: number) => ({
  status: 429,
  message: 'Too many attempts. Try again later.',
  data: { code: 'TOO_MANY_REQUESTS', httpStatus: 429, details: { retryAfterSeconds } },
})

/** How many of the answers say each of these; whatever says anything else is a failure. */
function counted(answers: Answer[], seconds: number): { looked: number; waiting: number } {
  const held = answers.filter(({ status }) => status === 429)
  for (const answer of answers) expect(toldBy(answer)).toEqual(answer.status === 429 ? waiting(seconds) : wrongly)
  for (const { headers } of held) expect(headers.get('retry-after')).toBe(String(seconds))
  expect(answers.flatMap(({ setCookies }) => setCookies)).toEqual([])
  return { looked: answers.length - held.length, waiting: held.length }
}

/** What is kept of somebody that no guess may change: the password, and the sessions. */
async function kept(email: string) {
  const [row] = await ask(
    `SELECT u.updated_at, p.hash, p.changed_at, array(SELECT id::text FROM auth.sessions AS s WHERE s.user_id = u.id AND revoked_at IS NULL) AS sessions
     FROM auth.users AS u JOIN auth.passwords AS p ON p.user_id = u.id WHERE email = $1`,
    [email],
  )
  expect(row?.['sessions']).not.toEqual([])
  return row
}

async function traces(event: string, email: string): Promise<number> {
  return (
    await ask('SELECT FROM core.activity AS a JOIN auth.users AS u ON u.id = a.user_id WHERE event = $1 AND email = $2', [event, email])
  ).length
}

test('A07 of two hundred wrong guesses at once five are looked at, and each of the others leaves its trace', async () => {
  const email = 'guessed@example.com'
  await server.signUpAs(email, { password })
  const before = await kept(email)
  const answers = await throttled(() => guesses(200, () => email, fresh))
  expect(counted(answers, 2)).toEqual({ looked: 5, waiting: 195 })
  expect([await traces('auth.sign_in.failed', email), await traces('auth.sign_in.throttled', email)]).toEqual([5, 195])
  expect(await kept(email)).toEqual(before)
})

test('A04 after five of a hundred guesses from a hundred addresses a stranger waits, also with the right password, and the owner’s device does not', async () => {
  const email = 'besieged@example.com'
  await server.signUpAs(email, { password })
  const home = from(fresh())
  await signIn(email, password, home, 'COOKIE')
  const before = await kept(email)
  await throttled(async () => {
    expect(counted(await guesses(100, () => email, fresh), 2)).toEqual({ looked: 5, waiting: 95 })
    expect(toldBy(await signIn(email, password))).toEqual(waiting(2))
    expect(await kept(email)).toEqual(before)
    expect(await signIn(email, password, home, 'COOKIE')).toMatchObject({ status: 200, data: { me: { email } } })
  })
})

test('A04 whoever waits is let in with the right password when the pause is over, and not before', async () => {
  const email = 'patient@example.com'
  await server.signUpAs(email, { password })
  const { ownerUrl } = server.database
  await throttled(async () => expect(counted(await guesses(20, () => email, fresh), 2)).toEqual({ looked: 5, waiting: 15 }))
  await ask(`UPDATE auth.throttles SET blocked_until = core.clock() + interval '1 minute' WHERE blocked_until IS NOT NULL`)
  await advance(ownerUrl, 40_000)
  await throttled(async () => expect((await signIn(email, password)).status).toBe(429))
  await advance(ownerUrl, 20_000)
  await throttled(async () => expect((await signIn(email, password)).status).toBe(200))
})

test('A04 a device that is forged, or that another account is known on, waits as any stranger’s', async () => {
  const email = 'marked@example.com'
  const owner = await server.signUpAs(email, { password })
  await server.signUpAs('neighbour@example.com', { password })
  const [home, other, forged] = [from(fresh()), from(fresh()), from(fresh())]
  const first = await signIn(email, password, home, 'COOKIE')
  expect(first.setCookies[1]).toMatch(
    /^__Host-plinth_device=pln_d_[\w-]{22}\.[\w-]{43}; Max-Age=34560000; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
  )
  await home.mutate('auth.signOut')
  expect([...home.cookies.keys()]).toEqual(['__Host-plinth_device'])
  await signIn('neighbour@example.com', password, other, 'COOKIE')
  forged.cookies.set('__Host-plinth_device', `pln_d_${'A'.repeat(22)}.${'A'.repeat(43)}`)
  const before = await kept(email)
  await throttled(async () => {
    await guesses(20, () => email, fresh)
    for (const browser of [other, forged]) expect(toldBy(await signIn(email, password, browser))).toEqual(waiting(2))
    expect(await kept(email)).toEqual(before)
    const again = await signIn(email, password, home, 'COOKIE')
    // The marker stays what it was: its attempts are counted on.
    expect([again.status, again.setCookies[1]?.split(';')[0]]).toEqual([200, first.setCookies[1]?.split(';')[0]])
  })
  await throttled(async () => {
    await guesses(20, () => email, fresh)
    const change = { currentPassword: password, password: 'ten lazy otters hum along' }
    expect((await from(fresh()).mutate('auth.password.change', change, { authorization: `Bearer ${owner.token}` })).status).toBe(200)
  })
})

test('A05 of five hundred accounts one address may try thirty, however it forges the header that names it; then not even a right password helps', async () => {
  const email = 'sprayed@example.com'
  await server.signUpAs(email, { password })
  const before = await kept(email)
  const forging = (index: number) => `203.0.113.${index % 250}, 192.0.2.77`
  await throttled(async () => {
    const answers = await guesses(500, (index) => `spray${index}@example.com`, forging)
    expect(counted(answers, 600)).toEqual({ looked: 30, waiting: 470 })
    expect(toldBy(await signIn(email, password, from('192.0.2.77')))).toEqual(waiting(600))
    expect(await kept(email)).toEqual(before)
    expect((await signIn(email, password)).status).toBe(200)
  })
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
