/** Where every kind of call is made once, and held against what it left in the activity log. */
import { randomUUID } from 'node:crypto'
import { expect } from 'vitest'
import { settled } from '../belongings.ts'
import { openBrowser, type Answer, type Browser } from '../browser.ts'
import { query } from '../database.ts'
import type { TestServer } from '../server.ts'

/** What a call leaves: who did it, whom it is about, by their first addresses; and what the log says beside that. */
export interface Trace {
  readonly event: string
  /** Left out for strangers. */
  readonly by?: string
  readonly about?: string
  readonly data?: unknown
  readonly team?: unknown
  readonly apiKey?: string
  /** The administrator who acts in the name of `by`. */
  readonly inNameOf?: string
}

/** From where all of it is done. */
export const place = { address: '203.0.113.77', userAgent: 'a browser of these tests' } as const

export interface Stage {
  readonly server: TestServer
  /** A browser at that place; signed in where a token is given. */
  open(token?: string): Browser
  /** Holds the status of a call, and that it left exactly these traces. Gives its answer. */
  leaves(call: Promise<Answer>, status: number, ...traces: Trace[]): Promise<Answer>
  /** Waits for what was mailed, and gives what of the newest mail matches the group `found`. */
  mailed(email: string, what: RegExp): Promise<string>
  ask<R extends Record<string, unknown>>(sql: string, values?: unknown[]): Promise<R[]>
  /** Every call that was held: whether it went through, and what it left. */
  readonly held: readonly Held[]
  /** Everything that was sent or given and must stand in no log. */
  readonly secrets: ReadonlySet<string>
}

export interface Held {
  readonly procedure: string
  readonly status: number
  readonly events: readonly string[]
}

/** Fields whose values let somebody in. */
const secretFields = /^(?:password|currentPassword|code|codes|token|pendingToken|rememberToken|secret|key|state|url)$/

/** Ids that are known when they are made: any, under these names. */
export function ids(...names: string[]): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, expect.any(String)]))
}

/** Opens it. */
export function openStage(server: TestServer): Stage {
  const [secrets, held, asked] = [new Set<string>(), [] as Held[], new WeakMap<Answer, Omit<Held, 'status' | 'events'> & { id: string }>()]
  const ask: Stage['ask'] = (sql, values = []) => query(server.database.ownerUrl, sql, values)
  const note = (value: unknown) => collect(value, secrets)

  const open = (token?: string): Browser => {
    const always = { 'user-agent': place.userAgent, 'x-forwarded-for': place.address, ...(token && { authorization: `Bearer ${token}` }) }
    const browser = openBrowser(server.url, always)
    const watched = (how: 'mutate' | 'query') => async (procedure: string, input?: unknown, headers?: Record<string, string>) => {
      const id = randomUUID()
      const answer = await browser[how](procedure, input, { 'x-request-id': id, ...headers })
      note(input)
      note(answer.data)
      for (const line of answer.setCookies) collect({ token: line.split(/[=;]/)[1] }, secrets)
      asked.set(answer, { procedure, id })
      return answer
    }
    return { cookies: browser.cookies, mutate: watched('mutate'), query: watched('query') }
  }

  const leaves: Stage['leaves'] = async (call, status, ...traces) => {
    const answer = await call
    const { procedure = '', id = '' } = asked.get(answer) ?? {}
    expect([procedure, answer.status, answer.status < 400 || answer.error]).toEqual([procedure, status, status < 400 || answer.error])
    const left = await tracesOf(ask, id)
    expect([procedure, left]).toEqual([procedure, traces.map((trace) => ({ data: {}, ...trace }))])
    held.push({ procedure, status, events: traces.map(({ event }) => event) })
    return answer
  }
  const mailed: Stage['mailed'] = async (email, what) => {
    await settled(server)
    const found = (await server.mailsTo(email)).map(({ text }) => what.exec(text)?.groups?.['found']).find((each) => each !== undefined)
    if (found === undefined) throw new Error(`No mail to ${email} matches ${what}`)
    return found
  }
  return { server, open, leaves, mailed, ask, held, secrets }
}

function collect(value: unknown, secrets: Set<string>, name = ''): void {
  if (typeof value === 'string') {
    if (value.length >= 6 && (secretFields.test(name) || value.startsWith('pln_'))) secrets.add(value)
  } else if (Array.isArray(value)) for (const each of value) collect(each, secrets, name)
  else if (typeof value === 'object' && value !== null) for (const [key, each] of Object.entries(value)) collect(each, secrets, key)
}

interface Row extends Record<string, unknown> {
  readonly event: string
  readonly actor_kind: string
  readonly by: string | null
  readonly about: string | null
  readonly in_name_of: string | null
  readonly api_key_id: string | null
  readonly team_id: string | null
  readonly data: unknown
  readonly lately: boolean
  readonly origins: unknown
}

/** People are called by the address that they first had here: `known` remembers it. */
const known = new Map<string, string>()

/** What a request left, oldest first; jobs that follow from it name it too, and what they leave is theirs. Of each: that it is dated now, and comes from the one place that there is. */
async function tracesOf(ask: Stage['ask'], requestId: string): Promise<Trace[]> {
  for (const { id, email } of await ask<{ id: string; email: string }>('SELECT id, email FROM auth.users'))
    if (!known.has(id)) known.set(id, email)
  const rows = await ask<Row>(
    `SELECT event, actor_kind, actor_id AS by, user_id AS about, impersonator_id AS in_name_of, api_key_id, team_id, data,
            created_at BETWEEN core.clock() - interval '1 minute' AND core.clock() AS lately,
            (SELECT jsonb_agg(jsonb_build_array(o.address, o.user_agent)) FROM core.activity_origins o WHERE o.activity_id = a.id) AS origins
     FROM core.activity a WHERE request_id = $1 AND NOT (actor_kind = 'SYSTEM' AND event LIKE 'profile.%') ORDER BY id`,
    [requestId],
  )
  return rows.map((row) => {
    const { event, actor_kind: kind, by, about, in_name_of: administrator, api_key_id: apiKey, team_id: team, data, lately, origins } = row
    expect([event, kind, lately, origins]).toEqual([event, by === null ? 'ANONYMOUS' : 'USER', true, [[place.address, place.userAgent]]])
    const whole = { by: nameOf(by), about: nameOf(about), inNameOf: nameOf(administrator), apiKey, team, data }
    return { event, ...Object.fromEntries(Object.entries(whole).filter(([, value]) => value !== null)) }
  })
}

function nameOf(id: string | null): string | null {
  return id === null ? null : (known.get(id) ?? `nobody called ${id}`)
}
