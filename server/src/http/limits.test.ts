import { connect } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startEdge, type Edge } from '../../test/edge.ts'
import { executed } from '../../test/fixtures/edge-router.ts'
import { fastest } from '../../test/timing.ts'
import { exchange } from '../../test/wire.ts'

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
    const { answer, sent } = await sendWithoutEnd(edge.url, 64 * 1024 * 1024)
    expect(answer).toMatch(/^HTTP\/1\.1 413 Payload Too Large\r\n[^]*connection: close\r\n[^]*"code":"PAYLOAD_TOO_LARGE"/i)
    expect(sent).toBeLessThan(1024 * 1024)
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
    expect(await exchange(edge.url, raw)).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/)
    expect(executed).toEqual([])
  })

  test('C11 deep and wide JSON is refused in less than 200 ms', async () => {
    const deep = `{"json":${'['.repeat(20_000)}${']'.repeat(20_000)}}`
    const wide = `{"json":{${Array.from({ length: 5_000 }, (_, index) => `"k${index}":1`).join(',')}}}`
    for (const body of [deep, wide]) {
      const call = () => edge.call('note', { method: 'POST', body, headers: { 'content-type': 'application/json' } })
      const answer = await call()
      expect([answer.status, await codeOf(answer)]).toEqual([400, 'BAD_REQUEST'])
      expect(await fastest(5, call)).toBeLessThan(200)
    }
    expect(executed).toEqual([])
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

/** Sends chunk after chunk until there is an answer, or so many bytes were sent. */
function sendWithoutEnd(url: string, most: number): Promise<{ answer: string; sent: number }> {
  const { hostname, port } = new URL(url)
  const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`
  let [answer, sent] = ['', 0]
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname, () => {
      socket.write('POST /trpc/note HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n')
      const more = setInterval(() => {
        if (answer !== '' || sent >= most) return clearInterval(more)
        sent += chunk.length
        socket.write(chunk)
      }, 1)
    })
    socket.on('data', (bytes) => (answer += bytes))
    socket.on('error', () => undefined)
    socket.on('close', () => resolve({ answer, sent }))
  })
}
