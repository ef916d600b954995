import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { openBrowser } from './browser.ts'
import { openGate } from './gate.ts'

test('all connections stand before the first request is written, each request on its own, and the answers come as from any fetch', async () => {
  const [before, connections, bodies] = [new Set<number>(), new Set<unknown>(), new Set<string>()]
  const server = createServer(async (request, response) => {
    before.add(connections.size)
    bodies.add(Buffer.concat(await request.toArray()).toString())
    response.setHeader('set-cookie', ['a=1', 'b=2'])
    response.end('{"result":{"data":{"json":"done"}}}')
  })
  server.on('connection', (socket) => connections.add(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const gate = openGate(50)
  const browsers = Array.from({ length: 50 }, () => openBrowser(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, {}, gate))
  const answers = await Promise.all(browsers.map((browser, index) => browser.mutate('any', { index })))
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  expect([connections.size, [...before], bodies.size]).toEqual([50, [50], 50])
  for (const { status, data, setCookies } of answers) expect([status, data, setCookies]).toEqual([200, 'done', ['a=1', 'b=2']])
})
