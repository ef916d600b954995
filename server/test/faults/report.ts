/** What a check has found: violations by the rule they break, and counts of everything that was looked at. */

/** The promises that are checked. docs/faults.md says what each means. */
export type Rule =
  | 'acknowledged-once'
  | 'refused-absent'
  | 'unknown-at-most-once'
  | 'row-and-activity-agree'
  | 'key-and-effect-agree'
  | 'repeat-answered'
  | 'answers-agree'
  | 'nothing-from-nowhere'
  | 'activity-and-feed-agree'
  | 'feed-gapless'
  | 'one-effect'
  | 'mailed'
  | 'watched'
  | 'drained'
  | 'state-follows-events'
  | 'alive'

export interface Violation {
  readonly rule: Rule
  readonly detail: string
}

export interface Report {
  readonly violations: readonly Violation[]
  readonly counts: ReadonlyMap<string, number>
  violation(rule: Rule, detail: string): void
  count(what: string, by?: number): void
}

/** Makes an empty report. */
export function createReport(): Report {
  const violations: Violation[] = []
  const counts = new Map<string, number>()
  return {
    violations,
    counts,
    violation: (rule, detail) => void violations.push({ rule, detail }),
    count: (what, by = 1) => void counts.set(what, (counts.get(what) ?? 0) + by),
  }
}

/** Lists which promises are broken, each once. */
export function brokenRules({ violations }: Pick<Report, 'violations'>): Rule[] {
  return [...new Set(violations.map(({ rule }) => rule))].toSorted()
}

/** Tells the report in lines of text, at most `most` violations of a rule. */
export function tellReport({ violations, counts }: Pick<Report, 'violations' | 'counts'>, most = 5): string {
  const lines = [...counts].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([what, count]) => `${String(count).padStart(8)}  ${what}`)
  for (const [rule, broken] of Map.groupBy(violations, (violation) => violation.rule)) {
    lines.push(`VIOLATED ${rule}: ${broken.length}`, ...broken.slice(0, most).map(({ detail }) => `  ${detail}`))
  }
  if (violations.length === 0) lines.push('No violation.')
  return lines.join('\n')
}
