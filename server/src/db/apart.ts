import { currentCall, withCall } from '#lib/call.ts'

/**
 * Runs `fn` beside the call: its transactions claim no key, keep no result and check no output. For what counts each time a call is
 * sent, like a throttle. No way out of a transaction: inside one they still join it.
 */
export function apart<T>(fn: () => Promise<T>): Promise<T> {
  const call = currentCall()
  return call ? withCall({ ...call, idempotency: null, output: null }, fn) : fn()
}
