import { connect } from 'node:net'
import { isAppError } from '@plinth/client'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startEdge, type Edge } from '../../test/edge.ts'
import { eventually } from '../../test/outbox.ts'
import { executed } from '../../test/fixtures/edge-router.ts'
import { fastest } from '../../test/timing.ts'

let edge: Edge
beforeAll(async () => {
  edge = await startEdge()
})
afterAll(() => edge.stop())
beforeEach(() => {
  executed.length = 0
  edge.lines.length = 0
})

const get = (path: string, input?: unknown) =>
  edge.call(`${path}${input === undefined ? '' : `?input=${encodeURIComponent(JSON.stringify(input))}`}`)
const errorOf = async (response: Response) => (await response.json()).error.json
const post = (path: string, body: string) => edge.call(path, { method: 'POST', body, headers: { 'content-type': 'application/json' } })

describe('a fault of ours', () => {
  test.each(['fail.unexpectedly', 'fail.withText', 'fail.inItsOutput'])(
    'C16 %s is masked, and logged once with the request id',
    async (path) => {
      const answer = await get(path)
      const text = await answer.text()
      expect(answer.status).toBe(500)
      expect(JSON.parse(text).error.json).toEqual({
        message: 'Something went wrong on our side.',
        code: -32603,
        data: { code: 'INTERNAL', requestId: answer.headers.get('x-request-id'), path, httpStatus: 500 },
      })
      expect(text).not.toMatch(/hunter2|stack|\.ts|node_modules|ECONNREFUSED|anna/)
      const faults = edge.lines.filter(({ level }) => level === 'error')
      expect(faults).toHaveLength(1)
      expect(faults[0]).toMatchObject({ requestId: answer.headers.get('x-request-id'), procedure: path })
      expect(JSON.stringify(faults)).not.toContain('anna@example.com')
    },
  )

  test('a mutation whose result does not fit is masked as well', async () => {
    const answer = await edge.call('fail.inItsOutputAfterwards', { method: 'POST', headers: { 'content-type': 'application/json' } })
    expect(answer.status).toBe(500)
    expect(await answer.text()).not.toMatch(/hunter2|count/)
  })
})

