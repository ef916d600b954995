/** What the clients saw: every attempt of every call, in a file of JSON lines. The checker believes nothing else of them. */
import { appendFileSync, readFileSync } from 'node:fs'

/** The mutations that the campaign makes, and the event that each leaves when it has had its effect. */
export const changeOf = {
  'teams.create': 'teams.team.created',
  'teams.delete': 'teams.team.deleted',
  'teams.restore': 'teams.team.restored',
  'teams.invitation.create': 'teams.invitation.created',
  'teams.member.changeRole': 'teams.member.role_changed',
  'auth.signIn': 'auth.session.started',
} as const

export type Procedure = keyof typeof changeOf

/** A client is about to send an attempt of a call. */
export interface Invoke {
  readonly type: 'invoke'
  readonly at: number
  readonly client: string
  /** The call. Its attempts share the key, the input and the mark. */
  readonly call: string
  readonly attempt: number
  readonly procedure: Procedure
  /** Who owns the idempotency key, as the server has it: a user's id, or `device:` and the device. */
  readonly owner: string
  readonly key: string
  /** One per attempt, except that the calls of a batch share theirs. */
  readonly requestId: string
  /** What finds the effect in the database: a slug, an address, a user agent, a team, a team and a person. */
  readonly mark: string
  readonly input: unknown
}

/** What became of an attempt: acknowledged, refused with a definite no, or nobody knows. */
export interface Answer {
  readonly type: 'ok' | 'fail' | 'unknown'
  readonly at: number
  readonly call: string
  readonly attempt: number
  /** The error's code, or what happened to the connection. */
  readonly code?: string
  /** The client went away by itself: this attempt may still be under way in the server. */
  readonly abandoned?: true
  /** The result as it stood on the wire. */
  readonly result?: unknown
}

export type Entry = Invoke | Answer

/** Writes entries to a file, in the order of the calls. */
export function openHistory(file: string): (entry: Entry) => void {
  return (entry) => appendFileSync(file, `${JSON.stringify(entry)}\n`)
}

/** Reads a file of entries. */
export function readHistory(file: string): Entry[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Entry)
}

/** One attempt with its answer; none where the harness ended before it came. */
export interface Attempt extends Invoke {
  readonly answer: Answer | null
}

/** A call with all its attempts, and what the client may conclude from them. */
export interface Call {
  readonly id: string
  readonly procedure: Procedure
  readonly owner: string
  readonly key: string
  readonly mark: string
  readonly input: unknown
  readonly attempts: readonly Attempt[]
  /** `ok`: some attempt was acknowledged. `fail`: every attempt was refused. `unknown`: everything else. */
  readonly outcome: 'ok' | 'fail' | 'unknown'
}

/** Puts the attempts of each call together. */
export function callsOf(history: readonly Entry[]): Call[] {
  const answers = new Map<string, Answer>()
  for (const entry of history) if (entry.type !== 'invoke') answers.set(`${entry.call}#${entry.attempt}`, entry)
  const invokes = history.filter((entry) => entry.type === 'invoke')
  const byCall = Map.groupBy(invokes, ({ call }) => call)
  return [...byCall.values()].map((attempts) => {
    const known = attempts.map((invoke) => ({ ...invoke, answer: answers.get(`${invoke.call}#${invoke.attempt}`) ?? null }))
    return callOf(known)
  })
}

function callOf(attempts: Attempt[]): Call {
  const [first] = attempts
  if (!first) throw new Error('A call without attempts')
  const { call: id, procedure, owner, key, mark, input } = first
  return { id, procedure, owner, key, mark, input, attempts, outcome: outcomeOf(attempts) }
}

function outcomeOf(attempts: readonly Attempt[]): Call['outcome'] {
  if (attempts.some(isAcknowledged)) return 'ok'
  return attempts.every(({ answer }) => answer?.type === 'fail') ? 'fail' : 'unknown'
}

/** ALREADY_DONE acknowledges too: the effect is there, and its result was a secret that is not kept. */
export function isAcknowledged({ answer }: Attempt): boolean {
  return answer?.type === 'ok' || answer?.code === 'ALREADY_DONE'
}

/** Refusals that say nothing of the call itself: nobody listened, or there was no room. Sent again, it may well succeed. */
export function isPassing(code: string | undefined): boolean {
  return code === 'UNAVAILABLE' || code === 'CONFLICT TOO_BUSY' || code === 'ECONNREFUSED'
}
