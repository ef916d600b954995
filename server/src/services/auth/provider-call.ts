/** Talking to a provider: what goes wrong there is one of two things to whoever signs in: it is down, or it cannot be believed. */
import type { Circuit } from '#lib/circuit.ts'
import { AppError, isAppError } from '#lib/errors.ts'
import { log } from '#lib/log.ts'
import { callOutside, OutboundError, type OutboundCall } from '#lib/outbound.ts'

/** Calls through the provider's circuit. An answer that says it is overloaded or broken counts as none. */
export function callProvider(circuit: Circuit, url: string, call: OutboundCall = {}): Promise<Response> {
  return circuit(async () => {
    const response = await callOutside(url, call)
    if (response.status >= 500 || response.status === 429) throw new OutboundError(`${new URL(url).host} answered ${response.status}`)
    return response
  })
}

/**
 * Runs what asks a provider. The log has the reason, in words that hold nothing of what the provider or the person sent.
 *
 * @throws UNAVAILABLE where it is down or may not be called; INVALID_TOKEN where it answers what cannot be believed.
 */
export async function asking<T>(provider: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const reasons = chainOf(error)
    log.warn({ provider, reasons: reasons.map(({ message }) => message) }, 'A provider could not be used.')
    if (reasons.some(isDown)) throw down(error)
    throw new AppError('INVALID_TOKEN', 'The provider did not confirm this sign-in. Begin again.')
  }
}

/** The error of a provider that cannot be used just now, whoever's fault it is. */
export function down(error: unknown): AppError {
  if (isAppError(error, 'UNAVAILABLE')) return error
  return new AppError('UNAVAILABLE', 'The provider does not answer just now. Try again later.', { retryAfterSeconds: 30 })
}

function isDown(reason: Error): boolean {
  return reason instanceof OutboundError || isAppError(reason, 'UNAVAILABLE')
}

function chainOf(error: unknown): Error[] {
  const chain: Error[] = []
  for (let next = error; next instanceof Error && chain.length < 5; next = next.cause) chain.push(next)
  return chain
}
