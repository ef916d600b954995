/** The judge: reads the clients' log and the database, and nothing else. Knows no code of the system under test. */
import { checkCalls } from './check-calls.ts'
import { checkEffects, checkEvents, type Subscriber } from './check-events.ts'
import { checkState } from './check-state.ts'
import { callsOf, type Entry } from './history.ts'
import { createReport, type Report } from './report.ts'
import type { Snapshot } from './snapshot.ts'

/** Checks every promise and gives what it found. The subscribers are those that leave their effects in the campaign's own table. */
export function judge(history: readonly Entry[], snapshot: Snapshot, subscribers: readonly Subscriber[]): Report {
  const report = createReport()
  const calls = callsOf(history)
  report.count('calls', calls.length)
  checkCalls(calls, snapshot, report)
  checkEvents(snapshot, report)
  checkEffects(snapshot, subscribers, report)
  checkState(snapshot, report)
  return report
}
