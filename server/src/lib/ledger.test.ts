import { expect, test } from 'vitest'
import { advanceClock } from './clock.ts'
import { createLedger } from './ledger.ts'

const bucket = { key: 'user:anna', perMinute: 60 }

test('processes that take what they are granted are never granted more than the bucket holds', () => {
  for (const processes of [1, 2, 5]) {
    const ledger = createLedger(processes)
    let granted = 0
    for (let turn = 0; turn < 500; turn++) granted += ledger.lease(bucket, 1 + (turn % 3)).granted
    expect(granted).toBe(60)
    expect(ledger.lease(bucket, 1)).toEqual({ granted: 0, retryAfterSeconds: 1 })
    advanceClock(10_000)
    expect(ledger.lease(bucket, 60).granted).toBe(10)
  }
})

test('a process alone is granted what it wants; one of several gets some ahead, the less the emptier the bucket is', () => {
  expect(createLedger(1).lease(bucket, 1).granted).toBe(1)
  const ledger = createLedger(2)
  const grants = Array.from({ length: 60 }, () => ledger.lease(bucket, 1).granted).filter((granted) => granted > 0)
  expect(grants[0]).toBe(15)
  expect(grants).toEqual(grants.toSorted((a, b) => b - a))
  expect(grants.at(-1)).toBe(1)
})

test('what was not used is there for another, and a bucket never holds more than it can', () => {
  const ledger = createLedger(2)
  expect(ledger.lease(bucket, 60).granted).toBe(60)
  ledger.giveBack(bucket, 20)
  expect(ledger.lease(bucket, 60).granted).toBe(20)
  ledger.giveBack(bucket, 60)
  ledger.giveBack(bucket, 60)
  expect(ledger.lease(bucket, 100).granted).toBe(60)
})

test('places of a person are counted over processes, and those of a process that ended are free', () => {
  const ledger = createLedger(2)
  const take = (process: number, owner = 'anna') => ledger.takeSeat(process, owner, 3)
  expect([take(1), take(2), take(2), take(1), take(1, 'ben')]).toEqual([true, true, true, false, true])
  ledger.leaveSeat(1, 'anna')
  expect([take(2), take(1)]).toEqual([true, false])
  ledger.forget(2)
  expect([take(1), take(1), take(1), take(1)]).toEqual([true, true, true, false])
})
