/** A whole Plinth for a test file: real HTTP on a free port, a database of its own, jobs that run, and mails that can be read. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { createClient, type Client } from '@plinth/client'
import { readConfig, type Config } from '#lib/config.ts'
import type { MailFile } from '#lib/mail.ts'
import { start } from '../src/start.ts'
import { createTestDatabase, type TestDatabase } from './database.ts'
import { mailsTo, signUpAs, tokenMailedTo, type TestPerson } from './people.ts'

export type { TestPerson } from './people.ts'

export interface TestServer extends AsyncDisposable {
  /** Where it listens, without a slash at the end. */
  readonly url: string
  readonly config: Config
  readonly database: TestDatabase
  /** A client of the published kind; signed in with a token where one is given. */
  client(token?: string): Client
  /** The mails that were sent to an address, newest first. */
  mailsTo(email: string): Promise<MailFile[]>
  /** Waits for the newest mail to an address whose text matches, and gives the token of its link. */
  tokenMailedTo(email: string, about?: RegExp): Promise<string>
  /** Makes a person through the API alone: signed up, verified by mail, signed in with a token. About 300 ms, most of it hashing. */
  signUpAs(email: string, options?: { name?: string; password?: string }): Promise<TestPerson>
  stop(): Promise<void>
}

export interface TestServerOptions {
  /** Variables that differ from the defaults of tests. */
  readonly env?: Partial<Record<keyof Config, string>>
  /** The database to use, and to drop at the end; a new one where none is given. */
  readonly database?: TestDatabase
}

/** Starts one. A test file has one server, since a process has one database. Limits are far away unless `env` sets them. */
export async function startTestServer({ env = {}, database: given }: TestServerOptions = {}): Promise<TestServer> {
  const database = given ?? (await createTestDatabase())
  const mails = await mkdtemp(join(tmpdir(), 'plinth-mails-'))
  const outbox = pathToFileURL(mails).href
  const config = readConfig({ ...defaults, DATABASE_URL: database.url, MAIL_URL: outbox, ...env })
  const plinth = await start(config)
  const url = plinth.url ?? ''
  const stop = async () => {
    await plinth.stop()
    await database.drop()
    await rm(mails, { recursive: true, force: true })
  }
  return {
    url,
    config,
    database,
    client: (token) => createClient({ url, ...(token !== undefined && { token }) }),
    mailsTo: (email) => mailsTo(outbox, email),
    tokenMailedTo: (email, about) => tokenMailedTo(outbox, email, about),
    signUpAs: (email, options) => signUpAs({ url, outbox }, email, options),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** The configuration of tests; what is not in it is as in production. */
export const defaults = {
  NODE_ENV: 'test',
  HOST: '127.0.0.1',
  PORT: '0',
  PLINTH_SECRET: 'a secret that tests alone may know, and everybody does',
  LOG_LEVEL: 'silent',
  SIGN_IN_LIMIT: 'off',
  CALLS_PER_MINUTE: '1000000',
  ANONYMOUS_CALLS_PER_MINUTE: '1000000',
  DRAIN_MS: '2000',
}
