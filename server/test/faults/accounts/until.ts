/** Calls that are asked again until somebody knows what became of them, as whoever wants something does. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Answer } from '../../browser.ts'

/** What says nothing of whether it was done. */
const indefinite = new Set(['INTERNAL', 'UNKNOWN_OUTCOME', 'UNAVAILABLE', 'CLIENT_CLOSED'])
const patienceMs = 90_000

/** Asks until there is an answer that says yes or no. Nobody listens, the connection breaks, the server does not know: then it asks again. */
export async function settled(attempt: () => Promise<Answer>): Promise<Answer> {
  return until(async () => {
    const answer = await attempt().catch(() => null)
    return answer && !indefinite.has(answer.error?.data.code ?? '') ? answer : null
  })
}

/** Tries until there is something, every 50 ms. What throws meanwhile is nothing yet. */
export async function until<T>(attempt: () => Promise<T | null>): Promise<T> {
  for (const deadline = Date.now() + patienceMs; ; await sleep(50)) {
    const found = await attempt().catch(() => null)
    if (found !== null) return found
    if (Date.now() > deadline)
      throw new Error(`It did not come to an end within ${patienceMs / 1000} seconds: ${attempt.toString().slice(0, 200)}`)
  }
}
