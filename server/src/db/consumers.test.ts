import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { consumer, effect, type FeedEvent, refuse, runConsumer, schedule } from '#db'
import { openSpine, type Spine } from '../../test/spine.ts'

let spine: Spine
beforeAll(async () => {
  spine = await openSpine()
})
beforeEach(() => spine.ask('TRUNCATE teams.teams, core.inbox, core.activity, core.outbox CASCADE'))
afterAll(() => spine[Symbol.asyncDispose]())

const event: FeedEvent<'teams.trial.made'> = {
  id: '01890a5d-ac96-774b-bcce-b302099a8059',
  service: 'teams',
  position: 7n,
  name: 'teams.trial.made',
  data: { step: 'one' },
  actorKind: 'SYSTEM',
  actorId: 'test',
  team: null,
  user: null,
  requestId: 'the-request-that-began-it',
  at: new Date(),
}

const counting = consumer({
  name: 'teams.counting',
  on: ['teams.trial.made'],
  inTransaction: async (tx, { data }) => {
    await tx.team.create({ data: { name: data.step, slug: `team-${Math.random()}` } })
    tx.record('teams.trial.made', {}, { step: 'two' })
  },
})

test('a consumer has its effect once, whatever the deliveries, one after the other or at once', async () => {
  expect(await runConsumer(counting, event)).toBe(true)
  expect(await runConsumer(counting, event)).toBe(false)
  const other = { ...event, id: '01890a5d-ac96-774b-bcce-b302099a8060' }
  const results = await Promise.all(Array.from({ length: 10 }, () => runConsumer(counting, other)))
  expect(results.filter(Boolean)).toHaveLength(1)
  expect([await spine.count('teams.teams'), await spine.count('core.inbox'), await spine.count('core.outbox')]).toEqual([2, 2, 2])
})

test('what a consumer records names it as the actor and the request that began it', async () => {
  await runConsumer(counting, event)
  expect(await spine.ask('SELECT actor_kind, actor_id, request_id FROM core.activity')).toEqual([
    { actor_kind: 'SYSTEM', actor_id: 'teams.counting', request_id: 'the-request-that-began-it' },
  ])
})

test('a consumer that throws has had no effect, and the next delivery does it', async () => {
  let broken = true
  const flaky = consumer({
    name: 'teams.flaky',
    on: ['teams.trial.made'],
    inTransaction: async (tx) => {
      await tx.team.create({ data: { name: '', slug: 'flaky' } })
      if (broken) throw new Error('not today')
    },
  })
  await expect(runConsumer(flaky, event)).rejects.toThrow('not today')
  expect([await spine.count('teams.teams'), await spine.count('core.inbox')]).toEqual([0, 0])
  broken = false
  expect(await runConsumer(flaky, event)).toBe(true)
  expect([await spine.count('teams.teams'), await spine.count('core.inbox')]).toEqual([1, 1])
})

test('a consumer that refuses is done with the event', async () => {
  const refusing = consumer({ name: 'teams.refusing', on: ['teams.trial.made'], inTransaction: async () => refuse('NOT_FOUND', 'Gone.') })
  expect(await runConsumer(refusing, event)).toBe(true)
  expect(await runConsumer(refusing, event)).toBe(false)
})

test('every job knows its service by its name', () => {
  const sending = effect({ name: 'auth.mail', on: ['teams.trial.made'], run: async ({ id }) => id })
  const sweeping = schedule({ name: 'teams.sweep', cron: '0 3 * * *', run: async () => undefined })
  expect([counting, sending, sweeping].map(({ kind, service }) => `${kind} of ${service}`)).toEqual([
    'consumer of teams',
    'effect of auth',
    'schedule of teams',
  ])
})
