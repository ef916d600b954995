import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestServer, type TestServer } from '../../../test/server.ts'
import { refusal } from '../../../test/refusal.ts'
import { joinTeam, newTeam, person, type Somebody } from '../../../test/teams.ts'

let server: TestServer
let anna: Somebody
let ben: Somebody

beforeAll(async () => {
  server = await startTestServer()
  ;[anna, ben] = [await person(server, 'Anna'), await person(server, 'Ben')]
})
afterAll(() => server.stop())

describe('teams', () => {
  test('whoever makes a team owns it, and finds it again', async () => {
    const team = await anna.client.teams.create.mutate({ name: ' Bridge ', slug: 'bridge' })
    expect(team).toMatchObject({ name: 'Bridge', slug: 'bridge', role: 'OWNER', createdAt: expect.any(Date) })
    expect(await anna.client.teams.get.query({ teamId: team.id })).toEqual(team)
    expect((await anna.client.teams.list.query({})).items).toContainEqual(team)
  })

  test('a slug belongs to one living team', async () => {
    await newTeam(anna, 'taken')
    expect(await refusal(ben.client.teams.create.mutate({ name: 'Mine', slug: 'taken' }))).toMatchObject({
      code: 'CONFLICT',
      details: { reason: 'NAME_TAKEN', field: 'slug' },
    })
  })

  test('a team is renamed where nobody changed it meanwhile, and its old slug is free', async () => {
    const team = await newTeam(anna, 'before')
    const update = (changes: object) => anna.client.teams.update.mutate({ teamId: team.id, version: team.version, ...changes })
    const renamed = await update({ name: 'Renamed', slug: 'after' })
    expect(renamed).toEqual({ ...team, name: 'Renamed', slug: 'after', version: team.version + 1 })
    expect(await anna.client.teams.get.query({ teamId: team.id })).toEqual(renamed)
    expect(await refusal(update({ slug: 'other' }))).toMatchObject({
      code: 'CONFLICT',
      details: { reason: 'STALE_VERSION', field: 'version' },
    })
    await newTeam(ben, 'before')
    expect(await refusal(update({ version: renamed.version, slug: 'before' }))).toMatchObject({
      code: 'CONFLICT',
      details: { reason: 'NAME_TAKEN', field: 'slug' },
    })
    expect(await update({ version: renamed.version })).toEqual(renamed)
  })

  test('of twenty changes made on one version at once one is kept, and the others are told', async () => {
    const { id: teamId, version } = await newTeam(anna)
    const rename = (_: unknown, index: number) => anna.alone().teams.update.mutate({ teamId, version, name: `Take ${index}` })
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, rename))
    const kept = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
    expect(kept).toHaveLength(1)
    expect(await anna.client.teams.get.query({ teamId })).toEqual(kept[0])
  })

  test('a stranger learns nothing of a team: it is as if it did not exist', async () => {
    const team = await newTeam(anna)
    const answers = await Promise.all(
      [team.id, '01900000-0000-7000-8000-000000000000'].map(async (teamId) => {
        const id = teamId as typeof team.id
        return [
          await refusal(ben.client.teams.get.query({ teamId: id })),
          await refusal(ben.client.teams.delete.mutate({ teamId: id })),
          await refusal(ben.client.teams.restore.mutate({ teamId: id })),
          await refusal(ben.client.teams.member.list.query({ teamId: id })),
          await refusal(ben.client.teams.member.changeRole.mutate({ teamId: id, userId: ben.userId, role: 'OWNER' })),
          await refusal(ben.client.teams.invitation.create.mutate({ teamId: id, email: 'x@example.com', role: 'VIEWER' })),
          await refusal(ben.client.teams.invitation.list.query({ teamId: id })),
          await refusal(ben.client.teams.activity.list.query({ teamId: id })),
          await refusal(ben.client.teams.update.mutate({ teamId: id, version: 1 })),
          await refusal(ben.client.teams.member.leave.mutate({ teamId: id })),
        ].map(({ code, message, details }) => ({ code, message, details }))
      }),
    )
    expect(answers[0]).toEqual(answers[1])
    expect(new Set(answers[0]?.map(({ code }) => code))).toEqual(new Set(['NOT_FOUND']))
  })

  test('nobody acts unsigned', async () => {
    const stranger = server.client()
    expect(await refusal(stranger.teams.list.query({}))).toMatchObject({ code: 'UNAUTHORIZED' })
    expect(await refusal(stranger.teams.create.mutate({ name: 'x', slug: 'xx' }))).toMatchObject({ code: 'UNAUTHORIZED' })
  })

  test('bad input names each field and does nothing', async () => {
    const unknown = { name: '', slug: 'Not A Slug', owner: 'me' }
    expect(await refusal(anna.client.teams.create.mutate(unknown))).toMatchObject({
      code: 'BAD_REQUEST',
      details: { fields: { name: expect.any(Array), slug: expect.any(Array), owner: ['is not known'] } },
    })
    expect((await anna.client.teams.list.query({ limit: 100 })).items.map(({ name }) => name)).not.toContain('')
  })

  test('a name is one line: control characters and marks that turn the text are refused', async () => {
    for (const name of ['a\0b', 'a\r\nBcc: x@example.com', 'a\u202eb', 'a\ud800']) {
      expect(await refusal(anna.client.teams.create.mutate({ name, slug: 'one-line' }))).toMatchObject({
        code: 'BAD_REQUEST',
        details: { fields: { name: [expect.any(String)] } },
      })
    }
  })

  test('a list is cut into pages that neither repeat nor hide a team while others are made', async () => {
    const cara = await person(server, 'Cara')
    const made = [await newTeam(cara), await newTeam(cara), await newTeam(cara)]
    const first = await cara.client.teams.list.query({ limit: 2 })
    const later = await newTeam(cara)
    const second = await cara.client.teams.list.query({ limit: 2, cursor: first.nextCursor ?? '' })
    expect([...first.items, ...second.items].map(({ id }) => id)).toEqual([...made, later].map(({ id }) => id))
    expect(second.nextCursor).toBeNull()
    expect(await refusal(cara.client.teams.list.query({ cursor: 'bm90IGFuIGlk' }))).toMatchObject({
      code: 'BAD_REQUEST',
      details: { fields: { cursor: expect.any(Array) } },
    })
  })
})

