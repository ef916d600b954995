/** Holds what the clients were told against what the database holds: each acknowledged call once, each refused one never. */
import { isDeepStrictEqual } from 'node:util'
import { changeOf, isAcknowledged, isPassing, type Attempt, type Call } from './history.ts'
import type { Report } from './report.ts'
import type { EventRow, KeyRow, MarkedRow, Snapshot } from './snapshot.ts'

/** How often a call is in the database, by each of its traces. */
interface Traces {
  /** Activity rows of its change. */
  readonly changes: readonly EventRow[]
  /** Rows that bear its mark, where the procedure makes a row of its own. */
  readonly rows: number | null
  /** The claim of its key. */
  readonly keys: readonly KeyRow[]
}

/** Checks every call, and that no change is there that nobody asked for. */
export function checkCalls(calls: readonly Call[], snapshot: Snapshot, report: Report): void {
  const index = indexOf(snapshot)
  const claimed = new Set<EventRow>()
  for (const call of calls) {
    const traces = tracesOf(call, index)
    for (const change of traces.changes) claimed.add(change)
    checkCall(call, traces, report)
    checkAttempts(call, traces, report)
    checkAnswers(call, traces, report)
  }
  const changes = new Set<string>(Object.values(changeOf))
  for (const row of snapshot.activity) {
    if (changes.has(row.event) && !claimed.has(row)) report.violation('nothing-from-nowhere', `${row.event} ${row.id} belongs to no call`)
  }
}

function checkCall(call: Call, traces: Traces, report: Report): void {
  const effects = isIdle(call, traces) ? 0 : traces.changes.length
  const about = `${call.procedure} ${call.id} (${call.outcome}): ${tell(traces)}`
  report.count(`${call.procedure} ${call.outcome}`)
  if (call.outcome === 'unknown') report.count(`unknown, in the end ${traces.keys.length > 0 ? 'there' : 'absent'}`)
  if (call.outcome === 'ok' && effects !== 1 && !isIdle(call, traces)) report.violation('acknowledged-once', about)
  if (call.outcome === 'fail' && effects !== 0) report.violation('refused-absent', about)
  if (call.outcome === 'unknown' && effects > 1) report.violation('unknown-at-most-once', about)
  if (traces.rows !== null && traces.rows !== traces.changes.length) report.violation('row-and-activity-agree', about)
  const expectedKeys = effects > 0 || (call.outcome === 'ok' && isIdle(call, traces)) ? 1 : 0
  const idleUnknown = call.outcome === 'unknown' && isIdle(call, traces)
  if (!idleUnknown && traces.keys.length !== expectedKeys) report.violation('key-and-effect-agree', about)
}

/** To give somebody the role they have is acknowledged and changes nothing. */
function isIdle({ procedure }: Call, { changes, keys }: Traces): boolean {
  return procedure === 'teams.member.changeRole' && changes.length === 0 && keys.length === 1
}

/** A refused attempt left no change, and no call was refused after it had been acknowledged or committed. */
function checkAttempts(call: Call, { changes }: Traces, report: Report): void {
  let done: Attempt | null = null
  for (const attempt of call.attempts) {
    const mine = changes.some(({ requestId }) => requestId === attempt.requestId)
    const refused = attempt.answer?.type === 'fail' && !isAcknowledged(attempt)
    const about = `${call.procedure} ${call.id}, attempt ${attempt.attempt} (${attempt.answer?.code ?? 'no code'})`
    if (refused && mine) report.violation('refused-absent', `${about} left its change`)
    if (refused && done && !isPassing(attempt.answer?.code)) {
      report.violation('repeat-answered', `${about} was refused though attempt ${done.attempt} had its effect`)
    }
    if ((mine && !attempt.answer?.abandoned) || isAcknowledged(attempt)) done ??= attempt
    if (attempt.attempt > 1) report.count('attempts that repeat a call')
    if (refused) report.count(`attempts refused ${attempt.answer?.code}`)
    if (attempt.answer?.type !== 'fail' && !isAcknowledged(attempt)) report.count(`attempts unknown ${attempt.answer?.code ?? 'NO ANSWER'}`)
  }
}

