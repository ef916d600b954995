/**
 * Runs once before all tests: starts a PostgreSQL of this run alone (or uses the one that TEST_DATABASE_URL names) and migrates a template,
 * of which each test file gets a copy. Runs once after them: leaves no process, no database and no file.
 */
import { randomInt } from 'node:crypto'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { openTemporary } from '../src/db/embedded-temporary.ts'
import { deploy } from '../src/deploy.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The server under test: its URL with the right to create databases, the template to copy, the prefix of this run's databases. */
    postgres: { url: string; template: string; prefix: string }
  }
}

const runLock = 'hashtext($$plinth test run$$)'

/** vitest's hook: returns what undoes it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = process.env.TEST_DATABASE_URL
    ? { url: process.env.TEST_DATABASE_URL, close: async () => undefined }
    : await openTemporary()
  const run = randomInt(1, 2 ** 31)
  const prefix = `plinth_test_${run}_`
  const admin = new pg.Client({ connectionString: server.url, application_name: 'plinth tests' })
  admin.on('error', () => undefined)
  await admin.connect()
  await admin.query(`SELECT pg_advisory_lock(${runLock}, $1)`, [run])
  await dropAbandoned(admin)
  const template = `${prefix}template`
  await admin.query(`CREATE DATABASE ${template}`)
  await deploy(inDatabase(server.url, template))
  project.provide('postgres', { url: server.url, template, prefix })
  return async () => {
    await dropAll(admin, prefix)
    await admin.end()
    await server.close()
  }
}

/** A run that was killed no longer holds its lock: its databases go. */
async function dropAbandoned(admin: pg.Client): Promise<void> {
  const { rows } = await admin.query<{ run: number }>(
    `SELECT DISTINCT substring(datname FROM '^plinth_test_(\\d+)_')::int AS run FROM pg_database WHERE datname ~ '^plinth_test_\\d+_'`,
  )
  for (const { run } of rows) {
    const { rows: locks } = await admin.query<{ free: boolean }>(`SELECT pg_try_advisory_lock(${runLock}, $1) AS free`, [run])
    if (!locks[0]?.free) continue
    await dropAll(admin, `plinth_test_${run}_`)
    await admin.query(`SELECT pg_advisory_unlock(${runLock}, $1)`, [run])
  }
}

async function dropAll(admin: pg.Client, prefix: string): Promise<void> {
  const { rows } = await admin.query<{ name: string }>('SELECT datname AS name FROM pg_database WHERE starts_with(datname, $1)', [prefix])
  for (const { name } of rows) await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
}

function inDatabase(url: string, database: string): string {
  const copy = new URL(url)
  copy.pathname = `/${database}`
  return copy.href
}
