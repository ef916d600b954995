import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { refusal } from '../../test/refusal.ts'
import { startTestServer, type TestServer } from '../../test/server.ts'
import { newTeam, person, type Somebody } from '../../test/teams.ts'

let server: TestServer
let anna: Somebody

beforeAll(async () => {
  server = await startTestServer()
  anna = await person(server, 'Anna')
})
afterAll(() => server.stop())

const under = (idempotencyKey: string) => ({ context: { idempotencyKey } })

test('a call that closed the door behind itself is answered the same when it comes again under its key', async () => {
  const team = await newTeam(anna)
  const key = under('the-key-of-a-deletion')
  const deleted = await anna.client.teams.delete.mutate({ teamId: team.id }, key)
  expect(await anna.client.teams.delete.mutate({ teamId: team.id }, key)).toEqual(deleted)
  const restored = await anna.client.teams.restore.mutate({ teamId: team.id }, under('the-key-of-a-restoration'))
  expect(await anna.client.teams.restore.mutate({ teamId: team.id }, under('the-key-of-a-restoration'))).toEqual(restored)
})

test('under another key, or with another input, it is refused as ever', async () => {
  const [team, other] = [await newTeam(anna), await newTeam(anna)]
  await anna.client.teams.delete.mutate({ teamId: team.id }, under('the-key-of-one-deletion'))
  await anna.client.teams.delete.mutate({ teamId: other.id })
  expect(await refusal(anna.client.teams.delete.mutate({ teamId: team.id }))).toMatchObject({ code: 'NOT_FOUND' })
  expect(await refusal(anna.client.teams.delete.mutate({ teamId: other.id }, under('the-key-of-one-deletion')))).toMatchObject({
    code: 'NOT_FOUND',
  })
})

test('the key of one person opens nothing to another', async () => {
  const ben = await person(server, 'Ben')
  const team = await newTeam(anna)
  await anna.client.teams.delete.mutate({ teamId: team.id }, under('the-key-of-anna-alone'))
  expect(await refusal(ben.client.teams.delete.mutate({ teamId: team.id }, under('the-key-of-anna-alone')))).toMatchObject({
    code: 'NOT_FOUND',
  })
})

test.each([
  ['an enormous list', '{"json":100000000,"meta":{"values":[["typed-array","Uint8Array"]],"v":1}}'],
  [
    'an enormous list beside what the door reads',
    '{"json":{"teamId":"TEAM","x":100000000},"meta":{"values":{"x":[["typed-array","Int8Array"]]},"v":1}}',
  ],
  ['a key that reaches a prototype', '{"json":{"teamId":"TEAM","constructor":1}}'],
])('%s behind a door that is closed is refused at once: no fingerprint is made of it', async (_what, template) => {
  const { token } = await server.signUpAs(`stranger-${randomUUID()}@example.com`)
  const start = performance.now()
  const answer = await fetch(`${server.url}/trpc/teams.delete`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}`, 'idempotency-key': 'k'.repeat(20) },
    body: template.replace('TEAM', 'a'.repeat(24)),
  })
  expect(answer.status).toBe(400)
  expect(performance.now() - start).toBeLessThan(500)
})
