import { expect, test } from 'vitest'
import { createLedger, type Bucket } from '#lib/ledger.ts'
import { createShares } from './shares.ts'

/** Two processes and the ledger between them; a message takes its time. */
function twoProcesses() {
  const ledger = createLedger(2)
  let asked = 0
  const process = () =>
    createShares({
      ask: async (_kind, about) => {
        asked++
        await new Promise((resolve) => setTimeout(resolve, 2))
        const { bucket, want } = about as { bucket: Bucket; want: number }
        return ledger.lease(bucket, want) as never
      },
      tell: (_kind, about) => {
        const { bucket, calls } = about as { bucket: Bucket; calls: number }
        ledger.giveBack(bucket, calls)
      },
    })
  return { takes: [process(), process()], ledger, asked: () => asked }
}

const anna = { key: 'user:anna', perMinute: 100 }

test('a flood through two processes at once passes exactly what the bucket holds', async () => {
  const { takes, asked } = twoProcesses()
  const answers = await Promise.all(Array.from({ length: 400 }, async (_, index) => takes[index % 2]?.(anna)))
  expect(answers.filter((refused) => refused === null)).toHaveLength(100)
  expect(answers.find((refused) => refused !== null)).toMatchObject({ granted: 0, retryAfterSeconds: 1 })
  expect(asked()).toBeLessThan(20)
})

test('a caller is asked about a few times for a whole bucket, and waits for no answer in between', async () => {
  const { takes, asked } = twoProcesses()
  let waited = 0
  for (let call = 0; call < 100; call++) {
    const refused = takes[0]?.(anna)
    if (refused instanceof Promise) waited++
    expect(await refused).toBeNull()
  }
  expect(asked()).toBeLessThan(20)
  expect(waited).toBe(asked())
})

test('what a process does not use for two seconds is there for the other', async () => {
  const { takes, ledger } = twoProcesses()
  await takes[0]?.(anna)
  expect(ledger.lease(anna, 100).granted).toBe(75)
  await expect.poll(() => ledger.lease(anna, 100).granted, { timeout: 5_000, interval: 50 }).toBeGreaterThanOrEqual(24)
})

test('a primary that does not answer lets nobody through', async () => {
  const take = createShares({ ask: () => Promise.reject(new Error('gone')), tell: () => undefined })
  expect(await take(anna)).toMatchObject({ granted: 0, retryAfterSeconds: 1 })
})
