import { describe, expect, test } from 'vitest'
import { judge } from './checker.ts'
import type { Answer, Entry, Invoke } from './history.ts'
import { checkMails } from './check-events.ts'
import { brokenRules, createReport } from './report.ts'
import type { EventRow, Snapshot } from './snapshot.ts'
import { checkWatchers } from './watchers.ts'

type World = { -readonly [K in keyof Snapshot]: Snapshot[K][number][] } & { history: Entry[] }

const on = ['teams.team.created', 'teams.team.deleted', 'teams.team.restored', 'teams.member.role_changed', 'teams.invitation.created']
const subscribers = [{ name: 'teams.effects', on }]

/** What the tables hold where everything went well: a team with a member and an invitation, and a deleted team. */
function tables(): World {
  return {
    history: [],
    activity: [],
    feed: [],
    outbox: [],
    sequencers: [],
    keys: [],
    teams: [
      { id: 't1', slug: 'one', deletionId: null, deleted: false },
      { id: 't2', slug: 'two', deletionId: 'd1', deleted: true },
    ],
    members: [
      { id: 'm1', team: 't1', user: 'u2', role: 'ADMIN', deletionId: null, deleted: false },
      { id: 'm2', team: 't2', user: 'u1', role: 'OWNER', deletionId: 'd1', deleted: true },
    ],
    invitations: [{ id: 'i1', mark: 'a@example.test' }],
    sessions: [],
    inbox: [],
    effects: [],
    jobs: [{ queue: 'teams.effects', state: 'completed', count: 5 }],
  }
}

/** How it came to be: a team made on the second attempt, an invitation, a role change, a deletion; and two calls without effect. */
function goodWorld(): World {
  const world = tables()
  call(world, 'c1', 'teams.create', 'one', [
    { type: 'unknown', code: 'ECONNRESET' },
    { type: 'ok', result: { json: { id: 't1' } } },
  ])
  happen(world, 'c1', 1, 'teams.team.created', { team: 't1' }, { json: { id: 't1' } })
  call(world, 'c2', 'teams.invitation.create', 'a@example.test', [{ type: 'ok', result: { json: { id: 'i1' } } }])
  happen(world, 'c2', 1, 'teams.invitation.created', { team: 't1', data: { invitationId: 'i1' } }, { json: { id: 'i1' } })
  call(world, 'c3', 'teams.member.changeRole', 't1/u2', [{ type: 'ok', result: { json: { role: 'ADMIN' } } }])
  happen(
    world,
    'c3',
    1,
    'teams.member.role_changed',
    { team: 't1', user: 'u2', data: { from: 'MEMBER', to: 'ADMIN' } },
    { json: { role: 'ADMIN' } },
  )
  call(world, 'c4', 'teams.create', 'two', [{ type: 'ok', result: { json: { id: 't2' } } }])
  happen(world, 'c4', 1, 'teams.team.created', { team: 't2' }, { json: { id: 't2' } })
  call(world, 'c5', 'teams.delete', 't2', [{ type: 'unknown', code: 'ECONNRESET' }])
  happen(world, 'c5', 1, 'teams.team.deleted', { team: 't2', data: { deletionId: 'd1' } }, { json: { id: 't2' } })
  call(world, 'c6', 'teams.create', 'three', [{ type: 'fail', code: 'CONFLICT' }])
  call(world, 'c7', 'teams.create', 'four', [{ type: 'unknown', code: 'ECONNRESET' }])
  return world
}

function call(
  world: World,
  id: string,
  procedure: Invoke['procedure'],
  mark: string,
  answers: Pick<Answer, 'type' | 'code' | 'result'>[],
): void {
  answers.forEach((answer, index) => {
    const attempt = index + 1
    const invoke: Invoke = {
      type: 'invoke',
      at: 0,
      client: '1',
      call: id,
      attempt,
      procedure,
      owner: 'u1',
      key: `k-${id}`,
      requestId: `${id}-${attempt}`,
      mark,
      input: {},
    }
    world.history.push(invoke, { at: 0, call: id, attempt, ...answer })
  })
}

type Scope = Pick<EventRow, 'team'> & Partial<Pick<EventRow, 'user' | 'data'>>

