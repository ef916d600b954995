/** Statements as they are watched: how long each took, and which of them took too long. */
import { currentCall } from '#lib/call.ts'
import { log } from '#lib/log.ts'
import { counter, histogram } from '#lib/metrics.ts'

const durations = histogram(
  'plinth_query_duration_seconds',
  'How long a statement of a call took, from being sent until its answer; its count is that of queries.',
  {
    labels: ['outcome'],
  },
)
const slow = counter('plinth_slow_queries_total', 'Statements that took longer than SLOW_QUERY_MS.')

let slowMs = Infinity
const longestText = 500

/** Sets from when on a statement is slow (SLOW_QUERY_MS); 0 finds none slow. */
export function useSlowQueryLimit(ms: number): void {
  slowMs = ms === 0 ? Infinity : ms
}

/**
 * Counts a statement that was answered. A slow one is logged with the procedure it was for, without its values: parameters are not looked at,
 * and what is quoted in the text is taken out.
 */
export function watchedQuery(text: string, ms: number, failed: boolean): void {
  durations(ms, [failed ? 'failed' : 'done'])
  if (ms < slowMs) return
  slow()
  const statement = text
    .replace(/'(?:[^']|'')*'/g, "'?'")
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, longestText)
  log.warn({ procedure: currentCall()?.procedure, ms: Math.round(ms), statement }, 'A statement was slow.')
}
