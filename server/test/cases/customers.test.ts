/** Whom a guess is counted as behind one proxy: two hundred guesses at two hundred accounts, over HTTP. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { openBrowser, toldBy, type Answer } from '../browser.ts'
import { query } from '../database.ts'
import { openGate } from '../gate.ts'
import { startTestServer, type TestServer } from '../server.ts'
import { withThrottles } from '../throttles.ts'

const wrong = {
  status: 401,
  message: 'The email address or the password is wrong.',
  data: { code: 'UNAUTHORIZED', httpStatus: 401 },
}
let server: TestServer
let last = 0

beforeAll(async () => {
  server = await startTestServer({ env: { TRUSTED_PROXIES: '1' } })
})
afterEach(() => query(server.database.ownerUrl, 'DELETE FROM auth.throttles'))
afterAll(() => server.stop())

/** Guesses at an account of its own for each of these callers, all at one moment. */
function guessAs(callers: readonly string[]): Promise<Answer[]> {
  const fetch = openGate(callers.length)
  const guess = (forwarded: string) =>
    openBrowser(server.url, { 'x-forwarded-for': forwarded }, fetch).mutate('auth.signIn', {
      email: `customer${++last}@example.com`,
      password: 'a guess as good as any',
      delivery: 'TOKEN',
    })
  return withThrottles(server.database.ownerUrl, () => Promise.all(callers.map(guess)))
}

const numbered = (count: number, name: (index: number) => string) => Array.from({ length: count }, (_, index) => name(index))
const looked = async () => (await query(server.database.ownerUrl, `SELECT FROM core.activity WHERE event = 'auth.sign_in.failed'`)).length

test.each<[string, (index: number) => string]>([
  ['that forges what stands before the proxy’s word', (index) => `203.0.113.${index}, 10.0.0.${index}, 192.0.2.7`],
  [
    'that is spelt in every way',
    (index) =>
      ['192.0.2.8', '::ffff:192.0.2.8', '::FFFF:c000:0208', '::ffff:c000:208', '0:0:0:0:0:ffff:192.0.2.8', '192.0.2.8:4711'][index % 6] ??
      '',
  ],
  ['of one network of IPv6', (index) => `2001:db8:0:7:${index.toString(16)}::${(index * 7).toString(16)}`],
  [
    'of IPv6 that is spelt in every way',
    (index) =>
      ['2001:db8:0:9::1', '2001:0db8:0000:0009:0000:0000:0000:0001', '2001:DB8:0:9:0:0:0:1', '[2001:db8:0:9::1]:4711'][index % 4] ?? '',
  ],
  ['that says nothing an address could be', (index) => `caller-${index}`],
])('C19 of two hundred guesses at one moment by a caller %s, thirty are looked at', async (_how, caller) => {
  const before = await looked()
  const answers = await guessAs(numbered(200, caller))
  const [seen, held] = [answers.filter(({ status }) => status === 401), answers.filter(({ status }) => status !== 401)]
  expect([seen.length, held.length]).toEqual([30, 170])
  for (const answer of seen) expect(toldBy(answer)).toEqual(wrong)
  for (const answer of held) {
    expect([answer.status, answer.error?.data.code, Number(answer.headers.get('retry-after')) > 0]).toEqual([
      429,
      'TOO_MANY_REQUESTS',
      true,
    ])
  }
  expect((await looked()) - before).toBe(30)
})

test('C19 callers from everywhere are counted by themselves: none waits for the guesses of another', async () => {
  const answers = await guessAs(numbered(40, (index) => (index % 2 ? `198.18.0.${index + 1}` : `2001:db8:1:${index.toString(16)}::1`)))
  for (const answer of answers) expect(toldBy(answer)).toEqual(wrong)
})
