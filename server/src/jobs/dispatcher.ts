/** Keeps the outboxes empty: one loop a service, woken by commits, polling in case a wake-up got lost. */
import type pg from 'pg'
import { notifySoon, onHearing, onNotification } from '#db/notify.ts'
import type { Service } from '#db'
import { alarm, type Alarm } from '#lib/alarm.ts'
import { counter } from '#lib/metrics.ts'
import { batchSize, dispatch, type Turn } from './dispatch.ts'
import type { Log } from './pool.ts'

/** How late an event is at most when its wake-up was lost. */
const pollMs = 1_000
/** When to look again while another process has the turn: it may have stopped reading just before our event came. */
const busyMs = 50

const dispatched = counter('plinth_dispatched_events_total', 'Events that were given their position in the feed.', ['service'])

export interface Dispatcher {
  /** Ends after the turn under way. */
  stop(): Promise<void>
}

/** Starts dispatching. Any number of processes may: one has the turn for a service, the others look on and take over. */
export async function startDispatcher(pool: pg.Pool, services: readonly Service[], log: Log): Promise<Dispatcher> {
  await pool.query('INSERT INTO core.sequencers (service) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING', [services])
  const state = { stopped: false }
  const alarms = new Map(services.map((service) => [service as string, alarm()]))
  const ringAll = () => alarms.forEach((each) => each.ring())
  const unsubscribe = [
    onNotification('plinth_outbox', (service) => (alarms.has(service) ? alarms.get(service)?.ring() : ringAll())),
    onHearing(ringAll),
  ]
  const loops = services.map((service) => keepEmpty(pool, service, alarms.get(service) ?? alarm(), state, log))
  return {
    async stop() {
      state.stopped = true
      unsubscribe.forEach((end) => end())
      ringAll()
      await Promise.all(loops)
    },
  }
}

/**
 * Where to read from. Taken rows stay in the table and its index for as long as any transaction of this database is open, and reading
 * past them takes time (200,000: 0.1 s). So a turn begins after the events of a while ago, and a sweep from the very beginning, once a
 * second and for at most a tenth of the time, finds what was committed more than a sweep after it took its place.
 */
interface Reach {
  floor: bigint
  mark: bigint
  sweepAt: number
}

function settleReach(reach: Reach, turn: Turn, startedAt: number): void {
  const end = performance.now()
  reach.floor = reach.mark
  reach.mark = turn.top
  reach.sweepAt = end + Math.max(pollMs, 10 * (end - startedAt))
}

async function keepEmpty(pool: pg.Pool, service: Service, wake: Alarm, state: { stopped: boolean }, log: Log): Promise<void> {
  const reach: Reach = { floor: 0n, mark: 0n, sweepAt: 0 }
  while (!state.stopped) {
    const startedAt = performance.now()
    const sweeps = startedAt >= reach.sweepAt
    const turn = await takeTurn(pool, service, sweeps ? 0n : reach.floor, log)
    if (!turn) {
      await wake.wait(pollMs)
      continue
    }
    announce(service, turn)
    if (sweeps && turn.moved < batchSize) settleReach(reach, turn, startedAt)
    // What was committed meanwhile has rung.
    if (turn.moved < batchSize) await wake.wait(turn.busyElsewhere ? busyMs : pollMs)
  }
}

/** A turn that fails moved nothing; the next one, a poll later, finds the same events. */
async function takeTurn(pool: pg.Pool, service: Service, after: bigint, log: Log): Promise<Turn | undefined> {
  try {
    return await dispatch(pool, service, after)
  } catch (error) {
    log.warn({ error, service }, 'A turn of the dispatcher failed; it is tried again.')
    return undefined
  }
}

function announce(service: Service, turn: Turn): void {
  dispatched([service], turn.moved)
  if (turn.moved > 0) notifySoon('plinth_feed', service)
  for (const queue of turn.queues) notifySoon('plinth_jobs', queue)
}