describe('a faulty input', () => {
  test('names each field, nested ones and unknown ones too', async () => {
    const input = { text: 1, members: [{ role: 'OWNER' }, { role: 'KING', extra: true }], isAdmin: true }
    const answer = await edge.call('note', { input })
    expect(answer.status).toBe(400)
    expect(await errorOf(answer)).toMatchObject({
      message: 'The input is not what this procedure takes.',
      data: {
        code: 'BAD_REQUEST',
        details: {
          fields: {
            text: [expect.any(String)],
            'members.1.role': [expect.any(String)],
            'members.1.extra': ['is not known'],
            isAdmin: ['is not known'],
          },
        },
      },
    })
    expect(executed).toEqual([])
  })

  test('says of a field that is not there that it is missing', async () => {
    const answer = await edge.call('wait', { input: {} })
    expect((await errorOf(answer)).data.details.fields).toEqual({ ms: ['is missing'] })
  })

  test('of the wrong kind altogether is named as the input', async () => {
    for (const input of [null, 7, 'text', [], true]) {
      const answer = await edge.call('note', { input })
      expect(answer.status).toBe(400)
      expect((await errorOf(answer)).data.details.fields).toHaveProperty('input')
    }
  })

  test.each([
    ['Date', '{"json":{"text":"2020-01-01"},"meta":{"values":{"text":["Date"]}}}'],
    ['RegExp', '{"json":{"text":"/a+/"},"meta":{"values":{"text":["regexp"]}}}'],
    ['Map', '{"json":{"text":[["a",1]]},"meta":{"values":{"text":["map"]}}}'],
    ['Set', '{"json":{"text":[1]},"meta":{"values":{"text":["set"]}}}'],
    ['bigint', '{"json":{"text":"1"},"meta":{"values":{"text":["bigint"]}}}'],
    ['NaN', '{"json":{"text":"NaN"},"meta":{"values":{"text":["number"]}}}'],
    ['Error', '{"json":{"text":{"name":"x","message":"y"}},"meta":{"values":{"text":["Error"]}}}'],
    ['URL', '{"json":{"text":"http://a"},"meta":{"values":{"text":["URL"]}}}'],
    ['symbol', '{"json":{"text":"a"},"meta":{"values":{"text":[["symbol","a"]]}}}'],
    ['class', '{"json":{"text":{}},"meta":{"values":{"text":[["class","Object"]]}}}'],
    ['custom', '{"json":{"text":{}},"meta":{"values":{"text":[["custom","x"]]}}}'],
    ['typed array', '{"json":{"text":100000000},"meta":{"values":{"text":[["typed-array","Uint8Array"]]},"v":1}}'],
    ['typed array for the whole', '{"json":100000000,"meta":{"values":[["typed-array","Uint8Array"]],"v":1}}'],
    ['an endless list', '{"json":{"members":[]},"meta":{"values":{"members.4294967294":["undefined"]},"v":1}}'],
    ['20,000 levels', `{"json":${'['.repeat(20_000)}${']'.repeat(20_000)}}`],
    ['unknown annotation', '{"json":{"text":"a"},"meta":{"values":{"text":["nonsense"]}}}'],
    ['annotation on nothing', '{"json":{"text":"a"},"meta":{"values":{"no.such.place":["Date"]}}}'],
    ['annotation that is no list', '{"json":{"text":"a"},"meta":{"values":7}}'],
    ['invalid date', '{"json":{"at":"nonsense"},"meta":{"values":{"at":["Date"]}}}'],
    ['a bigint of 50,000 digits', `{"json":{"text":"${'9'.repeat(50_000)}"},"meta":{"values":{"text":["bigint"]}}}`],
    ['no envelope', '{"text":"a"}'],
    ['a list for an envelope', '[1]'],
    ['half a JSON', '{"json":{"text":'],
    ['no JSON', 'hello'],
  ])('C13 conjured as %s is 400 at once, never 500, and nothing is done', async (_kind, body) => {
    const answer = await post('note', body)
    expect([answer.status, (await errorOf(answer)).data.code]).toEqual([400, 'BAD_REQUEST'])
    expect(await fastest(5, () => post('note', body))).toBeLessThan(200)
    expect(executed).toEqual([])
  })

  test('C13 whose annotations refer to each other in a circle is taken as it stands', async () => {
    const answer = await post('note', '{"json":{"text":"a"},"meta":{"referentialEqualities":{"":["text"]}}}')
    expect([answer.status, (await answer.json()).result.data.json]).toEqual([200, { number: 1, input: { text: 'a' } }])
    expect(executed.map(({ input }) => input)).toEqual([{ text: 'a' }])
  })

  test.each([
    ['in the JSON', '{"json":{"text":"a","__proto__":{"polluted":true}}}'],
    ['constructor.prototype in the JSON', '{"json":{"constructor":{"prototype":{"polluted":true}}}}'],
    ['nested in the JSON', '{"json":{"members":[{"role":"OWNER","__proto__":{"polluted":true}}]}}'],
    ['in the path of an annotation', '{"json":{"text":"a"},"meta":{"values":{"__proto__.polluted":["bigint"]}}}'],
    [
      'constructor.prototype in the path of an annotation',
      '{"json":{"text":"a"},"meta":{"values":{"constructor.prototype.polluted":["Date"]}}}',
    ],
    ['as the envelope', '{"__proto__":{"json":{"text":"a"}}}'],
    ['in the tree of annotations', '{"json":{"text":"a"},"meta":{"values":{"__proto__":{"polluted":["Date"]}}}}'],
  ])('C12 with __proto__ %s is 400 and pollutes nothing', async (_where, body) => {
    for (const answer of [await post('note', body), await edge.call(`echo?input=${encodeURIComponent(body)}`)]) {
      expect([answer.status, (await errorOf(answer)).data.code]).toEqual([400, 'BAD_REQUEST'])
      await isUnpolluted()
    }
    expect(executed).toEqual([])
  })

  test('C12 with __proto__ in a reference is taken as it stands and pollutes nothing', async () => {
    const body = '{"json":{"text":"a"},"meta":{"referentialEqualities":{"text":["__proto__.polluted"]}}}'
    expect((await (await post('note', body)).json()).result.data.json).toEqual({ number: 1, input: { text: 'a' } })
    await isUnpolluted()
  })

  async function isUnpolluted(): Promise<void> {
    expect([({} as Record<string, unknown>)['polluted'], Object.keys(Object.prototype)]).toEqual([undefined, []])
    expect((await (await get('echo', { json: { text: 'after' } })).json()).result.data.json).toEqual({ text: 'after' })
  }

  test('of 60 levels that refer to each other is not unfolded', async () => {
    const levels = 60
    const json = Object.fromEntries(Array.from({ length: levels }, (_, level) => [`l${level}`, [0, 0]]))
    const referentialEqualities = Object.fromEntries(
      Array.from({ length: levels - 1 }, (_, level) => [`l${level}`, [`l${level + 1}.0`, `l${level + 1}.1`]]),
    )
    const body = JSON.stringify({ json, meta: { referentialEqualities, v: 1 } })
    expect((await post('note', body)).status).toBe(400)
    expect(await fastest(5, () => post('note', body))).toBeLessThan(200)
  })
})

