/** What surrounds every call: its name for whatever happens in it (lib/call.ts), and its figures. */
import type { TRPCError } from '@trpc/server'
import { withCall } from '#lib/call.ts'
import { counter, histogram } from '#lib/metrics.ts'
import type { Context } from './context.ts'
import { toAppError } from './errors.ts'

const calls = counter('plinth_calls_total', 'Calls of procedures, each of a batch by itself, by their answer.', ['procedure', 'code'])
const durations = histogram('plinth_call_duration_seconds', 'How long a call took; of a subscription, until it was open.', {
  labels: ['procedure'],
})

interface Measured<R> {
  readonly ctx: Context
  readonly path: string
  next(): Promise<R>
}

/** Runs a call under its name, and counts it: OK, or the code that it was refused with. */
export async function measured<R extends { readonly ok: boolean }>({ ctx, path, next }: Measured<R>): Promise<R> {
  const { requestId, address, userAgent } = ctx
  const begun = performance.now()
  const result: R & { readonly error?: TRPCError } = await withCall(
    { requestId, procedure: path, address, userAgent, idempotency: null, output: null, trace: { left: false } },
    next,
  )
  durations(performance.now() - begun, [path])
  calls([path, result.error ? toAppError(result.error).code : 'OK'])
  return result
}

/** Counts a call that reached no procedure: an unknown name, a body that cannot be read. Its name is whatever somebody typed, and no label. */
export function countLost(error: TRPCError): void {
  calls(['none', toAppError(error).code])
}
