/**
 * Calls to servers whose addresses others name: identity providers, what their documents point at. Such an address may lead into our own
 * network (SSRF): so only https to public addresses is called, decided on the address that is connected to, whatever the name resolved to a
 * moment ago, and no redirect is followed. PRIVATE_HOSTS names the exceptions. Every call has a time and a size that it cannot exceed.
 */
import { lookup as lookUp, type LookupAddress } from 'node:dns'
import { request as requestPlain, type IncomingMessage, type RequestOptions } from 'node:http'
import { request as requestSecure } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { isPublicAddress } from './network-address.ts'

/** The call did not come to an answer that may be looked at. The message names the host and no path. */
export class OutboundError extends Error {
  override readonly name = 'OutboundError'
}

export interface OutboundCall {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | URLSearchParams | undefined
  readonly signal?: AbortSignal | undefined
}

/** Discovery documents, keys and profiles are a hundredth of it. */
const mostBytes = 512 * 1024

export interface OutboundSettings {
  /** Hosts of our own network that may be called: a name or address, with a port or for all. */
  readonly PRIVATE_HOSTS: readonly string[]
  /** The longest that an answer may take to be complete. */
  readonly OUTBOUND_TIMEOUT_MS: number
}

let settings: OutboundSettings = { PRIVATE_HOSTS: [], OUTBOUND_TIMEOUT_MS: 5_000 }

/** Takes what may be called, and for how long, from the configuration. Called once at start. */
export function useOutbound({ PRIVATE_HOSTS, OUTBOUND_TIMEOUT_MS }: OutboundSettings): void {
  settings = { PRIVATE_HOSTS, OUTBOUND_TIMEOUT_MS }
}

/**
 * Calls and gives the whole answer, any status, redirects as they are.
 *
 * @throws OutboundError when the address may not be called, nobody answers, or the answer is too slow or too large.
 */
export async function callOutside(url: string, call: OutboundCall = {}): Promise<Response> {
  const target = new URL(url)
  const { PRIVATE_HOSTS, OUTBOUND_TIMEOUT_MS } = settings
  const isOurs = PRIVATE_HOSTS.includes(target.host) || PRIVATE_HOSTS.includes(target.hostname)
  requireAllowed(target, isOurs)
  const signals = [AbortSignal.timeout(OUTBOUND_TIMEOUT_MS), ...(call.signal ? [call.signal] : [])]
  try {
    return await send(target, call, { signal: AbortSignal.any(signals), ...(!isOurs && { lookup: lookUpPublic }) })
  } catch (error) {
    if (error instanceof OutboundError) throw error
    throw new OutboundError(`${target.host} did not answer`, { cause: error })
  }
}

function requireAllowed({ protocol, hostname, host, username, password }: URL, isOurs: boolean): void {
  const literal = hostname.replace(/^\[(.*)\]$/, '$1')
  const isPublic = isIP(literal) === 0 || isPublicAddress(literal)
  const isProtocol = protocol === 'https:' || (protocol === 'http:' && isOurs)
  if (username === '' && password === '' && isProtocol && (isOurs || isPublic)) return
  throw new OutboundError(`${host} may not be called`)
}

/** Refuses a name that leads to any address of our own network. It is asked by the connection itself: there is no second look-up to differ. */
const lookUpPublic: LookupFunction = (hostname, options, callback) => {
  lookUp(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
    if (error) return callback(error, [])
    const [first] = addresses
    const isPublic = first !== undefined && addresses.every(({ address }) => isPublicAddress(address))
    if (!isPublic) return callback(new OutboundError(`${hostname} may not be called`), [])
    if (options.all) return callback(null, addresses)
    callback(null, first.address, first.family)
  })
}

function send(target: URL, { method = 'GET', headers = {}, body }: OutboundCall, options: RequestOptions): Promise<Response> {
  const text = body === undefined ? undefined : String(body)
  const type = body instanceof URLSearchParams ? { 'content-type': 'application/x-www-form-urlencoded' } : {}
  const length = text === undefined ? {} : { 'content-length': String(Buffer.byteLength(text)) }
  const { promise, resolve, reject } = Promise.withResolvers<Response>()
  const request = target.protocol === 'https:' ? requestSecure : requestPlain
  // An agent of its own: no connection that was made under another rule is used again.
  const outgoing = request(target, { ...options, method, agent: false, headers: { ...type, ...headers, ...length } }, (incoming) => {
    received(incoming).then(resolve, reject)
  })
  outgoing.on('error', reject)
  outgoing.end(text)
  return promise
}

async function received(incoming: IncomingMessage): Promise<Response> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length
    // Leaving the loop destroys the connection.
    if (size > mostBytes) throw new OutboundError('The answer is too large')
    chunks.push(chunk)
  }
  const { statusCode: status = 0, headersDistinct } = incoming
  const isEmpty = status === 204 || status === 205 || status === 304
  const headers = Object.entries(headersDistinct).flatMap(([name, values = []]) => values.map((value) => [name, value] as [string, string]))
  return new Response(isEmpty ? null : Buffer.concat(chunks), { status, headers })
}