describe('deleting and restoring a team', () => {
  test('a deleted team is gone for everyone in it, and comes back with its people and invitations', async () => {
    const team = await newTeam(anna)
    await joinTeam(server, anna, ben, team, 'MEMBER')
    await anna.client.teams.invitation.create.mutate({ teamId: team.id, email: 'waiting@example.com', role: 'VIEWER' })
    await anna.client.teams.delete.mutate({ teamId: team.id })

    expect(await refusal(anna.client.teams.get.query({ teamId: team.id }))).toMatchObject({ code: 'NOT_FOUND' })
    expect(await refusal(ben.client.teams.get.query({ teamId: team.id }))).toMatchObject({ code: 'NOT_FOUND' })
    expect((await anna.client.teams.list.query({ deleted: true })).items.map(({ id }) => id)).toEqual([team.id])
    expect((await ben.client.teams.list.query({ deleted: true })).items).toEqual([])

    expect(await anna.client.teams.restore.mutate({ teamId: team.id })).toEqual(team)
    expect((await ben.client.teams.get.query({ teamId: team.id })).role).toBe('MEMBER')
    expect((await anna.client.teams.invitation.list.query({ teamId: team.id })).items.map(({ email }) => email)).toEqual([
      'waiting@example.com',
    ])
  })

  test('only an owner deletes, and only somebody who owned it restores', async () => {
    const team = await newTeam(anna)
    await joinTeam(server, anna, ben, team, 'ADMIN')
    expect(await refusal(ben.client.teams.delete.mutate({ teamId: team.id }))).toMatchObject({ code: 'FORBIDDEN' })
    await anna.client.teams.delete.mutate({ teamId: team.id })
    expect(await refusal(ben.client.teams.restore.mutate({ teamId: team.id }))).toMatchObject({ code: 'NOT_FOUND' })
    await anna.client.teams.restore.mutate({ teamId: team.id })
    expect(await refusal(anna.client.teams.restore.mutate({ teamId: team.id }))).toMatchObject({ code: 'NOT_FOUND' })
  })

  test('a slug that was taken meanwhile keeps the team deleted, whole', async () => {
    const team = await newTeam(anna, 'contested')
    await anna.client.teams.delete.mutate({ teamId: team.id })
    await newTeam(ben, 'contested')
    expect(await refusal(anna.client.teams.restore.mutate({ teamId: team.id }))).toMatchObject({
      code: 'CONFLICT',
      details: { reason: 'NAME_TAKEN', field: 'slug' },
    })
    expect((await anna.client.teams.list.query({ deleted: true })).items.map(({ id }) => id)).toContain(team.id)
  })

  test('of many restorations at once one is done', async () => {
    const team = await newTeam(anna)
    await anna.client.teams.delete.mutate({ teamId: team.id })
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => anna.alone().teams.restore.mutate({ teamId: team.id })))
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })
})
