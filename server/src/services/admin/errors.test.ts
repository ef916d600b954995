import { createClient } from '@plinth/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { query } from '../../../test/database.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

test('what failed by a fault of ours is found by an administrator under the request id that the caller was told, and by nobody else', async () => {
  const anna = await server.signUpAs('anna@example.com')
  const boss = await server.signUpAs('boss@example.com')
  await query(server.database.ownerUrl, `UPDATE auth.users SET role = 'ADMIN' WHERE id = $1`, [boss.me.id])
  const administrator = createClient({ url: server.url, token: boss.token })
  await query(server.database.ownerUrl, 'ALTER TABLE teams.members RENAME TO gone')
  const failed = await anna.client.teams.create.mutate({ name: 'Secret plan', slug: 'plan' }).catch((error: unknown) => error)
  await query(server.database.ownerUrl, 'ALTER TABLE teams.gone RENAME TO members')
  const { code, requestId } = (failed as { data: { code: string; requestId: string } }).data
  expect(code).toBe('INTERNAL')
  await expect(anna.client.admin.error.list.query({})).rejects.toMatchObject({ data: { code: 'FORBIDDEN' } })
  const found = await expect
    .poll(async () => (await administrator.admin.error.list.query({ requestId })).items, { timeout: 5_000 })
    .toEqual([expect.objectContaining({ procedure: 'teams.create', actorId: anna.me.id, requestId })])
    .then(() => administrator.admin.error.list.query({ requestId }))
  expect(JSON.stringify(found)).not.toContain('Secret plan')
})
