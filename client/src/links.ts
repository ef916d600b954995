/** How a call travels: a key for each mutation, another try where that is safe, then a batch, a request of its own or a stream. */
import { httpBatchLink, httpBatchStreamLink, httpLink, httpSubscriptionLink, splitLink, type Operation, type TRPCLink } from '@trpc/client'
import { EventSource } from 'eventsource'
import { alone } from './alone.ts'
import type { AppRouter } from './api.ts'
import { toForm } from './form.ts'
import { retried, UnreadableAnswer } from './retry.ts'
import { transformer } from './transformer.ts'

export interface ClientOptions {
  /** Where the server is: `https://api.example.com`. Same-origin pages of the server may give `location.origin`. */
  readonly url: string
  /** A tool's token, or a function that gives the present one. Without it the browser's cookie says who is calling. */
  readonly token?: string | (() => string | null | undefined)
  /** The fetch to use, if not the global one. */
  readonly fetch?: typeof globalThis.fetch
  /**
   * Gives the answers of queries that travel together one by one, each when it is ready, instead of all with the slowest. For pages that ask for
   * something slow beside something fast: it costs the server about 1.7 times the CPU, so it is not the default.
   */
  readonly streaming?: boolean
}

/** Calls of one batch; the server takes no more. */
const MAX_BATCH = 10
/** Servers and proxies refuse longer addresses; a longer batch of queries is sent in parts. */
const MAX_URL_LENGTH = 6_000

/** Gives the links of a client. */
export function linksOf(options: ClientOptions): TRPCLink<AppRouter>[] {
  const url = `${options.url.replace(/\/$/, '')}/trpc`
  const device = randomId()
  const send = fetchWith(options, device)
  const base = { url, fetch: readable(send), transformer }
  return [
    keyed,
    formed,
    retried,
    splitLink({
      condition: (op) => op.type === 'subscription',
      true: httpSubscriptionLink({
        url,
        transformer,
        EventSource,
        eventSourceOptions: { fetch: send, withCredentials: options.token === undefined },
      }),
      false: splitLink({
        condition: (op) => alone.has(op.path) || op.input instanceof FormData,
        true: httpLink({ ...base, headers: ({ op }) => keyHeader([op]) }),
        false: splitLink({
          // A mutation's answer has a status of its own, and may come with a cookie: neither can follow when the answer has begun.
          condition: (op) => options.streaming === true && op.type === 'query',
          true: httpBatchStreamLink({ ...base, ...batch, fetch: begun(base.fetch), streamHeader: 'accept' }),
          false: httpBatchLink({ ...base, ...batch, headers: ({ opList }) => keyHeader(opList) }),
        }),
      }),
    }),
  ]
}

const batch = { maxItems: MAX_BATCH, maxURLLength: MAX_URL_LENGTH }

/** Gives each mutation the key that it keeps through all its tries: under it the server lets it have its effect once. */
const keyed: TRPCLink<AppRouter> = () => {
  return ({ op, next }) => next(op.type === 'mutation' ? { ...op, context: { idempotencyKey: randomId(), ...op.context } } : op)
}

/** Gives files a form, in which alone they can travel. */
const formed: TRPCLink<AppRouter> = () => {
  return ({ op, next }) => next({ ...op, input: (op.type === 'mutation' && toForm(op.input)) || op.input })
}

/** One key per call, in the order of the batch. */
function keyHeader(operations: readonly Operation[]): Record<string, string> {
  const keys = operations.map(({ context }) => (typeof context['idempotencyKey'] === 'string' ? context['idempotencyKey'] : '-'))
  return keys.some((key) => key !== '-') ? { 'idempotency-key': keys.join(',') } : {}
}

type Send = (url: RequestInfo | URL, init?: object) => Promise<Response>

/** Tells a proxy's page from an answer of ours before somebody tries to read it as one. */
function readable(send: Send): Send {
  return async (url, init) => {
    const response = await send(url, init)
    const isOurs = response.ok || response.headers.get('content-type')?.startsWith('application/json')
    if (!isOurs) throw new UnreadableAnswer(response.status)
    return response
  }
}

/** A refusal that holds no error of ours would end a streamed call without any answer. */
function begun(send: Send): Send {
  return async (url, init) => {
    const response = await send(url, init)
    const refusal: unknown = response.ok || (await response.clone().json())
    if (response.ok || (typeof refusal === 'object' && refusal !== null && 'error' in refusal)) return response
    throw new UnreadableAnswer(response.status)
  }
}

/** The fetch of all calls and streams: says who is calling. With a token no cookie goes along, for the server takes only one of the two. */
function fetchWith({ token, fetch }: ClientOptions, device: string): Send {
  return (url, init?: RequestInit) => {
    const headers = new Headers(init?.headers)
    headers.set('x-plinth-device', device)
    const present = typeof token === 'function' ? token() : token
    if (present) headers.set('authorization', `Bearer ${present}`)
    return (fetch ?? globalThis.fetch)(url, { ...init, headers, credentials: present ? 'omit' : 'include' })
  }
}

/** 128 random bits. `crypto.randomUUID` is missing in pages that came over plain http. */
function randomId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
