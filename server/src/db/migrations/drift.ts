/** Whether a database is what the migrations make: they are applied to a database of a moment beside it, and the two are compared. */
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { brokenRules, differences, readCatalog } from './catalog.ts'
import type { Catalog } from './catalog.ts'
import { deployMigrations } from './deploy.ts'

/**
 * Lists, a line each, where this database differs from what the migrations in `folder` build, and which rules of the application's role it breaks.
 * Needs the right to create a database on the same server. `except` names schemas that others migrate, such as the queue's.
 */
export async function findDrift(url: string, folder: string, except: readonly string[]): Promise<string[]> {
  const name = `plinth_drift_${randomUUID().replaceAll('-', '')}`
  const besides = new URL(url)
  besides.pathname = `/${name}`
  return connected(url, async (client) => {
    await client.query(`CREATE DATABASE ${name} TEMPLATE template0`)
    try {
      await deployMigrations({ url: besides.href, folder })
      const expected: Catalog = await connected(besides.href, (other) => readCatalog(other, except))
      return [...differences(expected, await readCatalog(client, except)), ...(await brokenRules(client))]
    } finally {
      await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
    }
  })
}

async function connected<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
