/** Requests that really go at once: each on a connection of its own, none before every connection stands. */
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** By then a server has taken up the connections that stand. */
const takenUpMs = 50

/**
 * Gives a `fetch` for so many requests: each opens a connection of its own and waits there; when the last one stands, all are written together.
 * What comes later goes at once, again on its own connection.
 */
export function openGate(count: number): typeof globalThis.fetch {
  const opened = Promise.withResolvers<void>()
  let standing = 0
  return async function fetchAtOnce(input, init = {}) {
    const url = urlOf(input)
    const socket = await connected(url)
    standing += 1
    if (standing === count) void sleep(takenUpMs).then(opened.resolve)
    await opened.promise
    return exchange(socket, url, init)
  }
}

/** A `fetch` that sends the headers that it is given, Host and Origin too, and none that it made up. On a connection of its own. */
export const bareFetch: typeof globalThis.fetch = async (input, init = {}) => exchange(await connected(urlOf(input)), urlOf(input), init)

function urlOf(input: Parameters<typeof globalThis.fetch>[0]): URL {
  return new URL(input instanceof Request ? input.url : input)
}

async function connected({ port, hostname }: URL): Promise<Socket> {
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  return socket
}

async function exchange(socket: Socket, url: URL, { method = 'GET', headers, body }: RequestInit): Promise<Response> {
  const text = typeof body === 'string' ? body : ''
  const sent = request(url, { method, createConnection: () => socket })
  for (const [name, value] of headersOf(headers)) sent.setHeader(name, value)
  if (text !== '') sent.setHeader('content-length', Buffer.byteLength(text))
  sent.end(text)
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  return responseOf(answer, Buffer.concat((await answer.toArray()) as Buffer[]))
}

/** By the names and values that they were given with. */
function headersOf(headers: RequestInit['headers'] = {}): [name: string, value: string][] {
  if (Array.isArray(headers)) return headers as [string, string][]
  return headers instanceof Headers ? [...headers] : Object.entries(headers as Record<string, string>)
}

function responseOf({ statusCode = 0, headersDistinct }: IncomingMessage, body: Buffer): Response {
  const headers = Object.entries(headersDistinct).flatMap(([name, values = []]) => values.map((value): [string, string] => [name, value]))
  return new Response(statusCode === 204 ? null : new Uint8Array(body), { status: statusCode, headers })
}
