/** The figures of a change under load, as people read them. */
import type { Outcome } from './rename.ts'

/** Gives a line for each step, what failed or was lost, and the longest stall. */
export function table({ figures, failures, lost, readAcross }: Outcome): string {
  const rows = figures.map(({ step, lastedMs, writes, p99Ms, slowestMs, silenceMs }) =>
    [
      step.padEnd(28),
      `${(lastedMs / 1000).toFixed(2)} s`.padStart(9),
      `${((writes / lastedMs) * 1000).toFixed(0)} writes/s`.padStart(15),
      `p99 ${p99Ms.toFixed(0)} ms`.padStart(13),
      `slowest ${slowestMs.toFixed(0)} ms`.padStart(17),
      `silence ${silenceMs.toFixed(0)} ms`.padStart(17),
    ].join(''),
  )
  const whole = figures.at(-1)
  return [
    ...rows,
    `${whole?.writes ?? 0} writes, ${readAcross} of them read through the other release: ${failures.length} requests failed, ${lost.length} writes were lost`,
    ...[...new Set(failures)].slice(0, 5),
    ...lost.slice(0, 5),
    `longest stall of a write: ${whole?.slowestMs.toFixed(0) ?? '?'} ms; longest time without any answer: ${whole?.silenceMs.toFixed(0) ?? '?'} ms`,
  ].join('\n')
}
