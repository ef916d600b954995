import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectDatabase, disconnectDatabase } from '#db'
import { readConfig } from '#lib/config.ts'
import { AppError } from '#lib/errors.ts'
import { useSecret } from '#lib/secrets.ts'
import { advance, stopped } from '../../../test/clock.ts'
import { createTestDatabase, query, type TestDatabase } from '../../../test/database.ts'
import * as throttle from './throttle.ts'

const { forgiving, mayMail, useThrottles } = throttle
const takeAttempt = (email: string, address: string | null, known: string | null = null) => throttle.takeAttempt({ email, address, known })
const forgiveAttempt = (email: string, address: string | null, known: string | null = null) =>
  throttle.forgiveAttempt({ email, address, known })

const second = 1_000
let database: TestDatabase
let last = 0

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

/** An address of the network 198.18.0.0/15, which is nobody's. */
const fresh = (): string => `198.18.${Math.floor(++last / 250)}.${last % 250}`

test('A07 of two hundred attempts at one account at once, five are looked at', async () => {
  const results = await Promise.all(Array.from({ length: 200 }, () => takeAttempt('race@example.com', fresh())))
  expect(results.filter((result) => result === null)).toHaveLength(5)
  for (const result of results)
    if (result) expect(result).toEqual({ by: 'ACCOUNT', retryAfterSeconds: expect.toSatisfy((s: number) => s >= 1 && s <= 2) })
})

test('A04 from the fifth attempt on, the pauses of an account double up to a quarter of an hour, and the hundredth is the last', async () => {
  const email = 'pauses@example.com'
  const pauses: number[] = []
  for (let free = 1; free <= 4; free += 1) expect(await takeAttempt(email, fresh())).toBeNull()
  for (let attempt = 5; attempt <= 100; attempt += 1) {
    expect(await takeAttempt(email, fresh())).toBeNull()
    const pause = (await takeAttempt(email, fresh()))?.retryAfterSeconds ?? 0
    pauses.push(pause)
    await advance(database.ownerUrl, Math.min(pause, 900) * second)
  }
  expect(pauses.slice(0, 10)).toEqual([2, 4, 8, 16, 32, 64, 128, 256, 512, 900])
  expect(new Set(pauses.slice(9, -1))).toEqual(new Set([900]))
  expect(pauses.at(-1)).toBeGreaterThan(300 * 86_400)
})

test('attempts during a pause do not lengthen it', async () => {
  const email = 'hammer@example.com'
  await stopped(database.ownerUrl, async () => {
    for (let i = 0; i < 5; i += 1) await takeAttempt(email, fresh())
    for (let i = 0; i < 50; i += 1) expect(await takeAttempt(email, fresh())).not.toBeNull()
  })
  await advance(database.ownerUrl, 2 * second)
  expect(await takeAttempt(email, fresh())).toBeNull()
})

test('the right password lets the account and the pair start anew and gives the address its attempt back', async () => {
  const [email, address] = ['right@example.com', fresh()]
  for (let i = 0; i < 60; i += 1) {
    expect(await takeAttempt(email, address)).toBeNull()
    await forgiveAttempt(email, address)
  }
})

test('A05 one address has thirty attempts in ten minutes, at however many accounts', async () => {
  const address = fresh()
  const results = await Promise.all(Array.from({ length: 100 }, (_, i) => takeAttempt(`spray${i}@example.com`, address)))
  expect(results.filter((result) => result === null)).toHaveLength(30)
  expect(results.find((result) => result)?.by).toBe('ADDRESS')
  await advance(database.ownerUrl, 601 * second)
  expect(await takeAttempt('spray@example.com', address)).toBeNull()
})

