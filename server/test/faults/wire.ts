/**
 * PostgreSQL's protocol, as far as an observer needs it: which statement was sent, which was answered, in which transaction.
 * Follows simple and extended queries and named statements (PostgreSQL 18 documentation, chapter 54). Speaks no TLS.
 */

/** One message with its length and, unless it opens the connection, its type letter. */
export interface Frame {
  /** Empty for the messages that open a connection. */
  readonly type: string
  readonly bytes: Buffer
}

/** A statement that went over the wire, with those that went before it in the same transaction (itself last). */
export interface Seen {
  readonly sql: string
  readonly transaction: readonly string[]
}

/** Cuts one direction of a connection into messages, whatever the pieces it arrives in. */
export function createSplitter(from: 'client' | 'server'): (chunk: Buffer) => Frame[] {
  let rest = Buffer.alloc(0)
  let opening = from === 'client'
  return (chunk) => {
    rest = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk])
    const frames: Frame[] = []
    for (;;) {
      const typed = opening ? 0 : 1
      if (rest.length < typed + 4) return frames
      const length = rest.readInt32BE(typed) + typed
      if (rest.length < length) return frames
      const bytes = rest.subarray(0, length)
      frames.push({ type: opening ? '' : String.fromCharCode(bytes[0] ?? 0), bytes })
      opening &&= !isStartup(bytes)
      rest = rest.subarray(length)
    }
  }
}

/** Version 3.x opens the session; the other untyped messages (TLS, cancel) come before it or alone. */
function isStartup(bytes: Buffer): boolean {
  return bytes.readInt32BE(4) >>> 16 === 3
}

/** Follows the statements of one connection. */
export interface Tracker {
  /** Takes a message of the client; gives the statement that it makes the server execute, if it does. */
  client(frame: Frame): Seen | null
  /** Takes a message of the server; gives the statement that it reports as done, if it does. */
  server(frame: Frame): Seen | null
  /** The server process behind the connection, once it is known. */
  pid(): number | null
}

interface Pending {
  readonly kind: 'simple' | 'extended' | 'sync'
  readonly sql: string
  failed: boolean
}

interface State {
  readonly statements: Map<string, string>
  readonly portals: Map<string, string>
  pending: Pending[]
  transaction: string[]
  pid: number | null
}

/** Makes a tracker for a new connection. */
export function createTracker(): Tracker {
  const state: State = { statements: new Map(), portals: new Map(), pending: [], transaction: [], pid: null }
  return {
    client: (frame) => clientMessage(state, frame),
    server: (frame) => serverMessage(state, frame),
    pid: () => state.pid,
  }
}

function clientMessage(state: State, { type, bytes }: Frame): Seen | null {
  if (type === 'S') state.pending.push({ kind: 'sync', sql: '', failed: false })
  if (type === 'Q') return sent(state, 'simple', text(bytes, 5))
  if (type === 'E') return sent(state, 'extended', state.portals.get(text(bytes, 5)) ?? '')
  if (type === 'P') {
    const name = text(bytes, 5)
    state.statements.set(name, text(bytes, 5 + Buffer.byteLength(name) + 1))
  }
  if (type === 'B') {
    const portal = text(bytes, 5)
    state.portals.set(portal, state.statements.get(text(bytes, 5 + Buffer.byteLength(portal) + 1)) ?? '')
  }
  return null
}

function sent(state: State, kind: 'simple' | 'extended', sql: string): Seen {
  state.pending.push({ kind, sql, failed: false })
  state.transaction.push(sql)
  return { sql, transaction: [...state.transaction] }
}

function serverMessage(state: State, { type, bytes }: Frame): Seen | null {
  const first = state.pending[0]
  if (type === 'K') state.pid = bytes.readInt32BE(5)
  if (type === 'E') fail(state)
  if (type === 'Z') return ready(state, String.fromCharCode(bytes[5] ?? 0))
  if (first?.kind !== 'extended' || !'CIs'.includes(type)) return null
  state.pending.shift()
  return type === 'C' ? { sql: first.sql, transaction: [...state.transaction] } : null
}

function fail(state: State): void {
  while (state.pending[0]?.kind === 'extended') state.pending.shift()
  if (state.pending[0]) state.pending[0].failed = true
}

/**
 * The server is done with everything up to here. A message of several statements is done here and not before: it commits at its end.
 * Outside a transaction, the statements still under way begin the next one.
 */
function ready(state: State, status: string): Seen | null {
  const end = state.pending.findIndex(({ kind }) => kind !== 'extended')
  const done = state.pending[end]
  const seen = done?.kind === 'simple' && !done.failed ? { sql: done.sql, transaction: [...state.transaction] } : null
  state.pending = state.pending.slice(end + 1)
  if (status === 'I') state.transaction = state.pending.filter(({ kind }) => kind !== 'sync').map(({ sql }) => sql)
  return seen
}

function text(bytes: Buffer, start: number): string {
  return bytes.toString('utf8', start, bytes.indexOf(0, start))
}
