/** A TCP proxy in front of PostgreSQL that breaks on demand: at a COMMIT, in the middle of anything, slowly, or without a word. */
import { createServer, connect, type Socket, type AddressInfo } from 'node:net'

/** Where the next COMMIT breaks: before the server gets it, while it works on it, or when its answer is on the way back. */
export type Cut = 'BEFORE_COMMIT' | 'DURING_COMMIT' | 'AFTER_COMMIT'

/** A proxy under a test's control. */
export interface Proxy extends AsyncDisposable {
  /** The database's URL, through the proxy. */
  readonly url: string
  /** What was asked since the last `forget()`: one entry a round trip. */
  readonly trips: readonly string[]
  forget(): void
  /** Breaks the connection of the next `times` COMMITs. */
  cut(where: Cut, times?: number): void
  /** Lets each packet wait, both ways. */
  delay(ms: number): void
  /** From now on nothing passes, and nothing is closed either: a peer that fell silent. `false` ends it for connections to come. */
  blackHole(on: boolean): void
  /** Breaks every connection with a reset. */
  drop(): void
}

interface State {
  readonly trips: string[]
  readonly sockets: Set<Socket>
  cuts: Cut[]
  delayMs: number
  silent: boolean
}

/** Starts a proxy on a free port. */
export async function startProxy(databaseUrl: string): Promise<Proxy> {
  const target = new URL(databaseUrl)
  const state: State = { trips: [], sockets: new Set(), cuts: [], delayMs: 0, silent: false }
  const server = createServer((client) => join(state, client, connect(Number(target.port), target.hostname)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = new URL(databaseUrl)
  url.hostname = '127.0.0.1'
  url.port = String((server.address() as AddressInfo).port)
  return {
    url: url.href,
    trips: state.trips,
    forget: () => void (state.trips.length = 0),
    cut: (where, times = 1) => void (state.cuts = Array.from({ length: times }, () => where)),
    delay: (ms) => void (state.delayMs = ms),
    blackHole: (on) => void (state.silent = on),
    drop: () => reset(state),
    [Symbol.asyncDispose]: async () => {
      reset(state)
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function join(state: State, client: Socket, server: Socket): void {
  const read = messageReader()
  let cut: Cut | undefined
  let silent = false
  const isSilent = (): boolean => (silent ||= state.silent)
  client.setNoDelay(true)
  server.setNoDelay(true)
  const end = (): void => {
    client.destroy()
    server.destroy()
  }
  for (const socket of [client, server]) {
    state.sockets.add(socket)
    socket.on('error', end).on('close', () => {
      state.sockets.delete(socket)
      if (!isSilent()) end()
    })
  }
  // No encoding is set on the sockets: what they give is bytes.
  client.on('data', (data: Buffer) => {
    if (isSilent()) return
    const asked = read(data)
    state.trips.push(...asked)
    if (asked.includes('COMMIT')) cut = state.cuts.shift()
    if (cut === 'BEFORE_COMMIT') return end()
    pass(state, data, server)
    if (cut === 'DURING_COMMIT') client.resetAndDestroy()
  })
  server.on('data', (data: Buffer) => {
    if (isSilent()) return
    if (cut === 'AFTER_COMMIT') return end()
    pass(state, data, client)
  })
}

function pass(state: State, data: Buffer, to: Socket): void {
  if (state.delayMs === 0) return void to.write(data)
  setTimeout(() => to.write(data), state.delayMs)
}

function reset(state: State): void {
  for (const socket of state.sockets) socket.resetAndDestroy()
}

/**
 * Reads what a client asks (PostgreSQL's manual, 54.7: a type, a length, a body; the first message has no type). Gives a text for each
 * message that the server answers with ReadyForQuery: Query and Sync.
 */
function messageReader(): (data: Buffer) => string[] {
  const prepared = new Map<string, string>()
  let rest = Buffer.alloc(0)
  let started = false
  let text = ''
  return (data) => {
    rest = Buffer.concat([rest, data])
    const asked: string[] = []
    for (;;) {
      const head = started ? 1 : 0
      if (rest.length < head + 4 || rest.length < head + rest.readUInt32BE(head)) return asked
      const end = head + rest.readUInt32BE(head)
      const type = started ? String.fromCharCode(rest[0] ?? 0) : 'startup'
      const strings = rest
        .subarray(head + 4, end)
        .toString()
        .split('\0')
      rest = rest.subarray(end)
      started = true
      if (type === 'Q') asked.push(strings[0] ?? '')
      if (type === 'P') prepared.set(strings[0] ?? '', strings[1] ?? '')
      if (type === 'B') text = prepared.get(strings[1] ?? '') ?? ''
      if (type === 'S') asked.push(text)
    }
  }
}
