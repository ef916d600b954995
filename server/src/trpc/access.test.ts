import type { AnyTRPCProcedure, AnyTRPCRouter } from '@trpc/server'
import { connectDatabase, disconnectDatabase } from '#db'
import { readConfig } from '#lib/config.ts'
import { UserId } from '#lib/ids.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../../test/database.ts'
import { startEdge, type Edge } from '../../test/edge.ts'
import { defaults } from '../../test/server.ts'
import { appRouter } from '../router.ts'
import { definitionOf } from './seal.ts'

const procedures = Object.entries<AnyTRPCProcedure>((appRouter as AnyTRPCRouter)._def.procedures)

/** What the door answers to whom; `in` is everything that is not the door's no. */
const ANSWERS: Record<string, Record<string, string>> = {
  anyone: { stranger: 'in', unverified: 'in', verified: 'in', administrator: 'in' },
  'signed in': { stranger: 'UNAUTHORIZED', unverified: 'in', verified: 'in', administrator: 'in' },
  'signed in, address verified': { stranger: 'UNAUTHORIZED', unverified: 'EMAIL_NOT_VERIFIED', verified: 'in', administrator: 'in' },
  'signed in, proven within ten minutes': {
    stranger: 'UNAUTHORIZED',
    unverified: 'in',
    verified: 'in',
    administrator: 'in',
    stale: 'STEP_UP_REQUIRED',
    impersonated: 'FORBIDDEN',
  },
  'signed in, address verified, proven within ten minutes': {
    stranger: 'UNAUTHORIZED',
    unverified: 'EMAIL_NOT_VERIFIED',
    verified: 'in',
    stale: 'STEP_UP_REQUIRED',
    impersonated: 'FORBIDDEN',
  },
  'people of the application, proven within ten minutes': {
    stranger: 'UNAUTHORIZED',
    unverified: 'EMAIL_NOT_VERIFIED',
    verified: 'NOT_FOUND',
    stale: 'NOT_FOUND',
  },
  'administrators, proven within ten minutes': {
    stranger: 'UNAUTHORIZED',
    unverified: 'EMAIL_NOT_VERIFIED',
    verified: 'FORBIDDEN',
    administrator: 'in',
    staleAdministrator: 'STEP_UP_REQUIRED',
    impersonatedAdministrator: 'FORBIDDEN',
  },
  'members of the team': { stranger: 'UNAUTHORIZED', unverified: 'EMAIL_NOT_VERIFIED', verified: 'NOT_FOUND', administrator: 'NOT_FOUND' },
  'people of the application; to give or take OWNER or ADMIN, proven within ten minutes and by no key': {
    stranger: 'UNAUTHORIZED',
    unverified: 'EMAIL_NOT_VERIFIED',
    verified: 'NOT_FOUND',
    administrator: 'NOT_FOUND',
  },
  'people of the application': {
    stranger: 'UNAUTHORIZED',
    unverified: 'EMAIL_NOT_VERIFIED',
    verified: 'NOT_FOUND',
    administrator: 'NOT_FOUND',
  },
}
const NO = ['UNAUTHORIZED', 'STEP_UP_REQUIRED', 'EMAIL_NOT_VERIFIED', 'FORBIDDEN', 'NOT_FOUND']

let database: TestDatabase
let edge: Edge
beforeAll(async () => {
  database = await createTestDatabase()
  await connectDatabase(readConfig({ ...defaults, DATABASE_URL: database.url }))
  edge = await startEdge({}, appRouter)
  edge.sessions.add('unverified', { emailVerified: false })
  edge.sessions.add('verified')
  edge.sessions.add('administrator', { role: 'ADMIN' })
  const stale = { authenticatedAt: new Date(Date.now() - 10 * 60_000) }
  const impersonated = { impersonatorId: UserId.parse('person000000000000') }
  edge.sessions.add('stale', stale)
  edge.sessions.add('staleAdministrator', { role: 'ADMIN', ...stale })
  edge.sessions.add('impersonated', impersonated)
  edge.sessions.add('impersonatedAdministrator', { role: 'ADMIN', ...impersonated })
})
afterAll(async () => {
  await edge.stop()
  await disconnectDatabase()
  await database.drop()
})

/** The code that a call is refused with: of an input that names a team and an application that are not theirs, and is otherwise nonsense. */
async function answerTo(who: string, name: string, type: string): Promise<string> {
  const headers: Record<string, string> = who === 'stranger' ? {} : { authorization: `Bearer ${who}` }
  const input = { teamId: '01991f0e-7b1c-7000-8000-000000000000', applicationId: 'tz4a98xxat96iws9zmbrgj3a', surelyUnknown: true }
  const answer = await (type === 'mutation'
    ? edge.call(name, { input, headers })
    : edge.call(`${name}?input=${encodeURIComponent(JSON.stringify({ json: input }))}`, { headers }))
  const code = /"code":"([A-Z_]+)"/.exec(await answer.text())?.[1] ?? 'nothing'
  return NO.includes(code) ? code : 'in'
}

test.each(procedures)('%s opens for whom its door says, and for nobody else', async (name, procedure) => {
  const { meta, type } = definitionOf(procedure)
  const expected = ANSWERS[meta?.access ?? ''] ?? {}
  const found = Object.fromEntries(await Promise.all(Object.keys(expected).map(async (who) => [who, await answerTo(who, name, type)])))
  expect(found).toEqual(expected)
  expect(Object.keys(expected)).not.toHaveLength(0)
})
