import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { conflictOn, db, refuse, transaction, type Tx, withDeleted } from '#db'
import { isAppError } from '#lib/errors.ts'
import { ada, called, openSpine, type Spine } from '../../test/spine.ts'
import { database } from './client.ts'
import { currentScope } from './unit.ts'

let spine: Spine
beforeAll(async () => {
  spine = await openSpine()
})
beforeEach(async () => {
  await spine.ask('TRUNCATE teams.teams, core.activity, core.activity_origins, core.outbox, core.idempotency_keys CASCADE')
})
afterAll(() => spine[Symbol.asyncDispose]())

const made = (tx: Tx<'teams'>, step: string): void => tx.record('teams.trial.made', {}, { step })
const create = (tx: Tx<'teams'>, slug: string) => tx.team.create({ data: { name: slug, slug } })
const steps = async (): Promise<unknown[]> =>
  (await spine.ask(`SELECT data->>'step' AS step FROM core.activity ORDER BY id`)).map(({ step }) => step)
const slugs = async (): Promise<unknown[]> => (await spine.ask('SELECT slug FROM teams.teams ORDER BY slug')).map(({ slug }) => slug)

test('a transaction commits its rows, one activity, one outbox entry and the origin of each event', async () => {
  const team = { id: '01890a5d-ac96-774b-bcce-b302099a8058' }
  await called({}, () =>
    transaction('teams', ada, async (tx) => {
      await create(tx, 'atlas')
      tx.record('teams.trial.made', { team: team.id, user: 'somebody' }, { step: 'one' })
      tx.record('teams.trial.made', {}, { step: 'two' })
      expect(Math.abs(tx.now.getTime() - Date.now())).toBeLessThan(5_000)
    }),
  )
  const common = { service: 'teams', event: 'teams.trial.made', actor_kind: 'USER', actor_id: ada.userId, request_id: 'request-of-a-test' }
  const activity = await spine.ask('SELECT * FROM core.activity ORDER BY id')
  expect(activity).toMatchObject([
    { ...common, team_id: team.id, user_id: 'somebody', data: { step: 'one' } },
    { ...common, team_id: null, user_id: null, data: { step: 'two' } },
  ])
  const outbox = await spine.ask('SELECT *, event_id AS id FROM core.outbox ORDER BY seq')
  expect(outbox.map(({ id, data }) => ({ id, data }))).toEqual(activity.map(({ id, data }) => ({ id, data })))
  expect(await spine.ask('SELECT address, user_agent FROM core.activity_origins')).toEqual(
    Array.from({ length: 2 }, () => ({ address: '203.0.113.7', user_agent: 'a test' })),
  )
})

test('the actor stands in the transaction for triggers to see', async () => {
  const seen = await transaction('teams', ada, async () => {
    const { connection } = scopeOfThis()
    return (await connection.query('SELECT current_setting($$app.actor$$) AS actor, current_user::text AS role')).rows[0]
  })
  expect(seen).toEqual({ actor: `USER:${ada.userId}`, role: 'plinth_app' })
})

test('a throw leaves nothing', async () => {
  const thrown = transaction('teams', ada, async (tx) => {
    await create(tx, 'atlas')
    made(tx, 'lost')
    throw new Error('a fault')
  })
  await expect(thrown).rejects.toThrow('a fault')
  expect([await slugs(), await steps(), await spine.count('core.outbox')]).toEqual([[], [], 0])
})

test('a refusal leaves what was written before it, and its trace', async () => {
  const refused = transaction('teams', ada, async (tx) => {
    await create(tx, 'attempt')
    made(tx, 'refused')
    return refuse('FORBIDDEN', 'No.')
  })
  await expect(refused).rejects.toMatchObject({ name: 'AppError', code: 'FORBIDDEN', message: 'No.' })
  expect([await slugs(), await steps(), await spine.count('core.outbox')]).toEqual([['attempt'], ['refused'], 1])
})

test('a nested refusal that nobody catches rolls back all rows and keeps what the refusing function recorded', async () => {
  const refused = transaction('teams', ada, async (tx) => {
    await create(tx, 'outer')
    made(tx, 'outer')
    await transaction('teams', ada, async (inner) => {
      await create(inner, 'inner')
      made(inner, 'inner')
      return refuse('FORBIDDEN', 'No.')
    })
  })
  await expect(refused).rejects.toMatchObject({ code: 'FORBIDDEN' })
  expect([await slugs(), await steps(), await spine.count('core.outbox')]).toEqual([[], ['inner'], 1])
})

