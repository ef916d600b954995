/** Spoiled copies of the server: one promise's keeper is taken out, to see that the judge misses it. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { copyServer, type Copy } from './copy.ts'
import { pointAt, type Fault } from './points.ts'
import type { Rule } from './report.ts'
import { ownSources } from './system.ts'

export interface Spoiling {
  readonly what: string
  /** The file, from the server's folder, and the one change of its text. */
  readonly file: string
  readonly from: string
  readonly to: string
  /** The promises that must be found broken, among others. */
  readonly breaks: readonly Rule[]
  /** What makes it show. */
  readonly faults: readonly Fault[]
}

const lostCommit: Fault = {
  victim: 'web',
  side: 'web',
  point: pointAt('the commit of a change', 'answered', /insert into "teams"\."invitations"/i),
  afterMs: 100,
}
const cutCommit: Fault = { ...lostCommit, victim: 'cut' }
const lostEffect: Fault = {
  victim: 'worker',
  side: 'worker',
  point: pointAt("the commit of a consumer's effect", 'answered'),
  afterMs: 100,
}

export const spoilings: readonly Spoiling[] = [
  {
    what: 'the inbox insert',
    file: 'src/db/consumers.ts',
    from: 'if (!(await entered(service, name, event))) return false',
    to: 'void entered',
    breaks: ['one-effect'],
    faults: [lostEffect, { ...lostEffect, afterMs: 500 }],
  },
  {
    what: 'the key claim',
    file: 'src/db/transaction.ts',
    from: 'const claim = claimOf(service)',
    to: 'const claim = undefined',
    breaks: ['acknowledged-once', 'key-and-effect-agree'],
    faults: [cutCommit, cutCommit, cutCommit, lostCommit],
  },
  {
    what: 'the outbox insert',
    file: 'src/db/record.ts',
    from: 'SELECT service, id, event, actor_kind, actor_id, team_id, user_id, data, request_id, $2 FROM record',
    to: 'SELECT service, id, event, actor_kind, actor_id, team_id, user_id, data, request_id, $2 FROM record WHERE false',
    breaks: ['activity-and-feed-agree'],
    faults: [{ ...lostCommit, afterMs: 500 }],
  },
]

/** Copies the server with the change in it. Throws where the text is not there exactly once: the code moved on, and this must follow. */
export function spoiledCopy({ what, file, from, to }: Spoiling): Copy {
  const parts = readFileSync(join(ownSources, file), 'utf8').split(from)
  if (parts.length !== 2) throw new Error(`${what}: its text is ${parts.length - 1} times in ${file}, not once`)
  const copy = copyServer()
  writeFileSync(join(copy.sources, file), parts.join(to))
  return copy
}
