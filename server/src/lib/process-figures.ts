/** What Node knows of this process. Imported for its figures alone. */
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { reading } from './metrics.ts'

const NANOSECONDS = 1e9
const RESOLUTION_MS = 10

const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
delay.enable()

/** Two who scrape at once are told the same. */
const SHORTEST_WINDOW_MS = 1_000
let begunAt = performance.now()
let latest: [string[], number][] = []

/** Begun anew with each scrape, or a bad minute would be seen for ever. A waiting loop is late by the resolution itself. */
function lag(): [string[], number][] {
  if (latest.length > 0 && performance.now() - begunAt < SHORTEST_WINDOW_MS) return latest
  const late = (value: number): number => Math.max(0, value / NANOSECONDS - RESOLUTION_MS / 1_000)
  latest = [
    [['0.5'], late(delay.percentile(50))],
    [['0.99'], late(delay.percentile(99))],
    [['1'], late(delay.max)],
  ]
  delay.reset()
  begunAt = performance.now()
  return latest
}

reading(
  'plinth_event_loop_lag_seconds',
  'How late the event loop was since the figures were last asked for, by quantile; 1 is the worst.',
  lag,
  {
    labels: ['quantile'],
    across: 'EACH',
  },
)
reading(
  'plinth_event_loop_busy_seconds_total',
  'Time in which the event loop had something to do: its rate is the utilisation.',
  () => performance.eventLoopUtilization().active / 1_000,
  { across: 'EACH', type: 'counter' },
)
reading(
  'plinth_cpu_seconds_total',
  'CPU time, the threads of libuv among it.',
  () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e6
  },
  { across: 'EACH', type: 'counter' },
)
reading('plinth_memory_bytes', 'Memory: all that is resident, and of the heap what is used and what is taken.', memory, {
  labels: ['kind'],
  across: 'EACH',
})
reading('plinth_uptime_seconds', 'Since the process began.', () => process.uptime(), { across: 'EACH' })

function memory(): [string[], number][] {
  const { rss, heapUsed, heapTotal, external } = process.memoryUsage()
  return Object.entries({ resident: rss, heap_used: heapUsed, heap_total: heapTotal, external }).map(([kind, value]) => [[kind], value])
}
