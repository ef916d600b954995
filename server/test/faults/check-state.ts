/** Replays the feed: what it tells must lead to what the tables hold, step by step, or an event was lost, doubled or out of order. */
import type { Report } from './report.ts'
import type { MemberRow, Snapshot } from './snapshot.ts'

/** Checks the roles of members and the life of teams. */
export function checkState(snapshot: Snapshot, report: Report): void {
  checkRoles(snapshot, report)
  checkLives(snapshot, report)
}

function checkRoles(snapshot: Snapshot, report: Report): void {
  const roles = new Map<string, unknown>()
  for (const { event, team, user, data, position } of snapshot.feed) {
    if (event !== 'teams.member.role_changed') continue
    const who = `${team}/${user}`
    const before = roles.get(who)
    if (before !== undefined && before !== data['from']) {
      report.violation('state-follows-events', `${who} had ${before}, and position ${position} changes ${data['from']} to ${data['to']}`)
    }
    roles.set(who, data['to'])
  }
  for (const [who, role] of roles) {
    const member = snapshot.members.find(({ team, user }) => `${team}/${user}` === who)
    if (member?.role !== role) report.violation('state-follows-events', `${who} is ${member?.role}, and the feed says ${role}`)
  }
  report.count('members whose roles were replayed', roles.size)
}

function checkLives(snapshot: Snapshot, report: Report): void {
  const deletions = new Map<string, string | null>()
  for (const { event, team, data, position } of snapshot.feed) {
    if (team === null || !event.startsWith('teams.team.')) continue
    const before = deletions.get(team)
    const after = event === 'teams.team.deleted' ? String(data['deletionId']) : null
    const follows =
      event === 'teams.team.created'
        ? before === undefined
        : event === 'teams.team.deleted'
          ? before === null
          : before === data['deletionId']
    if (!follows)
      report.violation('state-follows-events', `${event} of ${team} at position ${position} follows upon ${before ?? 'nothing or life'}`)
    deletions.set(team, after)
  }
  const members = Map.groupBy(snapshot.members, ({ team }) => team)
  for (const team of snapshot.teams) {
    const deletion = deletions.get(team.id)
    if (deletion !== undefined) checkLife(team, deletion, members.get(team.id) ?? [], report)
  }
  report.count('teams whose lives were replayed', deletions.size)
}

function checkLife(team: Snapshot['teams'][number], deletion: string | null, members: readonly MemberRow[], report: Report): void {
  const wrong = [team, ...members].filter((row) => row.deletionId !== deletion || row.deleted !== (deletion !== null))
  if (wrong.length === 0) return
  report.violation('state-follows-events', `team ${team.id}: ${wrong.length} rows do not agree with its last event (deletion ${deletion})`)
}
