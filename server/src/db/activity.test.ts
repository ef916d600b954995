import { afterAll, beforeAll, expect, test } from 'vitest'
import { activityOf, defineEvents, listEvents, transaction } from '#db'
import { anonymous } from '#lib/actor.ts'
import { eventually } from '../../test/outbox.ts'
import { ada, openSpine, type Spine } from '../../test/spine.ts'
import { listen, onNotification, stopListening } from './notify.ts'

let spine: Spine
beforeAll(async () => {
  spine = await openSpine()
})
afterAll(() => spine[Symbol.asyncDispose]())

const team = '01890a5d-ac96-774b-bcce-b302099a8058'

test("the activity of a team is read newest first, page by page, and nobody else's is among it", async () => {
  for (const step of ['1', '2', '3', '4', '5']) {
    await transaction('teams', ada, async (tx) => {
      tx.record('teams.trial.made', { team, user: ada.userId }, { step })
      tx.record('teams.trial.made', {}, { step: 'of nobody' })
    })
  }
  await transaction('teams', anonymous, async (tx) => tx.record('teams.trial.made', { team }, { step: '6' }))
  const first = await activityOf('teams', { team }, { limit: 4 })
  const second = await activityOf('teams', { team }, { limit: 4, cursor: first.nextCursor ?? '' })
  expect([...first.items, ...second.items].map(({ data }) => data.step)).toEqual(['6', '5', '4', '3', '2', '1'])
  expect(second.nextCursor).toBeNull()
  expect(first.items[0]).toMatchObject({ event: 'teams.trial.made', actorId: null, userId: null, at: expect.any(Date) })
  expect(first.items[1]).toMatchObject({ actorId: ada.userId, userId: ada.userId })
  expect((await activityOf('teams', { user: ada.userId }, { limit: 100 })).items).toHaveLength(5)
  expect((await activityOf('auth', { team }, { limit: 100 })).items).toEqual([])
})

test('an event bears the name of its service, and no two are called alike', () => {
  expect(listEvents().get('teams.trial.made')?.about).toBe('A test did something.')
  const [definition] = listEvents().values()
  if (!definition) throw new Error('no event')
  expect(() => defineEvents('teams', { 'teams.trial.made': definition })).toThrow('defined twice')
  // @ts-expect-error -- the name begins with another service
  expect(() => defineEvents('teams', { 'auth.trial.made': definition })).toThrow('does not belong to teams')
})

test('an event wakes the dispatcher of its own service, once a transaction', async () => {
  const heard: string[] = []
  const end = onNotification('plinth_outbox', (service) => heard.push(service))
  await listen({ DATABASE_URL: spine.database.url, DIRECT_URL: undefined, DATABASE_ROLE: undefined } as never)
  try {
    await transaction('teams', ada, async (tx) => {
      tx.record('teams.trial.made', {}, { step: '1' })
      tx.record('teams.trial.made', {}, { step: '2' })
    })
    await eventually(() => heard.length > 0)
    await transaction('teams', ada, async () => undefined)
    expect(heard).toEqual(['teams'])
  } finally {
    end()
    await stopListening()
  }
})