test('C19 an address is counted as one customer, however it is spelt and whichever of a /64 it is', async () => {
  const spellings = ['192.0.2.9', '::ffff:192.0.2.9', '::FFFF:c000:0209']
  const many = Array.from({ length: 40 }, (_, i) => takeAttempt(`spelt${i}@example.com`, spellings[i % 3] ?? null))
  expect((await Promise.all(many)).filter((result) => result === null)).toHaveLength(30)
  const neighbours = Array.from({ length: 40 }, (_, i) => takeAttempt(`six${i}@example.com`, `2001:db8:0:7::${i.toString(16)}`))
  expect((await Promise.all(neighbours)).filter((result) => result === null)).toHaveLength(30)
  expect(await takeAttempt('six@example.com', '2001:db8:0:8::1')).toBeNull()
})

test('one address has ten attempts in ten minutes at one account', async () => {
  const [email, address] = ['pair@example.com', fresh()]
  const results = []
  for (let i = 0; i < 11; i += 1) {
    results.push(await takeAttempt(email, address))
    await query(database.ownerUrl, 'UPDATE auth.throttles SET blocked_until = NULL')
  }
  expect(results.slice(0, 10)).toEqual(Array(10).fill(null))
  expect(results[10]).toMatchObject({ by: 'PAIR' })
})

test('R16 an address gets three mails an hour of each kind: sign-ups do not use up the way out of a lock', async () => {
  const mails = await Promise.all(Array.from({ length: 100 }, () => mayMail('SIGN_UP', 'mail@example.com')))
  expect(mails.filter(Boolean)).toHaveLength(3)
  const resets = await Promise.all(Array.from({ length: 100 }, () => mayMail('RESET', 'mail@example.com')))
  expect(resets.filter(Boolean)).toHaveLength(3)
  await advance(database.ownerUrl, 3_601 * second)
  expect(await mayMail('SIGN_UP', 'mail@example.com')).toBe(true)
})

test('A04 a device that the account is known on is counted by itself, and after a pause of its own as any other', async () => {
  const email = 'owner@example.com'
  for (let i = 0; i < 5; i += 1) await takeAttempt(email, fresh())
  expect(await takeAttempt(email, fresh())).toMatchObject({ by: 'ACCOUNT' })
  for (let i = 0; i < 5; i += 1) expect(await takeAttempt(email, fresh(), 'device:one')).toBeNull()
  expect(await takeAttempt(email, fresh(), 'device:one')).toMatchObject({ by: 'ACCOUNT' })
  expect(await takeAttempt(email, fresh(), 'device:two')).toBeNull()
  await forgiveAttempt(email, fresh(), 'device:one')
  expect(await takeAttempt(email, fresh())).toBeNull()
  expect(await takeAttempt(email, fresh(), 'device:one')).toBeNull()
})

test('the right password is forgiven also where the call is answered from its key, and a wrong one is not', async () => {
  const attempter = { email: 'repeat@example.com', address: fresh(), known: null }
  for (let i = 0; i < 10; i += 1) {
    expect(await throttle.takeAttempt(attempter)).toBeNull()
    await expect(forgiving(attempter, () => Promise.reject(new AppError('ALREADY_DONE', 'It was made already.')))).rejects.toThrow()
  }
  for (let i = 0; i < 5; i += 1) {
    expect(await throttle.takeAttempt(attempter)).toBeNull()
    await expect(forgiving(attempter, () => Promise.reject(new AppError('UNAUTHORIZED', 'It is wrong.')))).rejects.toThrow()
  }
  expect(await throttle.takeAttempt(attempter)).toMatchObject({ by: 'ACCOUNT' })
})

test('the counters name nobody', async () => {
  const rows = await query<{ dump: string }>(database.ownerUrl, 'SELECT row_to_json(t)::text AS dump FROM auth.throttles AS t')
  expect(rows.length).toBeGreaterThan(100)
  for (const { dump } of rows) expect(dump).not.toMatch(/example|198\.18|2001:/)
})

test('they can be lifted for load tests', async () => {
  useThrottles(false)
  const results = await Promise.all(Array.from({ length: 50 }, () => takeAttempt('off@example.com', '192.0.2.1')))
  expect(new Set(results)).toEqual(new Set([null]))
  useThrottles(true)
})