test('a nested refusal that is caught commits with the rest, once', async () => {
  const caught = await transaction('teams', ada, async (tx) => {
    await create(tx, 'outer')
    const error: unknown = await transaction('teams', ada, async (inner) => {
      made(inner, 'inner')
      return refuse('FORBIDDEN', 'No.')
    }).catch((thrown: unknown) => thrown)
    made(tx, 'outer')
    return isAppError(error, 'FORBIDDEN')
  })
  expect([caught, await slugs(), await steps()]).toEqual([true, ['outer'], ['inner', 'outer']])
})

test('any other error of a nested transaction rolls all back, even where somebody catches it', async () => {
  const outcome = transaction('teams', ada, async (tx) => {
    await create(tx, 'outer')
    await transaction('teams', ada, async (inner) => {
      await create(inner, 'half')
      throw new Error('half done')
    }).catch(() => undefined)
    return 'as if nothing had happened'
  })
  await expect(outcome).rejects.toThrow('half done')
  expect(await slugs()).toEqual([])
})

test('an error of the database that a function swallows is not a success', async () => {
  const outcome = transaction('teams', ada, async (tx) => {
    await create(tx, 'atlas')
    await create(tx, 'atlas').catch(() => undefined)
    return 'fine'
  })
  await expect(outcome).rejects.toThrow('given the transaction up')
  expect(await slugs()).toEqual([])
})

test('twenty callers that nest three deep finish on a pool of five', async () => {
  expect(database().pool.options.max).toBe(5)
  const work = Array.from({ length: 20 }, (_, n) =>
    transaction('teams', ada, async (tx) => {
      await create(tx, `team-${n}`)
      return transaction('auth', ada, async () =>
        transaction('teams', ada, async (inner) => inner.team.count({ where: { slug: `team-${n}` } })),
      )
    }),
  )
  expect(await Promise.all(work)).toEqual(work.map(() => 1))
  expect(await spine.count('teams.teams')).toBe(20)
})

test('reads outside the transaction object take part in the transaction and no second connection', async () => {
  const seen = await transaction('teams', ada, async (tx) => {
    await create(tx, 'uncommitted')
    return [await db('teams').team.count(), await withDeleted('teams').team.count()]
  })
  expect(seen).toEqual([1, 1])
})

test('nested transactions side by side take turns, and their records stay in order', async () => {
  await transaction('teams', ada, async (tx) => {
    const nested = ['a', 'b', 'c'].map((name) =>
      transaction('teams', ada, async (inner) => {
        made(inner, `${name} begins`)
        await create(inner, name)
        await pause(5)
        made(inner, `${name} ends`)
      }),
    )
    await Promise.all([...nested, tx.team.count(), tx.team.count(), tx.teamMember.count()])
  })
  expect(await steps()).toEqual(['a', 'b', 'c'].flatMap((name) => [`${name} begins`, `${name} ends`]))
})

test('one of several nested transactions that fails takes all with it, and the late ones do nothing', async () => {
  const outcome = transaction('teams', ada, async () => {
    await Promise.all([
      transaction('teams', ada, async (inner) => {
        await create(inner, 'first')
        throw new Error('the first one')
      }),
      transaction('teams', ada, async (inner) => create(inner, 'second')),
    ])
  })
  await expect(outcome).rejects.toThrow('the first one')
  await pause(50)
  expect(await slugs()).toEqual([])
})

test('a transaction that is used after its end says so, and does nothing', async () => {
  let kept: Tx<'teams'> | undefined
  let late: Promise<unknown> | undefined
  await transaction('teams', ada, async (tx) => {
    kept = tx
    late = pause(50).then(async () => transaction('teams', ada, async (inner) => create(inner, 'late')))
    late.catch(() => undefined)
  })
  expect(() => kept?.team).toThrow('This transaction has ended')
  expect(() => kept && made(kept, 'late')).toThrow('This transaction has ended')
  await expect(kept?.lock('team', { slug: 'x' })).rejects.toThrow('This transaction has ended')
  await expect(late).rejects.toThrow('The transaction around this one has ended')
  expect([await slugs(), await steps()]).toEqual([[], []])
})

test('a record whose data is not what its event says leaves nothing', async () => {
  const outcome = transaction('teams', ada, async (tx) => {
    await create(tx, 'atlas')
    const personal = { step: 'one', email: 'ada@example.org' }
    tx.record('teams.trial.made', {}, personal)
  })
  await expect(outcome).rejects.toThrow('email')
  expect([await slugs(), await steps()]).toEqual([[], []])
})

