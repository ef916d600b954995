/** The judge: reads the clients' log and the database, and nothing else. Knows no code of the system under test. */
import { checkCalls } from './check-calls.ts'
import { checkEffects, checkEvents, type Subscriber } from './check-events.ts'
import { checkState } from './check-state.ts'
import { callsOf, type Entry } from './history.ts'
import { createReport, type Report } from './report.ts'
import type { Snapshot } from './snapshot.ts'

/** What the judge is told beside the log: who consumes which events, and which of them leaves its effects in the campaign's own table. */
export interface Expectations {
  readonly subscribers: readonly Subscriber[]
  readonly effectful: string
}

/** Checks every promise and gives what it found. */
export function judge(history: readonly Entry[], snapshot: Snapshot, { subscribers, effectful }: Expectations): Report {
  const report = createReport()
  const calls = callsOf(history)
  report.count('calls', calls.length)
  checkCalls(calls, snapshot, report)
  checkEvents(snapshot, report)
  checkEffects(snapshot, subscribers, effectful, report)
  checkState(snapshot, report)
  return report
}
