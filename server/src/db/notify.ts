/**
 * Hints between processes, carried by LISTEN and NOTIFY. A hint makes things fast, never right: whoever waits for one also polls.
 * The one exception is trust: a cache that must forget what another process revoked may be served only while `isListening()`.
 */
import { randomUUID } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import pg from 'pg'
import type { Config } from '#lib/config.ts'
import { log } from '#lib/log.ts'
import { reading } from '#lib/metrics.ts'
import { startupOf, type Startup } from './startup-options.ts'

const channels = ['plinth_outbox', 'plinth_feed', 'plinth_jobs', 'plinth_revoked'] as const

/** `plinth_outbox`: events wait for the dispatcher. `plinth_feed`: a service's feed grew. `plinth_jobs`: a queue has work. `plinth_revoked`: forget. */
export type Channel = (typeof channels)[number]

type Where = Pick<Config, 'DATABASE_URL' | 'DIRECT_URL' | 'DATABASE_ROLE'>

const heartbeatMs = 100
/** Without proof for this long that we hear, we are deaf. Also the time in which a revocation made elsewhere must be known here. */
const deafAfterMs = 250
/** A connection that stays silent for this long is given up and made anew. */
const giveUpMs = 5_000
const firstRetryMs = 50
const lastRetryMs = 5_000
/** Behind a pooler in transaction mode LISTEN succeeds and nothing ever arrives: only what came back proves that we hear. */
const echoChannel = 'plinth_echo'
const echoMs = 2_000
/** Nobody is going to take the pooler away in the next seconds. */
const lastRetryUnheardMs = 30_000
/** At most one NOTIFY in this time: what is asked for in between goes out together. */
const sendGapMs = 5

/** Everything about the one LISTEN connection of this process. */
interface Ear {
  readonly startup: Startup
  client: pg.Client | undefined
  hearing: boolean
  /** When the last heartbeat that was answered had been sent: until then we surely heard everything. */
  heardAt: number
  attempt: number
  timers: Partial<Record<'heartbeat' | 'deaf' | 'giveUp' | 'retry', NodeJS.Timeout>>
}

let ear: Ear | undefined
reading(
  'plinth_listening',
  '1 while notifications surely arrive: sessions are remembered, and events come at once.',
  () => Number(isListening()),
  {
    across: 'EACH',
  },
)
let sender: pg.Pool | undefined
const pending = new Map<string, readonly [Channel, string]>()
let sending = false

const onPayload = new Map<Channel, Set<(payload: string) => void>>()
const onDeafness = new Set<() => void>()
const onHearingAgain = new Set<() => void>()

/**
 * Opens this process's LISTEN connection and keeps it open, again and again with backoff, until `stopListening()`.
 * Resolves when the first attempt has succeeded or failed: a database that is down delays no start. A second call does nothing.
 */
export async function listen(config: Where): Promise<void> {
  if (ear) return
  notifyThrough(config)
  ear = { startup: startupFor(config), client: undefined, hearing: false, heardAt: 0, attempt: 0, timers: {} }
  await connect(ear)
}

/** Closes the LISTEN connection and the one that sends; from now on `isListening()` is false. Handlers stay registered. */
export async function stopListening(): Promise<void> {
  const [stopped, pool] = [ear, sender]
  ear = undefined
  sender = undefined
  pending.clear()
  if (stopped) {
    clearTimers(stopped)
    becomeDeaf(stopped)
    await stopped.client?.end().catch(() => {})
  }
  await pool?.end().catch(() => {})
}

/** Lets `notifySoon` send also where this process does not listen (a web process behind a pooler). `listen` does it by itself. */
export function notifyThrough(config: Where): void {
  if (sender) return
  const timeouts = { connectionTimeoutMillis: 2_000, query_timeout: 2_000, idleTimeoutMillis: 10_000 }
  sender = new pg.Pool({ ...startupFor(config), application_name: 'plinth notify', max: 1, allowExitOnIdle: true, ...timeouts })
  sender.on('error', () => {})
}

/** Calls `fn` with the payload of each notification of a channel. Gives the function that ends it. */
export function onNotification(channel: Channel, fn: (payload: string) => void): () => void {
  const handlers = onPayload.get(channel) ?? new Set()
  onPayload.set(channel, handlers.add(fn))
  return () => void handlers.delete(fn)
}

/** Calls `fn` when this process becomes deaf: at once when the connection breaks, within 250 ms when it falls silent. */
export function onDeaf(fn: () => void): () => void {
  onDeafness.add(fn)
  return () => void onDeafness.delete(fn)
}

/** Calls `fn` when this process hears (again): what was notified in between is lost, so look for yourself. */
export function onHearing(fn: () => void): () => void {
  onHearingAgain.add(fn)
  return () => void onHearingAgain.delete(fn)
}

/** Whether notifications surely arrive: a heartbeat sent less than 250 ms ago was answered. False where this process does not listen. */
export function isListening(): boolean {
  return ear !== undefined && ear.hearing && performance.now() - ear.heardAt < deafAfterMs
}

/**
 * Sends a notification soon, outside any transaction: call it after the commit. Equal ones are sent once, and all that come within
 * 5 ms go together (in the committing transaction they would serialise commits). It may get lost, and it never throws.
 */
