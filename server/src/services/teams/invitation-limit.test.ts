import { afterAll, beforeAll, expect, test } from 'vitest'
import { refusal } from '../../../test/refusal.ts'
import { startTestServer, type TestServer } from '../../../test/server.ts'
import { newTeam, person } from '../../../test/teams.ts'

let server: TestServer

beforeAll(async () => {
  server = await startTestServer({ env: { SIGN_IN_LIMIT: 'on' } })
})
afterAll(() => server.stop())

test('one address is mailed five invitations an hour, whoever invites, and the sixth is not made', async () => {
  const [anna, ben] = [await person(server, 'Anna'), await person(server, 'Ben')]
  const teams = [await newTeam(anna), await newTeam(ben), await newTeam(anna), await newTeam(ben), await newTeam(anna)]
  const inviteTo = (team: (typeof teams)[number], index: number) =>
    (index % 2 ? ben : anna).client.teams.invitation.create.mutate({ teamId: team.id, email: 'stranger@example.com', role: 'VIEWER' })
  for (const [index, team] of teams.slice(1).entries()) await inviteTo(team, index + 1)
  const fifth = () =>
    anna.client.teams.invitation.create.mutate(
      { teamId: teams[0]!.id, email: 'stranger@example.com', role: 'VIEWER' },
      { context: { idempotencyKey: 'the-key-of-the-fifth-invitation' } },
    )
  expect(await fifth()).toEqual(await fifth())
  const last = await newTeam(anna)
  expect(await refusal(inviteTo(last, 0))).toMatchObject({ code: 'TOO_MANY_REQUESTS', details: { retryAfterSeconds: expect.any(Number) } })
  expect((await anna.client.teams.invitation.list.query({ teamId: last.id })).items).toEqual([])
})