test('no other service and no table of the spine can be reached, by type or at run time', async () => {
  await transaction('teams', ada, async (tx) => {
    // @ts-expect-error -- users belong to auth
    expect(() => tx.user).toThrow('user is no model of teams')
    // @ts-expect-error -- the activity log is written by record() alone
    expect(() => tx.activity).toThrow('activity is no model of teams')
    // @ts-expect-error -- no raw SQL
    expect(tx.$queryRaw).toBeUndefined()
    // @ts-expect-error -- an event of another service
    expect(() => tx.record('auth.trial.made', {}, { step: '' })).toThrow('not defined')
    // @ts-expect-error -- only the service's own rows
    await expect(tx.lock('user', { id: ada.userId })).rejects.toThrow('user is no model of teams')
  })
  // @ts-expect-error -- the same outside
  expect(() => db('teams').user).toThrow('user is no model of teams')
})

test('a name that is taken is the answer only where the rule asks for it', async () => {
  await transaction('teams', ada, async (tx) => create(tx, 'atlas'))
  const asked = transaction('teams', ada, async (tx) => conflictOn({ slug: 'Taken.' }, () => create(tx, 'atlas')))
  await expect(asked).rejects.toMatchObject({ code: 'CONFLICT', message: 'Taken.', details: { reason: 'NAME_TAKEN', field: 'slug' } })
  const unasked = transaction('teams', ada, async (tx) => conflictOn({ name: 'Taken.' }, () => create(tx, 'atlas')))
  await expect(unasked).rejects.toMatchObject({ name: 'PrismaClientKnownRequestError', code: 'P2002' })
})

test('what would belong to a deleted row is NOT_FOUND', async () => {
  const team = await transaction('teams', ada, async (tx) => {
    const { id } = await create(tx, 'atlas')
    return tx.team.delete({ where: { id } })
  })
  const joining = transaction('teams', ada, async (tx) =>
    tx.teamMember.create({ data: { teamId: team.id, userId: ada.userId, role: 'OWNER' } }),
  )
  await expect(joining).rejects.toMatchObject({ code: 'NOT_FOUND', message: 'What this belongs to is not there any more.' })
})

test('a locked row is given as Prisma gives it, and a deleted one is not given', async () => {
  await transaction('teams', ada, async (tx) => {
    const team = await create(tx, 'atlas')
    expect(await tx.lock('team', { id: team.id })).toEqual(team)
    expect(await tx.lock('team', { slug: 'atlas', deletedAt: null })).toEqual(team)
    await tx.team.delete({ where: { id: team.id } })
    expect(await tx.lock('team', { id: team.id })).toBeNull()
  })
})

test('a deletion is taken back by its id, and rows are removed for good by purge alone', async () => {
  const deleted = await transaction('teams', ada, async (tx) => {
    const { id } = await create(tx, 'atlas')
    return tx.team.delete({ where: { id } })
  })
  expect(await db('teams').team.count()).toBe(0)
  expect(await transaction('teams', ada, async (tx) => tx.restore('team', deleted.deletionId ?? ''))).toBe(1)
  expect(await db('teams').team.count()).toBe(1)
  expect(await transaction('teams', ada, async (tx) => tx.purge('team', { id: deleted.id }))).toBe(1)
  expect(await spine.count('teams.teams')).toBe(0)
})

test('a notification goes out with the commit, and not at all with a rollback', async () => {
  const listener = new pg.Client({ connectionString: spine.database.url })
  const heard: unknown[] = []
  await listener.connect()
  await listener.query('LISTEN plinth_revoked')
  listener.on('notification', ({ payload }) => heard.push(payload))
  const notify = (payload: string, end: () => void): Promise<void> =>
    transaction('auth', ada, async (tx) => {
      await tx.notify('plinth_revoked', payload)
      end()
    })
  await expect(
    notify('rolled back', () => {
      throw new Error('no')
    }),
  ).rejects.toThrow('no')
  await notify('committed', () => expect(heard).toEqual([]))
  await listener.query('SELECT')
  expect(heard).toEqual(['committed'])
  await listener.end()
})

test('two that lock the same row see each other', async () => {
  const team = await transaction('teams', ada, async (tx) => create(tx, 'counter'))
  const work = Array.from({ length: 10 }, () =>
    transaction('teams', ada, async (tx) => {
      const row = await tx.lock('team', { id: team.id })
      await tx.team.update({ where: { id: team.id }, data: { name: `${row?.name}+` } })
    }),
  )
  await Promise.all(work)
  expect(await spine.ask('SELECT name FROM teams.teams')).toEqual([{ name: `counter${'+'.repeat(10)}` }])
})

function scopeOfThis(): { connection: { query(sql: string): Promise<{ rows: unknown[] }> } } {
  const connection = currentScope()?.unit.connection
  if (!connection) throw new Error('not in a transaction')
  return { connection }
}
