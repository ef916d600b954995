/**
 * A TCP proxy in front of PostgreSQL that reads along. At a named point it stops the conversation and lets somebody be killed:
 * exactly there, with no hook in the code under test.
 */
import { connect, createServer, type Server, type Socket } from 'node:net'
import { createSplitter, createTracker, type Frame, type Seen, type Tracker } from './wire.ts'

/** Where in a conversation the fault falls. */
export interface Point {
  readonly name: string
  /**
   * `withheld`: the statement never reaches the server. `sent`: it does, and nobody waits for the answer.
   * `answered`: the server has done it, and the answer never reaches the client.
   */
  readonly phase: 'withheld' | 'sent' | 'answered'
  readonly matches: (statement: Seen) => boolean
}

/** One connection through the proxy. */
export interface Link {
  /** The server process behind it, once it is known. */
  pid(): number | null
  /** Cuts both sides off. */
  cut(): void
}

export interface Proxy {
  readonly port: number
  /** The connections that are open now. */
  links(): readonly Link[]
  /** Stops the first conversation that comes to the point, and gives it, or null when none came within `patienceMs`. */
  reach(point: Point, patienceMs: number): Promise<Link | null>
  /** Refuses new connections, as a machine does where no PostgreSQL runs. */
  refuse(): Promise<void>
  /** Takes connections again. */
  accept(): Promise<void>
  close(): Promise<void>
}

interface Trap {
  readonly point: Point
  readonly spring: (link: Link) => void
}

interface State {
  readonly upstreamPort: number
  readonly links: Set<Link>
  /** Also those of links that are ending: one side is gone, the other has not taken its last words yet. */
  readonly sockets: Set<Socket>
  trap: Trap | null
}

/** Opens a proxy in front of the PostgreSQL that listens on this port of this machine. */
export async function openProxy(upstreamPort: number): Promise<Proxy> {
  const state: State = { upstreamPort, links: new Set(), sockets: new Set(), trap: null }
  let server = await listen(state, 0)
  const port = portOf(server)
  return {
    port,
    links: () => [...state.links],
    reach: (point, patienceMs) => reach(state, point, patienceMs),
    refuse: async () => stopListening(server),
    accept: async () => {
      if (!server.listening) server = await listen(state, port)
    },
    close: async () => {
      for (const socket of state.sockets) socket.destroy()
      await stopListening(server)
    },
  }
}

async function listen(state: State, port: number): Promise<Server> {
  const server = createServer({ noDelay: true }, (client) => carry(state, client))
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen(port, '127.0.0.1', resolve)
  await promise
  return server
}

async function stopListening(server: Server): Promise<void> {
  if (!server.listening) return
  server.close()
}

function portOf(server: Server): number {
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('The proxy does not listen')
  return address.port
}

async function reach(state: State, point: Point, patienceMs: number): Promise<Link | null> {
  const { promise, resolve } = Promise.withResolvers<Link | null>()
  const timer = setTimeout(() => resolve(null), patienceMs)
  state.trap = { point, spring: resolve }
  const link = await promise
  clearTimeout(timer)
  state.trap = null
  return link
}

function carry(state: State, client: Socket): void {
  const upstream = connect({ port: state.upstreamPort, host: '127.0.0.1', noDelay: true })
  const tracker = createTracker()
  const cut = (): void => {
    state.links.delete(link)
    // Node loses the handle of a socket that is reset while it ends, and then waits for it for ever when the process exits.
    if (client.writableEnded) client.destroy()
    else client.resetAndDestroy()
    upstream.destroy()
  }
  const link: Link = { pid: tracker.pid, cut }
  state.links.add(link)
  for (const socket of [client, upstream]) {
    state.sockets.add(socket)
    socket.once('close', () => state.sockets.delete(socket))
  }
  forward(state, link, tracker, { from: client, to: upstream, side: 'client' })
  forward(state, link, tracker, { from: upstream, to: client, side: 'server' })
  upstream.on('error', cut)
  client.on('error', cut)
  upstream.on('close', () => endAfterwards(state, link, client))
  client.on('close', () => endAfterwards(state, link, upstream))
}

/** What the one side said last still reaches the other: PostgreSQL's reason for hanging up, a client's goodbye. */
function endAfterwards(state: State, link: Link, other: Socket): void {
  state.links.delete(link)
  other.end()
  other.destroySoon()
}

interface Direction {
  readonly from: Socket
  readonly to: Socket
  readonly side: 'client' | 'server'
}

function forward(state: State, link: Link, tracker: Tracker, { from, to, side }: Direction): void {
  const split = createSplitter(side)
  let stopped = false
  from.on('data', (chunk: Buffer) => {
    if (stopped) return
    const passed: Buffer[] = []
    let sprung: Trap | null = null
    for (const frame of split(chunk)) {
      const hit: Trap | null = stopped ? null : trapAt(state, side, observe(tracker, side, frame))
      if (hit) state.trap = null
      sprung ??= hit
      stopped ||= hit !== null && hit.point.phase !== 'sent'
      if (!stopped) passed.push(frame.bytes)
    }
    const last = sprung
    to.write(Buffer.concat(passed), () => last?.spring(link))
  })
}

function observe(tracker: Tracker, side: 'client' | 'server', frame: Frame): Seen | null {
  return side === 'client' ? tracker.client(frame) : tracker.server(frame)
}

function trapAt(state: State, side: 'client' | 'server', seen: Seen | null): Trap | null {
  const trap = state.trap
  if (!trap || !seen || (trap.point.phase === 'answered') !== (side === 'server')) return null
  return trap.point.matches(seen) ? trap : null
}
