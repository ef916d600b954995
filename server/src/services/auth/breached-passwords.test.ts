import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openBrowser, toldBy } from '../../../test/browser.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'
import { wholeState } from '../../../test/whole-state.ts'

const breached = 'twelve rusty kettles sing'
const fault = 'is known from a breach of another service'
const refused = {
  status: 400,
  message: `This password ${fault}.`,
  data: { code: 'BAD_REQUEST', httpStatus: 400, details: { fields: { password: [fault] }, reason: 'BREACHED_PASSWORD' } },
}
let folder: string
let server: TestServer

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plinth-breached-'))
  const path = join(folder, 'list.txt')
  await writeFile(path, `${createHash('sha1').update(breached).digest('hex').toUpperCase()}:3\r\n`)
  server = await startTestServer({ env: { BREACHED_PASSWORDS_FILE: path } })
})
afterAll(async () => {
  await server.stop()
  await rm(folder, { recursive: true })
})

test('A11 a password from the mounted list is chosen by nobody: not at sign-up, at a change or by a reset, whose link stays good', async () => {
  const ada = await server.signUpAs('ada@example.com')
  const stranger = openBrowser(server.url)
  await stranger.mutate('auth.password.requestReset', { email: ada.email })
  const token = await server.tokenMailedTo(ada.email, /new password/)
  const own = openBrowser(server.url, { authorization: `Bearer ${ada.token}` })
  const before = await wholeState(server.database.ownerUrl)
  for (const answer of [
    await stranger.mutate('auth.signUp', { email: 'new@example.com', name: 'New', password: breached }),
    await own.mutate('auth.password.change', { currentPassword: ada.password, password: breached }),
    await stranger.mutate('auth.password.reset', { token, password: breached }),
  ])
    expect(toldBy(answer)).toEqual(refused)
  expect(await wholeState(server.database.ownerUrl)).toEqual(before)
  const chosen = await stranger.mutate('auth.password.reset', { token, password: 'eleven calm badgers dig' })
  expect([chosen.status, chosen.data]).toEqual([200, { status: 'RESET' }])
})
