/** Keeps the outboxes empty: one loop a service, woken by commits, polling in case a wake-up got lost. */
import type pg from 'pg'
import { notifySoon, onHearing, onNotification } from '#db/notify.ts'
import type { Service } from '#db'
import { alarm, type Alarm } from './alarm.ts'
import { dispatch, type Turn } from './dispatch.ts'
import type { Log } from './pool.ts'

/** How late an event is at most when its wake-up was lost. */
const pollMs = 1_000
/** When to look again while another process has the turn: it may have stopped reading just before our event came. */
const busyMs = 50

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

async function keepEmpty(pool: pg.Pool, service: Service, wake: Alarm, state: { stopped: boolean }, log: Log): Promise<void> {
  while (!state.stopped) {
    const turn = await takeTurn(pool, service, log)
    announce(service, turn)
    if (turn.moved === 0) await wake.wait(turn.busyElsewhere ? busyMs : pollMs)
  }
}

/** A turn that fails moved nothing; the next one, a poll later, finds the same events. */
async function takeTurn(pool: pg.Pool, service: Service, log: Log): Promise<Turn> {
  try {
    return await dispatch(pool, service)
  } catch (error) {
    log.warn({ error, service }, 'A turn of the dispatcher failed; it is tried again.')
    return { moved: 0, queues: [], busyElsewhere: false }
  }
}

function announce(service: Service, turn: Turn): void {
  if (turn.moved > 0) notifySoon('plinth_feed', service)
  for (const queue of turn.queues) notifySoon('plinth_jobs', queue)
}
