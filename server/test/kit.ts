/**
 * A whole Plinth for anybody's tests, whatever runs them: `@plinth/server/testing`. Two lines give a server on a free port with a database of its
 * own and a client signed in as a person who was made for the test (docs/testing.md).
 */
import { randomInt } from 'node:crypto'
import { openTemporary } from '../src/db/embedded-temporary.ts'
import { deploy } from '../src/deploy.ts'
import { query, type TestDatabase } from './database.ts'
import { startTestServer, type TestServer, type TestServerOptions } from './server.ts'

export type { TestPerson, TestServer } from './server.ts'

/**
 * Starts a Plinth with an empty, migrated database: on the PostgreSQL that TEST_DATABASE_URL names, with the right to create databases, or on
 * one that comes along and is gone afterwards. One at a time in a process, since a process has one database. About two seconds, most of it PostgreSQL's start.
 */
export async function startPlinth({ env = {} }: Pick<TestServerOptions, 'env'> = {}): Promise<TestServer> {
  const database = await ownDatabase()
  try {
    return await startTestServer({ env, database })
  } catch (error) {
    await database.drop()
    throw error
  }
}

async function ownDatabase(): Promise<TestDatabase> {
  const server = process.env['TEST_DATABASE_URL']
    ? { url: process.env['TEST_DATABASE_URL'], close: async () => undefined }
    : await openTemporary()
  const name = `plinth_kit_${process.pid}_${randomInt(2 ** 31)}`
  await query(server.url, `CREATE DATABASE ${name}`)
  const own = new URL(server.url)
  own.pathname = `/${name}`
  await deploy(own.href)
  const drop = async (): Promise<void> => {
    await query(server.url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
    await server.close()
  }
  return { url: own.href, ownerUrl: own.href, drop, [Symbol.asyncDispose]: drop }
}
