/** People who watch a team live through all faults: their client resumes by itself, and they must see each event once, in order. */
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from '@plinth/client'
import type { Client } from './clients.ts'
import { changeOf } from './history.ts'
import type { Report } from './report.ts'
import type { Snapshot } from './snapshot.ts'

export interface Watcher {
  readonly team: string
  /** The positions of the events that came, as they came. */
  readonly seen: readonly number[]
  /** Why the client stopped watching, though nobody told it to. */
  readonly ended: () => string | null
  stop(): void
}

/** Lets the person watch their team from its first event on. */
export function watch(url: string, { person }: Client): Watcher {
  const seen: number[] = []
  let ended: string | null = null
  const api = createClient({ url, token: person.token })
  const teamId = person.team as Parameters<typeof api.teams.events.subscribe>[0]['teamId']
  const { unsubscribe } = api.teams.events.subscribe(
    { teamId, lastEventId: '0' },
    {
      onData: ({ id }) => void seen.push(Number(id)),
      onError: (error) => (ended = error.message),
      onComplete: () => (ended ??= 'it was complete'),
    },
  )
  return { team: person.team, seen, ended: () => ended, stop: unsubscribe }
}

/** How long a client may take to come back: its longest pause between two tries, and some. */
const comeBackMs = 20_000

/** Waits until all have seen the last of their events, and checks what they saw against the feed. */
export async function checkWatchers(
  watchers: readonly Watcher[],
  snapshot: Snapshot,
  report: Report,
  patienceMs = comeBackMs,
): Promise<void> {
  const wanted = new Map(watchers.map(({ team }) => [team, positionsOf(team, snapshot)]))
  for (const deadline = Date.now() + patienceMs; Date.now() < deadline; await sleep(50)) {
    if (watchers.every(({ seen, ended, team }) => ended() !== null || seen.at(-1) === wanted.get(team)?.at(-1))) break
  }
  for (const { team, seen, ended } of watchers) {
    const positions = wanted.get(team) ?? []
    const wrong = positions.findIndex((position, index) => seen[index] !== position)
    const about = `team ${team}: of ${positions.length} events ${seen.length} were seen`
    if (ended() !== null) report.violation('watched', `${about}; watching ended: ${ended()}`)
    else if (wrong >= 0) report.violation('watched', `${about}; ${seen[wrong] ?? 'nothing'} where position ${positions[wrong]} should be`)
    else if (seen.length > positions.length) report.violation('watched', `${about}; ${seen[positions.length]} came after the last`)
    report.count('events seen live', seen.length)
  }
}

/** What was refused is not shown live. */
function positionsOf(team: string, { feed }: Snapshot): number[] {
  const shown = new Set<string>(Object.values(changeOf))
  return feed.filter((row) => row.service === 'teams' && row.team === team && shown.has(row.event)).map(({ position }) => position)
}
