import { connect } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startEdge, type Edge } from '../../test/edge.ts'
import { executed } from '../../test/fixtures/edge-router.ts'

let edge: Edge
beforeAll(async () => {
  edge = await startEdge()
})
afterAll(() => edge.stop())
beforeEach(() => void executed.splice(0))

const codeOf = async (response: Response) => (await response.json()).error.json.data.code

describe('content types', () => {
  test.each([
    ['multipart/form-data; boundary=x', '--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n'],
    ['application/octet-stream', '{}'],
    ['text/plain', '{"json":{}}'],
    ['text/plain; application/json', '{"json":{}}'],
    ['application/json-patch+json', '{"json":{}}'],
    ['application/x-www-form-urlencoded', 'json='],
    ['application/x-www-form-urlencoded, application/json', 'json='],
    ['', '{"json":{}}'],
  ])('C02 a mutation as %j is 415 and executed not at all', async (type, body) => {
    const answer = await edge.call('signOut', { method: 'POST', body: new Blob([body]), headers: { 'content-type': type } })
    expect(answer.status).toBe(415)
    expect(await codeOf(answer)).toBe('UNSUPPORTED_MEDIA_TYPE')
    expect(executed).toEqual([])
  })

  test.each(['application/json', 'application/json; charset=utf-8', 'Application/JSON'])('%s is taken', async (type) => {
    expect((await edge.call('note', { input: {}, headers: { 'content-type': type } })).status).toBe(200)
  })
})

describe('methods', () => {
  test.each(['GET', 'HEAD', 'PUT', 'DELETE', 'PATCH'])('C05 %s on a mutation is 405 and executed not at all', async (method) => {
    for (const path of ['signOut', 'signOut?input=%7B%7D', 'signOut?batch=1&input=%7B%220%22%3A%7B%7D%7D']) {
      const answer = await edge.call(path, { method })
      expect(answer.status).toBe(405)
      expect(answer.headers.get('allow')).toContain('POST')
    }
    expect(executed).toEqual([])
  })

  test('a query by POST is 405', async () => {
    expect((await edge.call('echo', { input: {} })).status).toBe(405)
  })
})

describe('size', () => {
  const megabyte = JSON.stringify({ json: { text: 'x'.repeat(1024 * 1024) } })

  test('C09 a body of 1 MiB is refused by its announced length', async () => {
    const answer = await edge.call('note', { method: 'POST', body: megabyte, headers: { 'content-type': 'application/json' } })
    expect(answer.status).toBe(413)
    expect(await codeOf(answer)).toBe('PAYLOAD_TOO_LARGE')
    expect(executed).toEqual([])
  })

  test('C09 an endless body without a length is cut at 64 kB, and memory stays flat', async () => {
    const before = process.memoryUsage().arrayBuffers
    let sent = 0
    const body = new ReadableStream({
      pull(controller) {
        sent += 16_384
        if (sent > 64 * 1024 * 1024) controller.close()
        else controller.enqueue(new TextEncoder().encode('x'.repeat(16_384)))
      },
    })
    const init = { method: 'POST', body, duplex: 'half', headers: { 'content-type': 'application/json' } }
    const answer = await edge.call('note', init as RequestInit).catch(() => null)
    if (answer) expect(answer.status).toBe(413)
    expect(sent).toBeLessThan(16 * 1024 * 1024)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 * 1024 * 1024)
    expect(executed).toEqual([])
  })

  test('a body of 64 kB without a length is taken', async () => {
    const text = JSON.stringify({ json: { text: 'x'.repeat(60_000) } })
    const init = { method: 'POST', body: new Blob([text]).stream(), duplex: 'half', headers: { 'content-type': 'application/json' } }
    expect((await edge.call('note', init as RequestInit)).status).toBe(200)
  })

  test('C09 a length that lies does not get more in', async () => {
    const raw = `POST /trpc/note HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 10\r\ntransfer-encoding: chunked\r\n\r\n`
    expect(await exchange(edge.url, raw)).toMatch(/^HTTP\/1\.1 400/)
  })

  test('C11 deep and wide JSON is refused quickly', { retry: 3 }, async () => {
    const deep = `{"json":${'['.repeat(20_000)}${']'.repeat(20_000)}}`
    const wide = `{"json":{${Array.from({ length: 5_000 }, (_, index) => `"k${index}":1`).join(',')}}}`
    for (const body of [deep, wide]) {
      const start = performance.now()
      const answer = await edge.call('note', { method: 'POST', body, headers: { 'content-type': 'application/json' } })
      expect(answer.status).toBe(400)
      expect(performance.now() - start).toBeLessThan(500)
    }
  })
})

describe('batches', () => {
  const batch = (size: number) =>
    edge.call(`${Array(size).fill('note').join(',')}?batch=1`, {
      method: 'POST',
      body: JSON.stringify(Object.fromEntries(Array.from({ length: size }, (_, index) => [index, { json: { text: String(index) } }]))),
      headers: { 'content-type': 'application/json' },
    })

  test('C07 ten calls are executed, eleven not at all', async () => {
    expect((await batch(10)).status).toBe(200)
    expect(executed).toHaveLength(10)
    const refused = await batch(11)
    expect(refused.status).toBe(400)
    expect(await codeOf(refused)).toBe('BAD_REQUEST')
    expect(executed).toHaveLength(10)
  })
})

function exchange(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(text))
    let answer = ''
    socket.on('data', (chunk) => (answer += chunk))
    socket.on('close', () => resolve(answer))
    socket.on('error', reject)
    socket.setTimeout(3_000, () => socket.destroy())
  })
}
