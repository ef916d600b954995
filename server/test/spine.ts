/** What tests of transactions need: a connected database, calls as the edge makes them, and an event to record. */
import { z } from 'zod'
import { connectDatabase, defineEvents, disconnectDatabase, type EventsOf } from '#db'
import type { UserActor } from '#lib/actor.ts'
import { type Call, withCall } from '#lib/call.ts'
import { readConfig } from '#lib/config.ts'
import { SessionId, UserId } from '#lib/ids.ts'
import { createTestDatabase, query, type TestDatabase } from './database.ts'

/** What tests record. */
export const trials = defineEvents('teams', {
  'teams.trial.made': { about: 'A test did something.', data: z.strictObject({ step: z.string() }) },
})

declare module '#db/events.ts' {
  interface Events extends EventsOf<typeof trials> {}
}

/** A person, made up. */
export const ada: UserActor = {
  kind: 'USER',
  userId: UserId.parse('tz4a98xxat96iws9zmbrgj3a'),
  sessionId: SessionId.parse('01890a5d-ac96-774b-bcce-b302099a8057'),
}

/** A database of this test file, and this process connected to it. */
export interface Spine extends AsyncDisposable {
  readonly database: TestDatabase
  /** Reads as the owner, on a connection of its own. */
  ask<Row extends Record<string, unknown>>(sql: string, values?: unknown[]): Promise<Row[]>
  /** How many rows a table has. */
  count(table: string): Promise<number>
}

/** Makes a database and connects this process to it, through `url` where one is given (a proxy). */
export async function openSpine(settings: Record<string, string> = {}, through?: (url: string) => Promise<string>): Promise<Spine> {
  const database = await createTestDatabase()
  await reconnect(database, settings, through && (await through(database.url)))
  const ask: Spine['ask'] = (sql, values) => query(database.ownerUrl, sql, values)
  return {
    database,
    ask,
    count: async (table) => (await ask<{ count: number }>(`SELECT count(*)::int AS count FROM ${table}`))[0]?.count ?? 0,
    [Symbol.asyncDispose]: async () => {
      await disconnectDatabase()
      await database.drop()
    },
  }
}

/** Connects anew with other settings. */
export async function reconnect(database: TestDatabase, settings: Record<string, string>, url?: string): Promise<void> {
  await disconnectDatabase()
  await connectDatabase(
    readConfig({
      NODE_ENV: 'test',
      DATABASE_URL: url ?? database.url,
      PLINTH_SECRET: 'a secret for tests that is long enough',
      ...settings,
    }),
  )
}

/** How a call differs from an ordinary one without a key. */
export interface CallOptions {
  readonly key?: string
  readonly input?: string
  readonly secret?: boolean
  readonly output?: Call['output']
}

/** Runs `fn` as the call of a mutation, as the edge would. */
export function called<T>({ key, input = 'input', secret = false, output = null }: CallOptions, fn: () => Promise<T>): Promise<T> {
  const idempotency = key === undefined ? null : { key, owner: ada.userId, fingerprint: new Uint8Array(Buffer.from(input)), secret }
  const call: Call = {
    requestId: 'request-of-a-test',
    procedure: 'teams.trial',
    address: '203.0.113.7',
    userAgent: 'a test',
    idempotency,
    output,
  }
  return withCall(call, fn)
}
