/** Clients that speak through @plinth/client as applications do: several calls in one request, its own retries, a key for each call. */
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient as createApi } from '@plinth/client'
import { type Arena, type Client, createTeam, draw, follow, type Order } from './clients.ts'
import { lost, read, type Outcome } from './caller.ts'
import type { Invoke } from './history.ts'

/** A call under way, known by its key, which is all that a request shows of it. */
interface UnderWay {
  readonly invoke: Omit<Invoke, 'at' | 'attempt' | 'requestId'>
  attempts: number
}

interface Speaker {
  readonly arena: Arena
  readonly client: Client
  readonly underWay: Map<string, UnderWay>
}

/** Makes calls, up to three at once, until it is over, and then goes on until one has succeeded. Gives whether it did. */
export async function keepCallingTogether(arena: Arena, client: Client): Promise<boolean> {
  const speaker: Speaker = { arena, client, underWay: new Map() }
  const mutate = mutator(speaker)
  while (!arena.over()) {
    const orders = drawSome(arena, client)
    await Promise.all(orders.map((order) => call(speaker, mutate, order)))
    await sleep(client.random.between(0, 40))
  }
  for (let tries = 1; tries <= 5; tries++) if (await call(speaker, mutate, createTeam(client))) return true
  return false
}

/** No two of the same thing: calls of one request share its id, and the judge tells them apart by their marks. */
function drawSome(arena: Arena, client: Client): Order[] {
  const orders = Array.from({ length: client.random.between(1, 3) }, () => draw(arena, client)).filter(
    ({ procedure }) => procedure !== 'auth.signIn',
  )
  return [...new Map(orders.map((order) => [order.mark, order])).values()]
}

type Mutate = (procedure: string, input: unknown, key: string) => Promise<unknown>

async function call({ arena, client, underWay }: Speaker, mutate: Mutate, order: Order): Promise<boolean> {
  client.calls += 1
  const id = `${client.name}-p${client.calls}`
  const key = `${arena.seed}-call-${id}`.padStart(16, '0')
  const { procedure, mark, input } = order
  underWay.set(key, {
    invoke: { type: 'invoke', client: client.name, call: id, procedure, owner: client.person.userId, key, mark, input },
    attempts: 0,
  })
  try {
    await mutate(procedure, input, key)
    follow(client, order, { type: 'ok' })
    return true
  } catch (error) {
    follow(client, order, { type: 'fail', code: String((error as { data?: { code?: string } }).data?.code) })
    return false
  }
}

/** The published client, by the path of a procedure. */
function mutator(speaker: Speaker): Mutate {
  const { url } = speaker.arena
  const api = createApi({ url, token: speaker.client.person.token, fetch: (input, init) => notedFetch(speaker, String(input), init ?? {}) })
  return (procedure, input, key) => {
    // Typed calls are proved elsewhere; here the path is drawn by chance.
    const target = procedure.split('.').reduce<unknown>((node, name) => (node as Record<string, unknown>)[name], api)
    const { mutate } = target as { mutate: (input: unknown, options: object) => Promise<unknown> }
    return mutate(input, { context: { idempotencyKey: key } })
  }
}

/** Sends what the client sends, and notes it and its answer for each call of the request. */
async function notedFetch({ arena, underWay }: Speaker, url: string, init: RequestInit): Promise<Response> {
  const headers = new Headers(init.headers)
  const requestId = `request-${crypto.randomUUID()}`
  headers.set('x-request-id', requestId)
  const keys = (headers.get('idempotency-key') ?? '').split(',')
  const calls = keys.map((key) => underWay.get(key)).filter((one) => one !== undefined)
  for (const one of calls) arena.note({ ...one.invoke, at: Date.now(), attempt: ++one.attempts, requestId })
  const note = (outcomeOf: (index: number) => Outcome): void => {
    for (const [index, { invoke, attempts }] of calls.entries())
      arena.note({ at: Date.now(), call: invoke.call, attempt: attempts, ...outcomeOf(index) })
  }
  try {
    const response = await fetch(url, { ...init, headers })
    const text = await response.text()
    const answers: unknown = JSON.parse(text)
    note((index) => read(Array.isArray(answers) ? answers[index] : answers))
    return new Response(text, { status: response.status, headers: response.headers })
  } catch (error) {
    note(() => lost(error))
    throw error
  }
}
