import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../../../test/outbox.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'
import { first, joinTeam, newTeam, person, type Somebody, type Team } from '../../../test/teams.ts'

let server: TestServer
let anna: Somebody
let ben: Somebody

beforeAll(async () => {
  server = await startTestServer()
  ;[anna, ben] = [await person(server, 'Anna'), await person(server, 'Ben')]
})
afterAll(() => server.stop())

interface Watch {
  readonly seen: { id: string; name: string }[]
  readonly ended: Promise<unknown>
  stop(): void
}

async function watch(somebody: Somebody, team: Team, lastEventId?: string): Promise<Watch> {
  const seen: Watch['seen'] = []
  const ended = Promise.withResolvers<unknown>()
  const started = Promise.withResolvers<void>()
  const input = { teamId: team.id, ...(lastEventId !== undefined && { lastEventId }) }
  const { unsubscribe } = somebody.alone().teams.events.subscribe(input, {
    onStarted: () => started.resolve(),
    // Its making may still be on its way when the watching starts.
    onData: ({ id, data }) => data.name !== 'teams.team.created' && seen.push({ id, name: data.name }),
    onError: (error) => ended.resolve(error),
    onComplete: () => ended.resolve('complete'),
  })
  await started.promise
  return { seen, ended: ended.promise, stop: unsubscribe }
}

describe('watching a team', () => {
  test('a watcher is told of each change, typed by its name', async () => {
    const team = await newTeam(anna)
    const watched = await watch(anna, team)
    await joinTeam(server, anna, ben, team, 'MEMBER')
    await anna.client.teams.member.changeRole.mutate({ teamId: team.id, userId: ben.userId, role: 'ADMIN' })
    const names = (await first(watched.seen, 3)).map(({ name }) => name)
    expect(names).toEqual(['teams.invitation.created', 'teams.invitation.accepted', 'teams.member.role_changed'])
    watched.stop()
  })

  test('a watcher who comes back goes on after the last event they saw, without a gap and without a repeat', async () => {
    const team = await newTeam(anna)
    await joinTeam(server, anna, ben, team, 'MEMBER')
    const before = await watch(anna, team, '0')
    const all = await first(before.seen, 2)
    before.stop()
    await anna.client.teams.member.changeRole.mutate({ teamId: team.id, userId: ben.userId, role: 'VIEWER' })
    const after = await watch(anna, team, all[0]?.id)
    expect((await first(after.seen, 2)).map(({ name }) => name)).toEqual(['teams.invitation.accepted', 'teams.member.role_changed'])
    after.stop()
  })

  test('a watcher hears nothing of other teams', async () => {
    const [mine, other] = [await newTeam(ben), await newTeam(anna)]
    const watched = await watch(ben, mine)
    await anna.client.teams.delete.mutate({ teamId: other.id })
    await ben.client.teams.invitation.create.mutate({ teamId: mine.id, email: 'x@example.com', role: 'VIEWER' })
    expect((await first(watched.seen, 1)).map(({ name }) => name)).toEqual(['teams.invitation.created'])
    watched.stop()
  })

  test('watching ends with the role that it was opened by, and who waits to join is not told to viewers', async () => {
    const team = await newTeam(anna)
    await joinTeam(server, anna, ben, team, 'VIEWER')
    const watched = await watch(ben, team)
    await anna.client.teams.invitation.create.mutate({ teamId: team.id, email: 'waiting@example.com', role: 'VIEWER' })
    await anna.client.teams.member.changeRole.mutate({ teamId: team.id, userId: ben.userId, role: 'ADMIN' })
    expect(await watched.ended).toMatchObject({ data: { code: 'FORBIDDEN' } })
    expect(watched.seen.map(({ name }) => name)).not.toContain('teams.invitation.created')
    const again = await watch(ben, team, watched.seen.at(-1)?.id ?? '0')
    await anna.client.teams.invitation.create.mutate({ teamId: team.id, email: 'other@example.com', role: 'VIEWER' })
    await eventually(() => again.seen.some(({ name }) => name === 'teams.invitation.created'))
    again.stop()
  })

  test('watching ends within 250 ms when the team is deleted, for everybody in it', { retry: 3 }, async () => {
    const team = await newTeam(anna)
    await joinTeam(server, anna, ben, team, 'MEMBER')
    const watched = [await watch(anna, team), await watch(ben, team)]
    await anna.client.teams.delete.mutate({ teamId: team.id })
    const deletedAt = performance.now()
    for (const { ended } of watched) expect(await ended).toMatchObject({ data: { code: 'NOT_FOUND' } })
    expect(performance.now() - deletedAt).toBeLessThan(250)
  })

  test('watching ends within 250 ms when the membership ends, and nobody else stops watching', { retry: 3 }, async () => {
    const team = await newTeam(anna)
    await joinTeam(server, anna, ben, team, 'MEMBER')
    const [mine, theirs] = [await watch(anna, team), await watch(ben, team)]
    await anna.client.teams.member.remove.mutate({ teamId: team.id, userId: ben.userId })
    const removedAt = performance.now()
    expect(await theirs.ended).toMatchObject({ data: { code: 'NOT_FOUND' } })
    expect(performance.now() - removedAt).toBeLessThan(250)
    await eventually(() => mine.seen.some(({ name }) => name === 'teams.member.removed'))
    mine.stop()
  })

  test('watching ends within 250 ms when the session is revoked', { retry: 3 }, async () => {
    const team = await newTeam(anna)
    const visitor = await person(server, 'Dora')
    await joinTeam(server, anna, visitor, team, 'MEMBER')
    const watched = await watch(visitor, team)
    const revokedAt = performance.now()
    await visitor.client.auth.signOut.mutate()
    await watched.ended
    expect(performance.now() - revokedAt).toBeLessThan(250 + 100)
  })
})
