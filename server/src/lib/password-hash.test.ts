import { argon2Sync } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { hash } from '@node-rs/argon2'
import { expect, test } from 'vitest'
import { unevenness } from '../../test/timing.ts'
import { isAppError } from './errors.ts'
import { hashPassword, needsRehash, verifyPassword } from './password-hash.ts'

const password = 'a quiet place by the sea'

test('a password is the one of its own hash alone', async () => {
  const stored = await hashPassword(password)
  expect(stored).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
  expect(await verifyPassword(stored, password)).toBe(true)
  expect(await verifyPassword(stored, `${password}!`)).toBe(false)
  expect(await hashPassword(password)).not.toBe(stored)
})

test('the hash is argon2id as another implementation computes it', async () => {
  const [, , , , salt = '', tag = ''] = (await hashPassword(password)).split('$')
  const other = argon2Sync('argon2id', {
    message: password,
    nonce: Buffer.from(salt, 'base64'),
    memory: 19_456,
    passes: 2,
    parallelism: 1,
    tagLength: 32,
  })
  expect(other.toString('base64').replace(/=+$/, '')).toBe(tag)
})

test('A10 nothing is trimmed or folded, but the same letters in another Unicode form are the same password', async () => {
  const stored = await hashPassword('  Café au lait, s’il vous plaît ')
  expect(await verifyPassword(stored, '  Café au lait, s’il vous plaît '.normalize('NFD'))).toBe(true)
  expect(await verifyPassword(stored, 'Café au lait, s’il vous plaît')).toBe(false)
  expect(await verifyPassword(stored, '  café au lait, s’il vous plaît ')).toBe(false)
})

test('for somebody without a password the same work is done and the answer is no', { retry: 3, timeout: 60_000 }, async () => {
  const stored = await hashPassword(password)
  expect(await verifyPassword(null, '')).toBe(false)
  expect(await unevenness([() => verifyPassword(stored, 'wrong'), () => verifyPassword(null, 'wrong')])).toBeLessThanOrEqual(1.25)
})

test('a hash of older parameters asks for a new one', async () => {
  expect(needsRehash(await hashPassword(password))).toBe(false)
  expect(needsRehash(await hash(password, { memoryCost: 12_288, timeCost: 2 }))).toBe(true)
  expect(needsRehash(await hash(password, { timeCost: 1 }))).toBe(true)
})

test('the line is bounded: who comes when it is full is told when to come again, and everybody in it is served', async () => {
  const places = Math.max(1, Math.min(availableParallelism() - 1, 3)) * 65
  const settled = await Promise.allSettled(Array.from({ length: places + 10 }, () => verifyPassword(null, 'x')))
  const refused = settled.filter((result) => result.status === 'rejected')
  expect(refused).toHaveLength(10)
  for (const { reason } of refused) {
    if (!isAppError(reason, 'UNAVAILABLE')) throw reason
    expect(reason.details.retryAfterSeconds).toBeGreaterThan(0)
  }
  expect(await verifyPassword(null, 'x')).toBe(false)
}, 60_000)
