import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestServer, type TestServer } from '../../test/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

test('a whole server', async () => {
  console.log(await (await fetch(server.url)).text())
  console.log(await (await fetch(`${server.url}/readyz`)).text())
  const anna = await server.signUpAs('anna@example.com')
  console.log(anna.me, await anna.client.auth.me.query())
})
