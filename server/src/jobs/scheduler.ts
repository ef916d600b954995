/** What happens by the clock: at each turn of a schedule exactly one job, however many processes run. */
import { createHash } from 'node:crypto'
import type pg from 'pg'
import type { PgBoss } from 'pg-boss'
import { notifySoon } from '#db/notify.ts'
import { alarm } from '#lib/alarm.ts'
import type { Log } from './pool.ts'

/** A turn that came while no process ran is made up for if it is no older than this: the length of a deploy, not of a night. */
const lookBackMs = 10 * 60_000
const longestWaitMs = 30_000
/** After a fault. */
const retryMs = 1_000

export interface Clockwork {
  readonly name: string
  readonly cron: string
}

export interface Scheduler {
  stop(): Promise<void>
}

/**
 * Starts to queue a job at each turn of each schedule. The job's id follows from the schedule and the turn: every process tries to insert
 * it, the primary key lets one. The time is the database's, so that the processes' clocks need not agree. `cron` is in UTC, to the minute.
 */
export function startScheduler(boss: PgBoss, pool: pg.Pool, schedules: readonly Clockwork[], log: Log): Scheduler {
  const state = { stopped: false }
  const wake = alarm()
  const loop = keepTime()
  return {
    async stop() {
      state.stopped = true
      wake.ring()
      await loop
    },
  }

  async function keepTime(): Promise<void> {
    const fired = new Map<string, number>()
    while (!state.stopped) await wake.wait(await tick(boss, pool, schedules, fired).catch(failed))
  }

  function failed(error: unknown): number {
    log.warn({ error }, 'The schedules could not be looked at; they are looked at again.')
    return retryMs
  }
}

/** Queues what is due and gives the time to the next look. */
async function tick(boss: PgBoss, pool: pg.Pool, schedules: readonly Clockwork[], fired: Map<string, number>): Promise<number> {
  const { rows } = await pool.query<{ now: Date }>('SELECT core.clock() AS now')
  const now = rows[0]?.now ?? new Date()
  for (const { name, cron } of schedules) {
    const turn = latestTurn(boss, cron, now)
    if (!turn || fired.get(name) === turn.getTime()) continue
    await boss.insert(name, [{ id: idOf(name, turn), data: {} }])
    notifySoon('plinth_jobs', name)
    fired.set(name, turn.getTime())
  }
  const next = schedules.map(({ cron }) => boss.previewSchedule(cron, { from: now, count: 1 })[0]?.getTime() ?? Infinity)
  return Math.max(1, Math.min(longestWaitMs, ...next.map((at) => at - now.getTime())))
}

function latestTurn(boss: PgBoss, cron: string, now: Date): Date | undefined {
  const turns = boss.previewSchedule(cron, { from: new Date(now.getTime() - lookBackMs), count: lookBackMs / 60_000 + 1 })
  return turns.filter((turn) => turn <= now).at(-1)
}

/** A uuid (RFC 9562, version 8) that every process computes alike. */
function idOf(name: string, turn: Date): string {
  const hex = createHash('sha256').update(`${name} ${turn.toISOString()}`).digest('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join('-')
}
