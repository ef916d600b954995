/** A real database for a test file, of its own: a copy of the migrated template. */
import { randomInt } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'

export interface TestDatabase extends AsyncDisposable {
  /** For the application: it takes the role plinth_app on each connection, as in production (DATABASE_ROLE). */
  readonly url: string
  /** For looking at everything and for changing what the application may not: the owner of the schemas. */
  readonly ownerUrl: string
  /** Drops it and disconnects whoever is left. The run's end does so too. */
  drop(): Promise<void>
}

/** Makes a database with every migration applied and nothing in it. About 50 ms. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const { template } = inject('postgres')
  return createDatabase(`TEMPLATE ${template}`)
}

/** Makes a database in which nothing is: for tests of the migrations themselves. */
export async function createEmptyDatabase(): Promise<TestDatabase> {
  return createDatabase('')
}

/** Runs one statement in a database, as whoever the URL names. For looking at what a test left there. */
export async function query<Row extends pg.QueryResultRow>(url: string, sql: string, values: unknown[] = []): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Row>(sql, values)).rows
  } finally {
    await client.end()
  }
}

async function createDatabase(clause: string): Promise<TestDatabase> {
  const { url, prefix } = inject('postgres')
  const name = `${prefix}${process.pid}_${randomInt(2 ** 31)}`
  await query(url, `CREATE DATABASE ${name} ${clause}`)
  const own = new URL(url)
  own.pathname = `/${name}`
  const drop = async (): Promise<void> => {
    await query(url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
  }
  return { url: own.href, ownerUrl: own.href, drop, [Symbol.asyncDispose]: drop }
}
