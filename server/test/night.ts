/** What services do at night, for tests. */
import { jobs } from '../src/jobs/jobs.ts'

/** Runs what every service does by the clock, in the order that their schedules have: what one removes, the next does not find. */
export async function night(): Promise<void> {
  const nightly = jobs.flatMap((job) => (job.kind === 'schedule' ? [{ ...job, at: minuteOf(job.cron) }] : []))
  for (const job of nightly.toSorted((a, b) => a.at - b.at)) await job.run()
}

function minuteOf(cron: string): number {
  const [, minute, hour] = /^(\d+) (\d+) \* \* \*$/.exec(cron) ?? []
  if (minute === undefined || hour === undefined) throw new Error(`${cron} is not once a night`)
  return Number(hour) * 60 + Number(minute)
}