function happen(world: World, id: string, attempt: number, event: string, scope: Scope, result: unknown): void {
  const position = world.feed.length + 1
  const row: EventRow = {
    service: 'teams',
    id: `e${position}`,
    event,
    actorId: 'u1',
    user: null,
    data: {},
    requestId: `${id}-${attempt}`,
    ...scope,
  }
  const invoke = world.history.find((entry) => entry.type === 'invoke' && entry.call === id) as Invoke
  world.activity.push(row)
  world.feed.push({ ...row, position })
  world.sequencers = [{ service: 'teams', position }]
  world.keys.push({ owner: 'u1', procedure: invoke.procedure, key: `k-${id}`, result })
  world.inbox.push({ consumer: 'teams.effects', event: row.id })
  world.effects.push({ consumer: 'teams.effects', event: row.id })
}

function verdict(spoil: (world: World) => void) {
  const world = goodWorld()
  spoil(world)
  return brokenRules(judge(world.history, world, subscribers))
}

describe('the checker', () => {
  test('finds nothing wrong where everything went well, and counts what it saw', () => {
    const world = goodWorld()
    const report = judge(world.history, world, subscribers)
    expect(report.violations).toEqual([])
    expect(report.counts.get('calls')).toBe(7)
    expect(report.counts.get('unknown, in the end there')).toBe(1)
    expect(report.counts.get('unknown, in the end absent')).toBe(1)
    expect(report.counts.get('attempts that repeat a call')).toBe(1)
  })

  test.each<[string, string[], (world: World) => void]>([
    [
      'an acknowledged call that is not there',
      ['acknowledged-once'],
      (world) => {
        call(world, 'c8', 'teams.create', 'lost', [{ type: 'ok', result: { json: {} } }])
      },
    ],
    [
      'an acknowledged call that is there twice',
      ['acknowledged-once', 'row-and-activity-agree', 'state-follows-events'],
      (world) => {
        happen(world, 'c1', 2, 'teams.team.created', { team: 't1' }, null)
        world.keys.pop()
      },
    ],
    [
      'a refused call that is there',
      ['key-and-effect-agree', 'refused-absent', 'row-and-activity-agree'],
      (world) => {
        world.teams.push({ id: 't3', slug: 'three', deletionId: null, deleted: false })
        happen(world, 'c6', 1, 'teams.team.created', { team: 't3' }, null)
        world.teams.push({ id: 't4', slug: 'three', deletionId: null, deleted: false })
        world.keys.pop()
      },
    ],
    [
      'an unknown call that is there twice',
      ['unknown-at-most-once'],
      (world) => {
        for (const [id, attempt] of [
          ['t5', 1],
          ['t6', 1],
        ] as const) {
          world.teams.push({ id, slug: 'four', deletionId: null, deleted: false })
          happen(world, 'c7', attempt, 'teams.team.created', { team: id }, null)
        }
        world.keys.pop()
      },
    ],
    ['a row without its activity', ['row-and-activity-agree'], (world) => world.invitations.push({ id: 'i2', mark: 'a@example.test' })],
    ['an effect without its key', ['key-and-effect-agree'], (world) => world.keys.splice(1, 1)],
    [
      'a key without its effect',
      ['key-and-effect-agree'],
      (world) => {
        world.keys.push({ owner: 'u1', procedure: 'teams.create', key: 'k-c7', result: null })
      },
    ],
    [
      'a repeat that is refused after the effect',
      ['repeat-answered'],
      (world) => {
        const invoke = world.history.find((entry) => entry.type === 'invoke' && entry.call === 'c5') as Invoke
        world.history.push({ ...invoke, attempt: 2, requestId: 'c5-2' }, { type: 'fail', at: 0, call: 'c5', attempt: 2, code: 'NOT_FOUND' })
      },
    ],
    [
      'two answers that differ',
      ['answers-agree'],
      (world) => {
        const invoke = world.history.find((entry) => entry.type === 'invoke' && entry.call === 'c4') as Invoke
        world.history.push({ ...invoke, attempt: 2 }, { type: 'ok', at: 0, call: 'c4', attempt: 2, result: { json: { id: 'other' } } })
      },
    ],
    [
      'a change that nobody asked for',
      ['nothing-from-nowhere'],
      (world) => {
        happen(world, 'c1', 9, 'teams.team.created', { team: 't9' }, null)
        world.keys.pop()
      },
    ],
    [
      'an activity row that is not in the feed',
      ['activity-and-feed-agree', 'feed-gapless', 'one-effect', 'state-follows-events'],
      (world) => world.feed.pop(),
    ],
    [
      'an event in the feed twice',
      ['activity-and-feed-agree', 'feed-gapless'],
      (world) => {
        const [first] = world.feed
        if (first) world.feed.push({ ...first, position: 6, event: 'teams.other' })
      },
    ],
    [
      'a feed whose event differs from the activity',
      ['activity-and-feed-agree'],
      (world) => {
        const [first] = world.feed
        if (first) world.feed[0] = { ...first, actorId: 'u9' }
      },
    ],
    [
      'a gap in the positions',
      ['feed-gapless'],
      (world) => {
        const last = world.feed.pop()
        if (last) world.feed.push({ ...last, position: 7 })
      },
    ],
    ['an effect that was had twice', ['one-effect'], (world) => world.effects.push({ consumer: 'teams.effects', event: 'e1' })],
    ['an effect that was never had', ['one-effect'], (world) => void (world.effects.pop(), world.inbox.pop())],
    ['an effect without its inbox row', ['one-effect'], (world) => world.inbox.pop()],
    ['an effect of no event', ['one-effect'], (world) => world.effects.push({ consumer: 'teams.effects', event: 'e99' })],
    ['an outbox that is not empty', ['drained'], (world) => world.outbox.push({ id: 'e1' })],
    ['a job that waits', ['drained'], (world) => world.jobs.push({ queue: 'teams.effects', state: 'retry', count: 1 })],
    ['a job that was given up', ['drained'], (world) => world.jobs.push({ queue: 'teams.effects', state: 'failed', count: 1 })],
    [
      'a role that no event gave',
      ['state-follows-events'],
      (world) => {
        const [member] = world.members
        if (member) world.members[0] = { ...member, role: 'OWNER' }
      },
    ],
    [
      'role changes that do not follow upon each other',
      ['state-follows-events'],
      (world) => {
        call(world, 'c8', 'teams.member.changeRole', 't1/u2', [{ type: 'ok', result: null }])
        happen(world, 'c8', 1, 'teams.member.role_changed', { team: 't1', user: 'u2', data: { from: 'VIEWER', to: 'ADMIN' } }, null)
      },
    ],
    [
      'a team that lives after its deletion',
      ['state-follows-events'],
      (world) => {
        const [first] = world.teams
        if (first) world.teams = [first, { id: 't2', slug: 'two', deletionId: null, deleted: false }]
      },
    ],
    [
      'a team that is deleted twice',
      ['state-follows-events'],
      (world) => {
        call(world, 'c8', 'teams.delete', 't2', [{ type: 'ok', result: null }])
        happen(world, 'c8', 1, 'teams.team.deleted', { team: 't2', data: { deletionId: 'd1' } }, null)
      },
    ],
  ])('finds %s', (_, rules, spoil) => {
    expect(verdict(spoil)).toEqual(rules)
  })

  test('finds a mail that was never sent', () => {
    const report = createReport()
    checkMails(goodWorld(), 'teams.invitation.created', new Set(['e1']), report)
    expect(brokenRules(report)).toEqual(['mailed'])
  })

  test.each<[string, number[], string | null, string[]]>([
    ['nothing wrong with a watcher who saw each event once', [1, 2, 3], null, []],
    ['a watcher who missed an event', [1, 3], null, ['watched']],
    ['a watcher who saw an event twice', [1, 2, 2, 3], null, ['watched']],
    ['a watcher who never saw the last event', [1, 2], null, ['watched']],
    ['a watcher who was sent away', [1, 2, 3], 'Sign in first.', ['watched']],
  ])('finds %s', async (_, seen, ended, rules) => {
    const report = createReport()
    await checkWatchers([{ team: 't1', seen, ended: () => ended, stop: () => undefined }], goodWorld(), report, 0)
    expect(brokenRules(report)).toEqual(rules)
  })
})