export function notifySoon(channel: Channel, payload = ''): void {
  if (!sender) return
  pending.set(`${channel} ${payload}`, [channel, payload])
  if (sending) return
  sending = true
  setImmediate(send)
}

/** A hint need not survive a crash, so its commit does not wait for the disk; set for this statement alone, a pooler may be in between. */
const sendAll = `
  SELECT set_config('synchronous_commit', 'off', true), pg_notify(channel, payload)
  FROM unnest($1::text[], $2::text[]) AS hint (channel, payload)`

async function send(): Promise<void> {
  while (sender && pending.size > 0) {
    const batch = [...pending.values()]
    pending.clear()
    await sender
      .query(sendAll, [batch.map(([channel]) => channel), batch.map(([, payload]) => payload)])
      .catch((error: unknown) => log.warn({ error }, 'A notification could not be sent; polling makes up for it.'))
    await new Promise((resolve) => setTimeout(resolve, sendGapMs))
  }
  sending = false
}

async function connect(self: Ear): Promise<void> {
  const client = new pg.Client({
    ...self.startup,
    application_name: 'plinth listen',
    keepAlive: true,
    connectionTimeoutMillis: giveUpMs,
  })
  self.client = client
  client.on('error', (error) => lose(self, client, error))
  client.on('end', () => lose(self, client, new Error('The connection ended')))
  client.on('notification', ({ channel, payload }) => deliver(channel, payload ?? ''))
  try {
    await client.connect()
    await client.query([...channels, echoChannel].map((channel) => `LISTEN ${channel}`).join('; '))
    await echo(client)
    if (ear !== self) return void (await client.end())
    self.attempt = 0
    answered(self, client, performance.now())
  } catch (error) {
    lose(self, client, error)
  }
}

class NoEcho extends Error {
  override readonly name = 'NoEcho'
}

/** Resolves when a notification that was sent over another connection has come in on this one. */
async function echo(client: pg.Client): Promise<void> {
  const nonce = randomUUID()
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const hear = ({ payload }: pg.Notification) => payload === nonce && resolve()
  const timer = setTimeout(
    () => reject(new NoEcho('A notification sent to ourselves did not arrive: DIRECT_URL must not lead to a pooler')),
    echoMs,
  )
  client.on('notification', hear)
  try {
    // Together: a query that takes longer than the echo may would leave its rejection to nobody, and that ends the process.
    await Promise.all([sender?.query('SELECT pg_notify($1, $2)', [echoChannel, nonce]), promise])
  } finally {
    clearTimeout(timer)
    client.off('notification', hear)
  }
}

/** The server has answered what was sent at `sentAt`: all that was notified before has arrived. */
function answered(self: Ear, client: pg.Client, sentAt: number): void {
  if (self.client !== client) return
  clearTimers(self)
  self.heardAt = sentAt
  const late = performance.now() - sentAt
  self.timers.deaf = setTimeout(() => becomeDeaf(self), Math.max(0, deafAfterMs - late))
  self.timers.heartbeat = setTimeout(() => beat(self, client), heartbeatMs)
  if (self.hearing || late >= deafAfterMs) return
  self.hearing = true
  for (const fn of onHearingAgain) guarded(fn)
}

function beat(self: Ear, client: pg.Client): void {
  const sentAt = performance.now()
  self.timers.giveUp = setTimeout(() => lose(self, client, new Error('No answer to a heartbeat')), giveUpMs)
  client.query('SELECT').then(
    () => answered(self, client, sentAt),
    (error: unknown) => lose(self, client, error),
  )
}

function becomeDeaf(self: Ear): void {
  if (!self.hearing) return
  self.hearing = false
  for (const fn of onDeafness) guarded(fn)
}

function lose(self: Ear, client: pg.Client, error: unknown): void {
  if (self.client !== client) return
  self.client = undefined
  clearTimers(self)
  becomeDeaf(self)
  client.end().catch(() => {})
  if (ear !== self) return
  const backoff = Math.min(error instanceof NoEcho ? lastRetryUnheardMs : lastRetryMs, firstRetryMs * 2 ** self.attempt++)
  self.timers.retry = setTimeout(() => void connect(self), backoff * (0.5 + Math.random() / 2))
  log.warn({ error }, 'The LISTEN connection was lost; it is made anew, and polling makes up for it.')
}

/** Tells this process alone: what it notified in a transaction it hears at the commit, before anybody else. */
export function deliver(channel: string, payload: string): void {
  for (const fn of onPayload.get(channel as Channel) ?? []) guarded(() => fn(payload))
}

/** A handler that throws must not take the connection, or the process, with it. */
function guarded(fn: () => void): void {
  try {
    fn()
  } catch (error) {
    log.warn({ error }, 'A handler of notifications threw.')
  }
}

function clearTimers(self: Ear): void {
  for (const timer of Object.values(self.timers)) clearTimeout(timer)
  self.timers = {}
}

/** In the application's role, like every other connection: to listen and to notify needs no right. */
function startupFor({ DIRECT_URL, DATABASE_URL, DATABASE_ROLE }: Where): Startup {
  return startupOf(DIRECT_URL ?? DATABASE_URL, DATABASE_ROLE ? { role: DATABASE_ROLE } : {})
}
