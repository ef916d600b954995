import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { COOKIE, startEdge, type Edge } from '../../server/test/edge.ts'
import { executed } from '../../server/test/fixtures/edge-router.ts'
import { fromForm, toForm } from './form.ts'
import { isAppError } from './index.ts'

let edge: Edge
beforeAll(async () => {
  edge = await startEdge()
  edge.sessions.add('token-anna')
  edge.sessions.add('cookie-anna')
})
afterAll(() => edge.stop())
beforeEach(() => void executed.splice(0))

const file = (text: string, name = 'a.txt') => new File([text], name, { type: 'text/plain' })
const codeOf = async (response: Response) => [response.status, (await response.json()).error.json.data.code]

describe('files', () => {
  test('reach the procedure with their names, kinds and bytes, beside fields that stay what they are', async () => {
    const at = new Date(1e12)
    const answer = await edge.client().upload.mutate({ title: 'ä', at, file: file('one'), others: [file('two ☃', 'b.txt')] })
    expect(answer).toMatchObject({ names: ['ä', 'a.txt', 'b.txt'], texts: ['one', 'two ☃'], types: ['text/plain', 'text/plain'] })
    expect(executed[0]?.input).toMatchObject({ title: 'ä', at })
  })

  test('travel alone, and the calls of the same moment together', async () => {
    const paths: string[] = []
    const send: typeof fetch = (input, init) => {
      paths.push(new URL(String(input)).pathname)
      return fetch(input, init)
    }
    const client = edge.client(undefined, send)
    await Promise.all([client.upload.mutate({ title: '', file: file('a') }), client.note.mutate({}), client.note.mutate({})])
    expect(paths.toSorted()).toEqual(['/trpc/note,note', '/trpc/upload'])
  })

  test('are refused by a schema like any field', async () => {
    const upload = (input: unknown) => edge.client().upload.mutate(input as never)
    const refusals = await Promise.allSettled([
      upload({ title: '', file: 'no file' }),
      upload({ title: '', file: file(''), more: file('') }),
      upload({ title: 7, file: file('') }),
      upload({ title: '', file: [file('')] }),
    ])
    const fields = refusals.map(
      (one) => one.status === 'rejected' && isAppError(one.reason, 'BAD_REQUEST') && one.reason.data.details.fields,
    )
    expect(fields.map((of) => Object.keys(of || {}))).toEqual([['file'], ['more'], ['title'], ['file']])
    expect(executed).toEqual([])
  })

  test('are tried again under the same key, which stands for these bytes and no others', async () => {
    const keys: (string | null)[] = []
    const send: typeof fetch = async (input, init) => {
      keys.push(new Headers(init?.headers).get('idempotency-key'))
      if (keys.length === 1) await fetch(input, init).then(() => Promise.reject(new TypeError('fetch failed')))
      return fetch(input, init)
    }
    const client = edge.client(undefined, send)
    const first = await client.upload.mutate({ title: 'a', file: file('one') })
    expect([keys.length, new Set(keys).size, keys[0]]).toEqual([2, 1, expect.stringMatching(/^\w{32}$/)])
    const again = [file('one'), file('two'), file('one', 'b.txt')].map((one) => client.upload.mutate({ title: 'a', file: one }))
    const prints = (await Promise.all(again)).map(({ fingerprint }) => fingerprint === first.fingerprint)
    expect([first.fingerprint?.length, ...prints]).toEqual([64, true, false, false])
  })

  test('may be 10 MB together, or what their procedure says; and nothing else may be more than 64 kB', async () => {
    const client = edge.client('token-anna')
    const large = file('x'.repeat(9 * 1024 * 1024))
    expect((await client.upload.mutate({ title: '', file: large })).texts[0]).toHaveLength(large.size)
    expect(await client.uploadByPerson.mutate({ file: file('x'.repeat(1_000)) })).toBe(1_000)
    executed.splice(0)
    const refused = await Promise.allSettled([
      client.upload.mutate({ title: '', file: file('x'.repeat(11 * 1024 * 1024)) }),
      client.uploadByPerson.mutate({ file: file('x'.repeat(2_000)) }),
    ])
    // The connection may be closed under what is still being sent.
    expect(refused.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(executed).toEqual([])
  })
})

describe('a form', () => {
  const formOf = (...parts: [string, string | Blob][]) => {
    const form = new FormData()
    for (const [name, value] of parts) form.append(name, value)
    return form
  }

  test.each(['note', 'signOut', 'upload,upload?batch=1', 'uploa%64', 'upload/', 'nothing'])(
    'to %s, which takes no files, is 415 and executed not at all',
    async (path) => {
      const body = formOf(['input', '{"json":{"title":""}}'], ['file', file('a')])
      expect(await codeOf(await edge.call(path, { method: 'POST', body }))).toEqual([415, 'UNSUPPORTED_MEDIA_TYPE'])
      expect(executed).toEqual([])
    },
  )

  test('of a foreign page with a cookie is refused, though its browser would not ask', async () => {
    const body = () => formOf(['file', file('a')])
    const call = (headers: Record<string, string>) => {
      return edge.call('uploadByPerson', { method: 'POST', body: body(), headers: { cookie: `${COOKIE}=cookie-anna`, ...headers } })
    }
    for (const headers of [{}, { origin: 'https://evil.example' }, { 'sec-fetch-site': 'cross-site' }, { origin: 'null' }])
      expect(await codeOf(await call(headers))).toEqual([403, 'FORBIDDEN'])
    expect(executed).toEqual([])
    expect((await call({ 'sec-fetch-site': 'same-origin' })).status).toBe(200)
  })

  test.each<[string, BodyInit]>([
    ['is cut off', '--x\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nabc'],
    ['holds no JSON', '--x\r\ncontent-disposition: form-data; name="input"\r\n\r\n{\r\n--x--\r\n'],
    ['reaches for a prototype', '--x\r\ncontent-disposition: form-data; name="__proto__"\r\n\r\n{}\r\n--x--\r\n'],
    ['is empty', ''],
  ])('that %s is refused', async (_what, body) => {
    const headers = { 'content-type': 'multipart/form-data; boundary=x' }
    expect(await codeOf(await edge.call('upload', { method: 'POST', body, headers }))).toEqual([400, 'BAD_REQUEST'])
    expect(executed).toEqual([])
  })

  test('is what a program without the client sends as well', async () => {
    const body = formOf(['input', '{"json":{"title":"b"}}'], ['file', file('one')])
    expect((await edge.call('upload', { method: 'POST', body })).status).toBe(200)
  })

  test('gives back the input that it was made of', () => {
    const input = { text: 'a', at: new Date(0), none: undefined, file: file('a'), files: [file('b'), file('c')], list: [] }
    expect(fromForm(toForm(input) ?? new FormData())).toEqual(input)
    expect([toForm({ a: 1 }), toForm(null), toForm([1]), toForm('a')]).toEqual([undefined, undefined, undefined, undefined])
  })
})