describe('what is not there', () => {
  test.each([
    '/trpc/no.such',
    '/trpc/',
    '/trpc',
    '/nothing',
    '/trpc/__proto__',
    '/trpc/constructor',
    '/trpc/toString',
    '/%00',
    '/dev/mail',
    '/trpc/%E0%A4%A',
  ])('C16 %s is answered in the one shape', async (path) => {
    const answer = await fetch(edge.url + path)
    expect([400, 404]).toContain(answer.status)
    expect(await answer.json()).toMatchObject({
      error: { json: { message: expect.any(String), data: { code: expect.any(String), requestId: expect.any(String) } } },
    })
  })
})

describe('a refusal', () => {
  test('reaches the client with its code and details, typed', async () => {
    const error = await edge
      .client()
      .fail.withConflict.mutate()
      .catch((thrown: unknown) => thrown)
    if (!isAppError(error, 'CONFLICT')) throw new Error('expected a CONFLICT')
    const reason: 'NAME_TAKEN' | string = error.data.details.reason
    expect([error.message, reason, error.data.details.field, error.data.path]).toEqual([
      'The slug is taken.',
      'NAME_TAKEN',
      'slug',
      'fail.withConflict',
    ])
    expect(isAppError(error, 'NOT_FOUND')).toBe(false)
    expect(isAppError(error)).toBe(true)
  })

  test('with a wait says so in Retry-After, alone and in a batch', async () => {
    const alone = await get('fail.whileBusy')
    expect([alone.status, alone.headers.get('retry-after')]).toEqual([503, '7'])
    const batch = await edge.call(`echo,fail.whileBusy?batch=1&input=${encodeURIComponent('{"0":{"json":{}}}')}`)
    expect([batch.status, batch.headers.get('retry-after')]).toEqual([207, '7'])
    expect(await batch.json()).toMatchObject([
      { result: {} },
      { error: { json: { data: { code: 'UNAVAILABLE', details: { retryAfterSeconds: 7 } } } } },
    ])
  })

  test('is none of the database when the caller hangs up in the middle of its body', async () => {
    const { hostname, port } = new URL(edge.url)
    const socket = connect(Number(port), hostname)
    socket.write('POST /trpc/note HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{"json":')
    setTimeout(() => socket.destroy(), 100)
    await eventually(() => edge.lines.length > 0)
    expect(edge.lines).toMatchObject([{ level: 'info', msg: 'request', status: 400 }])
    expect(executed).toEqual([])
  })

  test('is no error in the log', async () => {
    await edge.call('note', { input: { unknown: true } })
    expect(edge.lines.filter(({ level }) => level === 'error' || level === 'warn')).toEqual([])
  })
})

describe('the doors', () => {
  beforeAll(() => {
    edge.sessions.add('token-user', { emailVerified: false })
    edge.sessions.add('token-verified')
    edge.sessions.add('token-admin', { role: 'ADMIN' })
  })
  const statusAs = async (path: string, token?: string) => {
    const answer = await edge.call(path, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } })
    return answer.ok ? 'in' : (await errorOf(answer)).data.code
  }

  test.each([
    ['whoAmI', ['UNAUTHORIZED', 'UNAUTHORIZED', 'in', 'in', 'in']],
    ['forVerified', ['UNAUTHORIZED', 'UNAUTHORIZED', 'EMAIL_NOT_VERIFIED', 'in', 'in']],
    ['forAdmins', ['UNAUTHORIZED', 'UNAUTHORIZED', 'EMAIL_NOT_VERIFIED', 'FORBIDDEN', 'in']],
    ['address', ['in', 'in', 'in', 'in', 'in']],
  ])('%s lets in whom it should', async (path, expected) => {
    const tokens = [undefined, 'unknown', 'token-user', 'token-verified', 'token-admin']
    expect(await Promise.all(tokens.map((token) => statusAs(path, token)))).toEqual(expected)
  })
})
