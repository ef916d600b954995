import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectDatabase, disconnectDatabase, transaction } from '#db'
import type { SystemActor } from '#lib/actor.ts'
import { readConfig } from '#lib/config.ts'
import { useSecret } from '#lib/secrets.ts'
import { advance } from '../../../test/clock.ts'
import { createTestDatabase, query, type TestDatabase } from '../../../test/database.ts'
import { consumeToken, issueToken, peekToken, tokenFor } from './index.ts'

const minute = 60_000
const tester: SystemActor = { kind: 'SYSTEM', name: 'test' }
let database: TestDatabase

beforeAll(async () => {
  database = await createTestDatabase()
  const config = readConfig({ DATABASE_URL: database.url, PLINTH_SECRET: 'a secret for tests, 32 characters' })
  useSecret(config.PLINTH_SECRET)
  await connectDatabase(config)
})
afterAll(async () => {
  await disconnectDatabase()
  await database.drop()
})

const invite = (subject: string, ttlMs = minute) => issueToken({ purpose: 'TEAM_INVITATION', subject, email: 'ada@example.com', ttlMs })

test('a token is used once, whoever hurries: of twenty at once one gets it', async () => {
  const token = tokenFor('TEAM_INVITATION', await invite('race'))
  const settled = await Promise.allSettled(Array.from({ length: 20 }, () => consumeToken('TEAM_INVITATION', token)))
  expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  for (const result of settled) if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'INVALID_TOKEN' })
  await expect(consumeToken('TEAM_INVITATION', token)).rejects.toMatchObject({ code: 'INVALID_TOKEN' })
  const traces = await query(
    database.ownerUrl,
    `SELECT FROM core.activity WHERE event = 'auth.token.refused' AND data = '{"purpose": "TEAM_INVITATION"}'`,
  )
  expect(traces).toHaveLength(20)
})

test('a good token stands for its subject and address; looking at it leaves it good', async () => {
  const token = tokenFor('TEAM_INVITATION', await invite('look'))
  for (const give of [peekToken, peekToken, consumeToken]) {
    expect(await give('TEAM_INVITATION', token)).toMatchObject({ subject: 'look', email: 'ada@example.com', userId: null })
  }
  expect(await peekToken('TEAM_INVITATION', token)).toBeNull()
})

test("a token of one purpose is worth nothing for another, in its own spelling or in the other's", async () => {
  const id = await invite('purpose')
  for (const token of [tokenFor('TEAM_INVITATION', id), tokenFor('SETUP', id)]) {
    await expect(consumeToken('SETUP', token)).rejects.toMatchObject({ code: 'INVALID_TOKEN' })
  }
  await expect(consumeToken('TEAM_INVITATION', tokenFor('SETUP', id))).rejects.toMatchObject({ code: 'INVALID_TOKEN' })
  await consumeToken('TEAM_INVITATION', tokenFor('TEAM_INVITATION', id))
})

test('a newer token ends the older ones of the same purpose and subject, and no other', async () => {
  const [older, other] = [await invite('newer'), await invite('other')]
  const newer = await invite('newer')
  expect(await peekToken('TEAM_INVITATION', tokenFor('TEAM_INVITATION', older))).toBeNull()
  expect(await peekToken('TEAM_INVITATION', tokenFor('TEAM_INVITATION', newer))).not.toBeNull()
  expect(await peekToken('TEAM_INVITATION', tokenFor('TEAM_INVITATION', other))).not.toBeNull()
})

test('where the transaction around it rolls back, a used token is good again', async () => {
  const token = tokenFor('TEAM_INVITATION', await invite('rollback'))
  const failing = transaction('teams', tester, async () => {
    await consumeToken('TEAM_INVITATION', token)
    throw new Error('the rest failed')
  })
  await expect(failing).rejects.toThrow('the rest failed')
  expect(await consumeToken('TEAM_INVITATION', token)).toMatchObject({ subject: 'rollback' })
})

test('S10 the database holds no token, only what proves one', async () => {
  const id = await invite('dump')
  const token = tokenFor('TEAM_INVITATION', id)
  const [row] = await query<{ dump: string }>(
    database.ownerUrl,
    'SELECT row_to_json(t)::text AS dump FROM auth.verification_tokens AS t WHERE id = $1',
    [id],
  )
  expect(row?.dump).not.toContain(token)
  expect(row?.dump).not.toContain(token.slice('pln_i_'.length))
  expect(token).toMatch(/^pln_i_[\w-]{43}$/)
  expect(tokenFor('TEAM_INVITATION', id)).toBe(token)
})

test("R17 a token expires by the database's clock, to the second", async () => {
  const token = tokenFor('TEAM_INVITATION', await invite('old'))
  await advance(database.ownerUrl, minute - 5_000)
  expect(await peekToken('TEAM_INVITATION', token)).not.toBeNull()
  await advance(database.ownerUrl, 5_001)
  await expect(consumeToken('TEAM_INVITATION', token)).rejects.toMatchObject({ code: 'INVALID_TOKEN' })
})
