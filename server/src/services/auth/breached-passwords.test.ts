import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { query } from '../../../test/database.ts'
import { refusal } from '../../../test/refusal.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'

const breached = 'twelve rusty kettles sing'
const fault = { code: 'BAD_REQUEST', details: { fields: { password: ['is known from a breach of another service'] } } }
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
  const stranger = server.client()
  await expect(refusal(stranger.auth.signUp.mutate({ email: 'new@example.com', name: 'New', password: breached }))).resolves.toMatchObject(
    fault,
  )
  expect(await query(server.database.ownerUrl, 'SELECT FROM auth.users')).toEqual([])

  const ada = await server.signUpAs('ada@example.com')
  const change = { currentPassword: ada.password, password: breached }
  await expect(refusal(server.client(ada.token).auth.password.change.mutate(change))).resolves.toMatchObject(fault)
  await server.client(ada.token).auth.me.query()

  await stranger.auth.password.requestReset.mutate({ email: ada.email })
  const token = await server.tokenMailedTo(ada.email, /new password/)
  await expect(refusal(stranger.auth.password.reset.mutate({ token, password: breached }))).resolves.toMatchObject(fault)
  await expect(stranger.auth.password.reset.mutate({ token, password: 'eleven calm badgers dig' })).resolves.toEqual({ status: 'RESET' })
})
