import { initTRPC } from '@trpc/server'
import { expect, test, vi } from 'vitest'
import { z } from 'zod'
import { anonymous } from '#lib/actor.ts'
import { currentCall } from '#lib/call.ts'
import { useSecret } from '#lib/secrets.ts'
import type { Context } from './context.ts'
import { seal } from './seal.ts'

useSecret('a secret that tests alone may know, and everybody does')

const checked = vi.fn()
const Result = z.object({ count: z.number() }).superRefine(() => void checked())

type Ctx = Pick<Context, 'requestId' | 'address' | 'userAgent' | 'device' | 'idempotencyKeys'> & { actor: typeof anonymous }

/** A mutation in a router, whose resolver is `work`; called as tRPC calls it. */
function mutationOf(work: () => unknown, ctx: Partial<Ctx> = {}) {
  const t = initTRPC.context<Ctx>().meta<{ access: string; secret?: true; unkeyed?: true }>().create()
  const record = {
    act: t.procedure
      .meta({ access: 'anyone' })
      .input(z.strictObject({ text: z.string() }))
      .output(Result)
      .mutation(() => work() as { count: number }),
  }
  seal(record)
  const base: Ctx = {
    requestId: 'request-1',
    address: null,
    userAgent: null,
    device: 'd'.repeat(20),
    idempotencyKeys: ['k'.repeat(20)],
    actor: anonymous,
  }
  return (text = 'a') =>
    t
      .createCallerFactory(t.router(record))({ ...base, ...ctx })
      .act({ text })
}

test('a result that was validated in its transaction is not validated again', async () => {
  checked.mockClear()
  const act = mutationOf(() => currentCall()?.output?.({ count: 1, secret: 'stripped' }))
  expect(await act()).toEqual({ count: 1 })
  expect(checked).toHaveBeenCalledTimes(1)
})

test('a result that had no transaction is validated all the same', async () => {
  checked.mockClear()
  expect(await mutationOf(() => ({ count: 1, secret: 'stripped' }))()).toEqual({ count: 1 })
  expect(checked).toHaveBeenCalledTimes(1)
  await expect(mutationOf(() => ({ count: 'one' }))()).rejects.toThrow()
})

test('a result that does not fit fails inside the transaction, before its commit', async () => {
  let committed = false
  const act = mutationOf(() => {
    const result = currentCall()?.output?.({ count: 'one' })
    committed = true
    return result
  })
  await expect(act()).rejects.toThrow()
  expect(committed).toBe(false)
})

test('the fingerprint tells two inputs apart, and is the same for the same', async () => {
  const prints: string[] = []
  const act = mutationOf(() => {
    prints.push(Buffer.from(currentCall()?.idempotency?.fingerprint ?? []).toString('hex'))
    return { count: 1 }
  })
  for (const text of ['a', 'b', 'a']) await act(text)
  expect(prints[0]).toMatch(/^[0-9a-f]{64}$/)
  expect(prints[1]).not.toBe(prints[0])
  expect(prints[2]).toBe(prints[0])
})

test('a mutation without a key runs without one', async () => {
  let idempotency: unknown = 'unset'
  const act = mutationOf(() => ((idempotency = currentCall()?.idempotency), { count: 1 }), { idempotencyKeys: [] })
  await act()
  expect(idempotency).toBeNull()
})
