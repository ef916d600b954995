import { createClient } from '@plinth/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { listen, stopListening } from '#db/notify.ts'
import { advance } from '../../test/clock.ts'
import { query } from '../../test/database.ts'
import { startSecondProcess } from '../../test/second-process.ts'
import { startTestServer, type TestPerson, type TestServer } from '../../test/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

const day = 86_400_000

/** Watches a team of this person's. Gives what ends it. */
async function watching({ client, me }: TestPerson): Promise<{ ended: Promise<unknown>; hasEnded(): boolean }> {
  const team = await client.teams.create.mutate({ name: 'Watched', slug: `watched-${me.id}` })
  const [started, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<unknown>()]
  let isOver = false
  client.teams.events.subscribe({ teamId: team.id }, { onStarted: () => started.resolve(), onError: ended.resolve })
  await started.promise
  void ended.promise.then(() => (isOver = true))
  return { ended: ended.promise, hasEnded: () => isOver }
}

const aSecondOrTwo = () => new Promise((resolve) => setTimeout(resolve, 2_000))

test('what is revoked in another process ends a stream here within 250 ms', { retry: 3 }, async () => {
  await using other = await startSecondProcess(server)
  const carol = await server.signUpAs('carol@example.com')
  const { ended } = await watching(carol)
  await createClient({ url: other.url, token: carol.token }).auth.signOut.mutate()
  const revokedAt = performance.now()
  expect(await ended).toMatchObject({ data: { code: 'UNAUTHORIZED' } })
  expect(performance.now() - revokedAt).toBeLessThan(250)
})

test('a process that does not hear finds within two seconds that a session was revoked', { retry: 3 }, async () => {
  const anna = await server.signUpAs('anna@example.com')
  const { ended } = await watching(anna)
  await stopListening()
  await query(server.database.ownerUrl, 'UPDATE auth.sessions SET revoked_at = core.clock() WHERE user_id = $1', [anna.me.id])
  const revokedAt = performance.now()
  expect(await ended).toMatchObject({ data: { code: 'UNAUTHORIZED' } })
  expect(performance.now() - revokedAt).toBeLessThan(2_000)
  await listen(server.config)
})

test('a stream ends with its session, and to watch is no use of it', { retry: 3 }, async () => {
  const { ended, hasEnded } = await watching(await server.signUpAs('ben@example.com'))
  await advance(server.database.ownerUrl, 10 * day)
  await aSecondOrTwo()
  expect(hasEnded()).toBe(false)
  await advance(server.database.ownerUrl, 4 * day)
  const endedAt = performance.now()
  expect(await ended).toMatchObject({ data: { code: 'UNAUTHORIZED' } })
  expect(performance.now() - endedAt).toBeLessThan(2_000)
})
