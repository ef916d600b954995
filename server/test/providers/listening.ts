/** A server of somebody else's on a socket of its own, with what every one of them can do to us. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What the server does with a path instead of answering as it should. */
export type Mood = 'SLOW' | 'HUGE' | 'DOWN' | { readonly redirect: string }

export interface Asked {
  readonly method: string
  readonly url: URL
  readonly headers: IncomingMessage['headers']
  readonly form: URLSearchParams
}

export interface Said {
  readonly status?: number
  readonly headers?: Record<string, string>
  readonly json?: unknown
}

export interface Listening {
  /** `http://127.0.0.1:<port>` */
  readonly url: string
  /** `127.0.0.1:<port>`, for PRIVATE_HOSTS. */
  readonly host: string
  /** Every request that came, `GET /path`. */
  readonly asked: string[]
  /** How many connections there were, whatever was said on them. */
  connections(): number
  /** By path; `*` for all of them. */
  readonly moods: Map<string, Mood>
  stop(): Promise<void>
}

/** Starts one. `answer` gets what was asked, with the form of its body, and gives what is said; nothing is a 404. */
export async function listening(answer: (asked: Asked) => Said | undefined | Promise<Said | undefined>): Promise<Listening> {
  const asked: string[] = []
  const moods = new Map<string, Mood>()
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://here')
    asked.push(`${request.method} ${url.pathname}`)
    const mood = moods.get(url.pathname) ?? moods.get('*')
    if (mood !== undefined) return misbehave(response, mood)
    void bodyOf(request)
      .then(async (form) => answer({ method: request.method ?? '', url, headers: request.headers, form }))
      .then((said = { status: 404, json: {} }) => say(response, said))
  })
  let connections = 0
  server.on('connection', () => (connections += 1))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const stop = async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return { url: `http://${host}`, host, asked, connections: () => connections, moods, stop }
}

function misbehave(response: ServerResponse, mood: Mood): void {
  if (mood === 'DOWN') return void response.writeHead(503).end()
  if (mood === 'HUGE') return flood(response)
  // SLOW: the head comes, and never the rest.
  if (mood === 'SLOW') return void response.writeHead(200, { 'content-type': 'application/json' }).write('{')
  response.writeHead(302, { location: mood.redirect }).end()
}

/** Sends without end, for as long as somebody takes it. */
function flood(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' })
  const block = ' '.repeat(64 * 1024)
  const more = (): void => {
    while (!response.destroyed && response.write(block));
    if (!response.destroyed) response.once('drain', more)
  }
  more()
}

async function bodyOf(request: IncomingMessage): Promise<URLSearchParams> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return new URLSearchParams(text)
}

function say(response: ServerResponse, { status = 200, headers = {}, json }: Said): void {
  response.writeHead(status, { ...(json !== undefined && { 'content-type': 'application/json' }), ...headers })
  response.end(json === undefined ? undefined : JSON.stringify(json))
}
