/** Bodies that are too large, too deep, or lie about what they hold: refused as what they are, before anything is done. */
import { decode, encode } from '@plinth/client/transformer'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { answerOf, openBrowser, toldBy, type Answer } from '../browser.ts'
import { query } from '../database.ts'
import { bareFetch, openGate } from '../gate.ts'
import { startTestServer, type TestServer } from '../server.ts'
import { withThrottles } from '../throttles.ts'
import { fastest } from '../timing.ts'
import { exchange } from '../wire.ts'

const password = 'nine lazy otters hum'
const email = 'ada@example.com'
const headers = { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin' }
let server: TestServer
let userId: string

beforeAll(async () => {
  server = await startTestServer({ env: { PUBLIC_URL: 'https://plinth.example.com' } })
  userId = (await server.signUpAs(email, { password })).me.id
})
afterAll(() => server.stop())

const ask = <R extends Record<string, unknown>>(sql: string, values: unknown[] = []) => query<R>(server.database.ownerUrl, sql, values)
const post = (body: string, path = 'auth.signIn', fetch = bareFetch) =>
  fetch(`${server.url}/trpc/${path}`, { method: 'POST', headers, body })
const answerTo = async (body: string): Promise<Answer> => answerOf(await post(body))
const refusal = (status: number, code: string, message: string, details?: object) => ({
  status,
  message,
  data: { code, ...(details && { details }), httpStatus: status },
})
const tooLarge = refusal(413, 'PAYLOAD_TOO_LARGE', 'A request to this procedure holds at most 64 kB.')
const unreadable = refusal(400, 'BAD_REQUEST', 'The request cannot be read, or holds too many calls.', { fields: {} })
const unfit = 'The input is not what this procedure takes.'
const faultyInput = (fault: string) => refusal(400, 'BAD_REQUEST', unfit, { fields: { input: [fault] } })
const right = { email, password, delivery: 'COOKIE' }

/** What a sign-in leaves, right or wrong. */
const traces = async () =>
  ask(`SELECT event, count(*)::int AS count FROM core.activity WHERE event LIKE 'auth.s%' AND user_id = $1 GROUP BY event ORDER BY event`, [
    userId,
  ])

/** Nobody tried to sign in, and no session began or ended. */
async function signsNobodyIn(attempts: () => Promise<void>): Promise<void> {
  const state = async () => [await traces(), await ask('SELECT id, revoked_at FROM auth.sessions ORDER BY id')]
  const before = await state()
  await attempts()
  expect(await state()).toEqual(before)
}

describe('a batch', () => {
  const guess = (index: number) => ({ json: { email, password: `guess number ${index} of many`, delivery: 'TOKEN' } })
  const batchOf = (size: number, from = 0) => ({
    path: `${Array(size).fill('auth.signIn').join(',')}?batch=1`,
    body: JSON.stringify(Object.fromEntries(Array.from({ length: size }, (_, index) => [index, guess(from + index)]))),
  })
  const codesOf = (answers: unknown) => (answers as { error: never }[]).map(({ error }) => (decode(error) as Answer['error'])?.data.code)

  test('C07 of fifty sign-ins is refused as a whole, and so is one of eleven: no password is looked at', () =>
    signsNobodyIn(async () => {
      for (const size of [50, 11]) {
        const { path, body } = batchOf(size)
        expect(toldBy(await answerOf(await post(body, path)))).toEqual(unreadable)
      }
      const wide = `${Array(11).fill('auth.signIn').join(',')}?batch=1`
      expect(toldBy(await answerOf(await post(JSON.stringify({ 0: { json: right } }), wide)))).toEqual(unreadable)
      expect(await ask('SELECT FROM auth.throttles')).toEqual([])
    }))

  test('C07 counts by its calls: of two hundred guesses in twenty batches at one moment five are looked at', async () => {
    const fetch = openGate(20)
    const answers = await withThrottles(server.database.ownerUrl, async () =>
      Promise.all(
        Array.from({ length: 20 }, async (_, index) => {
          const { path, body } = batchOf(10, index * 10)
          return (await post(body, path, fetch)).json()
        }),
      ),
    )
    const codes = answers.flatMap(codesOf)
    expect([codes.filter((code) => code === 'UNAUTHORIZED').length, codes.filter((code) => code === 'TOO_MANY_REQUESTS').length]).toEqual([
      5, 195,
    ])
    expect(await traces()).toEqual([
      { event: 'auth.session.started', count: 1 },
      { event: 'auth.sign_in.failed', count: 5 },
      { event: 'auth.sign_in.throttled', count: 195 },
    ])
    await ask('DELETE FROM auth.throttles')
  })
})

describe('a body', () => {
  const megabyte = JSON.stringify({ json: { ...right, password: 'x'.repeat(1024 * 1024) } })

  test('C09 of a megabyte is 413 by its announced length, unread, and the connection closes', () =>
    signsNobodyIn(async () => {
      for (const length of [64 * 1024 + 1, 1024 * 1024, 1e15]) {
        const { head, body } = await call(`content-length: ${length}\r\n\r\n`)
        expect(head).toMatch(/^HTTP\/1\.1 413 [^]*connection: close/i)
        expect(toldBy({ status: 413, error: decode(JSON.parse(body).error) } as Answer)).toEqual(tooLarge)
      }
    }))

  test('C09 that announces no length is 413 as soon as it is too long, also from twenty at once, and memory stays flat', () =>
    signsNobodyIn(async () => {
      const before = process.memoryUsage().rss
      const answers = await Promise.all(Array.from({ length: 20 }, () => call('transfer-encoding: chunked\r\n\r\n', chunks(megabyte))))
      for (const { head, body } of answers) {
        expect(head).toMatch(/^HTTP\/1\.1 413 [^]*connection: close/i)
        expect(toldBy({ status: 413, error: decode(JSON.parse(body).error) } as Answer)).toEqual(tooLarge)
      }
      expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024)
    }))

  test.each([
    ['lists in lists', `{"json":${'['.repeat(20_000)}${']'.repeat(20_000)}}`],
    ['objects in objects', `{"json":${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}}`],
    ['lists in lists in a field', JSON.stringify({ json: right }).replace(`"${password}"`, `${'['.repeat(20_000)}${']'.repeat(20_000)}`)],
    ['annotations in annotations', `{"json":{},"meta":{"values":${'{"a":["set",'.repeat(3_000)}{}${']}'.repeat(3_000)}}}`],
    ['brackets that never close', `{"json":${'['.repeat(60_000)}`],
  ])('C11 of %s is 400 in less than 200 ms', (_what, body) =>
    signsNobodyIn(async () => {
      expect(toldBy(await answerTo(body))).toEqual(unreadable)
      expect(await fastest(5, () => answerTo(body))).toBeLessThan(200)
    }),
  )

  test('C11 of a hundred thousand keys is 413, and of as many as fit 400, in less than 200 ms', () =>
    signsNobodyIn(async () => {
      const wide = (keys: number) =>
        JSON.stringify({ json: Object.fromEntries(Array.from({ length: keys }, (_, index) => [`k${index}`, 1])) })
      const [tooWide, fitting] = [wide(100_000), wide(5_000)]
      expect(toldBy(await answerTo(tooWide))).toEqual(tooLarge)
      const { status, error } = await answerTo(fitting)
      const { fields = {} } = (error?.data.details ?? {}) as { fields?: object }
      expect([status, error?.message, error?.data.code, Object.keys(fields).length]).toEqual([400, unfit, 'BAD_REQUEST', 50])
      for (const body of [tooWide, fitting]) expect(await fastest(5, () => answerTo(body))).toBeLessThan(200)
    }))

  test.each([
    { meta: { values: { '__proto__.x': ['Date'] } } },
    { meta: { values: { 'constructor.prototype.x': ['Date'] } } },
    { meta: { values: { 'email.__proto__.x': ['undefined'] } } },
    { meta: { values: { ['__proto__']: { x: ['bigint'] } } } },
    { meta: { values: [['set', { '__proto__.x': ['Date'] }]] } },
  ])('C12 with annotations of a prototype is 400 and changes none: %j', (more) =>
    signsNobodyIn(async () => {
      expect(toldBy(await answerTo(JSON.stringify({ json: right, ...more })))).toEqual(unreadable)
      await isUnchanged()
    }),
  )

  test.each(['__proto__', 'constructor'])('C12 with a key %s is 400 and changes no prototype', (key) =>
    signsNobodyIn(async () => {
      const polluting = `{"${key}":{"x":1,"prototype":{"x":1}}`
      for (const body of [`{"json":${polluting},"email":"a"}}`, `{"json":{"email":${polluting}}}}`]) {
        expect(toldBy(await answerTo(body))).toEqual(unreadable)
        await isUnchanged()
      }
    }),
  )

  test.each([{ email: ['__proto__.x'] }, { email: ['constructor.prototype.x'] }, { '__proto__.x': ['email'] }, [['__proto__.x', 'email']]])(
    'C12 whose references lead to a prototype is taken as it stands, and changes none: %j',
    async (referentialEqualities) => {
      const { status, data } = await answerTo(JSON.stringify({ json: right, meta: { referentialEqualities, v: 1 } }))
      expect([status, data]).toMatchObject([200, { me: { email } }])
      await isUnchanged()
    },
  )

  /** Neither here, where the server runs, nor in what it answers next. */
  async function isUnchanged(): Promise<void> {
    expect([({} as Record<string, unknown>)['x'], Object.keys(Object.prototype)]).toEqual([undefined, []])
    expect(toldBy(await openBrowser(server.url).query('auth.me'))).toEqual(refusal(401, 'UNAUTHORIZED', 'Sign in first.'))
    expect((await openBrowser(server.url).query('auth.provider.list')).text).toBe('{"result":{"data":{"json":{"items":[]}}}}')
  }
})

