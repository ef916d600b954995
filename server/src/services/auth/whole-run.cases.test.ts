/** What holds of everything that is done with an account: looked at when all of it was done once. */
import type { AnyTRPCProcedure, AnyTRPCRouter } from '@trpc/server'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { divertLog } from '#lib/log.ts'
import { query } from '../../../test/database.ts'
import { wholeRun, type WholeRun } from '../../../test/whole-run.ts'
import { appRouter } from '../../router.ts'
import { definitionOf } from '../../trpc/seal.ts'

const lines: string[] = []
const undivert = divertLog({ write: (line) => void lines.push(line) })
let run: WholeRun

beforeAll(async () => {
  run = await wholeRun()
})
afterAll(async () => {
  undivert()
  await run?.stop()
})

test('S09 every procedure that may set a cookie was called, and each cookie has every attribute that keeps it ours and none that widens it', () => {
  const procedures = Object.entries<AnyTRPCProcedure>((appRouter as AnyTRPCRouter)._def.procedures)
  const doors = procedures.filter(([, procedure]) => definitionOf(procedure).meta?.cookies).map(([path]) => path)
  expect(doors.filter((door) => !run.cookies.some(({ procedure }) => procedure === door))).toEqual([])
  for (const { procedure, line } of run.cookies) {
    expect(line, procedure).toMatch(
      /^__Host-plinth_(?:session|device|remembered|visit)=[\w.-]*; Max-Age=\d+; Path=\/; HttpOnly; Secure; SameSite=Lax$/,
    )
  }
})

/** A secret as it is, and as a column of bytes or of base64 would show it. */
function spellingsOf(secret: string): string[] {
  const own = /^pln_[a-z\d]{1,2}_([\w-]{43})$/.exec(secret)?.[1]
  const bytes = [Buffer.from(secret), ...(own === undefined ? [] : [Buffer.from(own, 'base64url')])]
  const encoded = bytes.flatMap((each) => [each.toString('hex'), each.toString('base64'), each.toString('base64url')])
  return [secret, ...(own === undefined ? [] : [own]), ...encoded]
}

/** Which of the secrets stand in a text. One of a few digits counts where it stands by itself: in a long number it is chance. */
function secretsIn(text: string): string[] {
  const isThere = (secret: string) =>
    /^\d{6,8}$/.test(secret)
      ? new RegExp(`(?<![\\w.:-])${secret}(?![\\w.:-])`).test(text)
      : spellingsOf(secret).some((spelling) => text.includes(spelling))
  return [...run.secrets].filter(isThere)
}

async function wholeDatabase(): Promise<string> {
  const { ownerUrl } = run.server.database
  const tables = await query<{ name: string }>(
    ownerUrl,
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
  )
  const dumps = await Promise.all(tables.map(({ name }) => query<{ row: string }>(ownerUrl, `SELECT t::text AS row FROM ${name} AS t`)))
  return dumps
    .flat()
    .map(({ row }) => row)
    .join('\n')
}

test('S10 every kind of secret was told or typed', () => {
  const kinds = new Set([...run.secrets].map((secret) => /^pln_([a-z\d]{1,2})_/.exec(secret)?.[1] ?? 'other'))
  // Sessions, devices, visits, keys, secrets of applications, and what is mailed or waits for a second proof.
  const all = ['s', 't', 'd', 'h', 'k', 'c', 'v', 'r', 'm', 'ec', '2', 'ea', 'ep', 'eu', 'ra', 'i', 'ai', 'other']
  expect([...kinds]).toEqual(expect.arrayContaining(all))
  for (const form of [/^nine lazy/, /^\d{8}$/, /^\d{6}$/, /^[A-Z2-7]{4}(-[A-Z2-7]{4}){3}$/, /^[A-Z2-7]{32}$/, /^at_/]) {
    expect(
      [...run.secrets].some((secret) => form.test(secret)),
      String(form),
    ).toBe(true)
  }
})

test('S10 the database holds none of them, in no spelling', async () => {
  const database = await wholeDatabase()
  expect(database).toContain('bea@example.com')
  expect(secretsIn(`${database}\n${[...run.secrets].join(' ')}`)).toHaveLength(run.secrets.size)
  expect(secretsIn(database)).toEqual([])
})

test('S10 the log, at its most talkative, holds none of them and no address of a person', () => {
  const log = lines.join('')
  expect(lines.length).toBeGreaterThan(50)
  expect(secretsIn(log)).toEqual([])
  expect(log).not.toMatch(/\w@example\.com/)
})