/** Every acknowledgement of a call says the same, and it is what was stored. */
function checkAnswers(call: Call, { keys }: Traces, report: Report): void {
  const answers = call.attempts.filter(({ answer }) => answer?.type === 'ok').map(({ answer }) => answer?.result)
  const [first, ...repeats] = answers
  if (answers.length > 1) report.count('calls acknowledged again')
  const stored = keys[0]?.result ?? null
  const differs = [...repeats, ...(stored === null ? [] : [stored])].find((answer) => !isDeepStrictEqual(plain(answer), plain(first)))
  if (first !== undefined && differs !== undefined) {
    report.violation('answers-agree', `${call.procedure} ${call.id}: ${JSON.stringify(first)} and ${JSON.stringify(differs)}`)
  }
}

/** The values of a SuperJSON document without its notes on their types. */
function plain(document: unknown): unknown {
  return typeof document === 'object' && document !== null && 'json' in document ? document.json : document
}

function tell({ changes, rows, keys }: Traces): string {
  return `${changes.length} changes, ${rows === null ? '' : `${rows} rows, `}${keys.length} keys`
}

interface Index {
  readonly changes: Map<string, EventRow[]>
  readonly rows: Record<'teams.create' | 'teams.invitation.create' | 'auth.signIn', Map<string, number>>
  readonly keys: Map<string, KeyRow[]>
  readonly markOf: (row: EventRow) => string
}

function indexOf(snapshot: Snapshot): Index {
  const slugs = new Map(snapshot.teams.map(({ id, slug }) => [id, slug]))
  const addresses = new Map(snapshot.invitations.map(({ id, mark }) => [id, mark]))
  const agents = new Map(snapshot.sessions.map(({ id, mark }) => [id, mark]))
  return {
    changes: Map.groupBy(snapshot.activity, ({ event, requestId }) => `${event} ${requestId}`),
    rows: {
      'teams.create': tally([...slugs.values()]),
      'teams.invitation.create': tally(snapshot.invitations.map(markIn)),
      'auth.signIn': tally(snapshot.sessions.map(markIn)),
    },
    keys: Map.groupBy(snapshot.keys, ({ owner, procedure, key }) => `${owner} ${procedure} ${key}`),
    markOf: (row) => markOf(row, slugs, addresses, agents),
  }
}

/** The mark of the call that this change is the effect of: calls of one batch share their request id, never a mark. */
function markOf(row: EventRow, slugs: Map<string, string>, addresses: Map<string, string>, agents: Map<string, string>): string {
  const team = row.team ?? ''
  switch (row.event) {
    case 'teams.team.created':
      return slugs.get(team) ?? ''
    case 'teams.invitation.created':
      return addresses.get(String(row.data['invitationId'])) ?? ''
    case 'teams.member.role_changed':
      return `${team}/${row.user}`
    case 'auth.session.started':
      return agents.get(String(row.data['sessionId'])) ?? ''
    default:
      return team
  }
}

function tracesOf(call: Call, index: Index): Traces {
  const requests = new Set(call.attempts.map(({ requestId }) => requestId))
  const event = changeOf[call.procedure]
  const changes = [...requests].flatMap((request) => index.changes.get(`${event} ${request}`) ?? [])
  const rows = call.procedure in index.rows ? (index.rows[call.procedure as keyof Index['rows']].get(call.mark) ?? 0) : null
  return {
    changes: changes.filter((row) => index.markOf(row) === call.mark),
    rows,
    keys: index.keys.get(`${call.owner} ${call.procedure} ${call.key}`) ?? [],
  }
}

function tally(items: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1)
  return counts
}

function markIn({ mark }: MarkedRow): string {
  return mark
}