describe('an address or a password', () => {
  const strange: [string, unknown][] = [
    ['a Date', new Date(0)],
    ['a Map', new Map([['a', 1]])],
    ['a Set', new Set([email])],
    ['a bigint', 7n],
    ['NaN', Number.NaN],
    ['infinite', Number.POSITIVE_INFINITY],
    ['undefined', undefined],
    ['null', null],
    ['a number', 7],
    ['true', true],
    ['a list', [email]],
    ['an empty object', {}],
    ['an operator', { $ne: '' }],
    ['an object that looks like a string', { length: 5, toString: email }],
  ]

  test.each(strange)('C13 that is %s is 400 at its field', (_what, value) =>
    signsNobodyIn(async () => {
      for (const field of ['email', 'password']) {
        const answer = await answerTo(JSON.stringify(encode({ ...right, [field]: value })))
        expect(toldBy(answer)).toEqual(refusal(400, 'BAD_REQUEST', unfit, { fields: { [field]: [expect.any(String)] } }))
      }
    }),
  )

  test.each([
    ['regexp', '/a+/'],
    ['Error', { name: 'x', message: 'y' }],
    ['URL', 'http://a'],
    ['symbol', 'a'],
    ['Date', 7],
    ['bigint', 'x'],
    ['number', '7'],
    ['map', 'x'],
    ['set', {}],
    ['nonsense', 'x'],
  ])('C13 that is annotated as %s, which no input is made of, is 400', (kind, value) =>
    signsNobodyIn(async () => {
      for (const field of ['email', 'password']) {
        const body = { json: { ...right, [field]: value }, meta: { values: { [field]: [kind] }, v: 1 } }
        expect(toldBy(await answerTo(JSON.stringify(body)))).toEqual(unreadable)
      }
    }),
  )

  test.each<[string, object]>([
    ['null', unreadable],
    ['hello', unreadable],
    ['{"json":', unreadable],
    ...['7', '"text"', 'true', '[]', '[1]', ''].map((body): [string, object] => [body, faultyInput('is missing')]),
    ['{"json":[]}', faultyInput('Invalid input: expected object, received array')],
    ['{"json":null}', faultyInput('Invalid input: expected object, received null')],
  ])('C13 that is not there, for the body is %s, is 400', (body, told) =>
    signsNobodyIn(async () => expect(toldBy(await answerTo(body))).toEqual(told)),
  )
})

/** A body in chunks of 16 kB, and its end. */
function chunks(text: string): string {
  const parts = text.match(/[^]{1,16384}/g) ?? []
  return `${parts.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`).join('')}0\r\n\r\n`
}

/** Sends a sign-in in its own words, and gives the head and the body of what came back before the connection was closed. */
async function call(rest: string, body = ''): Promise<{ head: string; body: string }> {
  const head = `POST /trpc/auth.signIn HTTP/1.1\r\nhost: x\r\nsec-fetch-site: same-origin\r\ncontent-type: application/json\r\n`
  const [said = '', told = ''] = (await exchange(server.url, head + rest + body)).split('\r\n\r\n')
  return { head: said, body: told }
}
