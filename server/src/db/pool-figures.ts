/** The figures of the pools of this process. */
import type pg from 'pg'
import { reading } from '#lib/metrics.ts'

const pools = new Map<string, () => pg.Pool | undefined>()

/** Shows the figures of a pool, while there is one, under this name. */
export function showPool(name: string, poolOf: () => pg.Pool | undefined): void {
  pools.set(name, poolOf)
}

reading(
  'plinth_pool_connections',
  'Open connections: those in use and those that are idle.',
  () => ofEach((pool) => ({ used: pool.totalCount - pool.idleCount, idle: pool.idleCount })),
  {
    labels: ['pool', 'state'],
  },
)
reading('plinth_pool_connections_most', 'How many connections the pool may open.', () => ofEach((pool) => ({ '': pool.options.max })), {
  labels: ['pool'],
})
reading(
  'plinth_pool_waiting',
  'Who waits for a connection. More than nothing for long: the pool is too small, or the database too slow.',
  () => ofEach((pool) => ({ '': pool.waitingCount })),
  { labels: ['pool'] },
)

function ofEach(read: (pool: pg.Pool) => Readonly<Record<string, number>>): [string[], number][] {
  return [...pools].flatMap(([name, poolOf]) => {
    const pool = poolOf()
    return pool ? Object.entries(read(pool)).map(([state, value]): [string[], number] => [[name, state], value]) : []
  })
}
