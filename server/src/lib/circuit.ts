/** Keeps what others' servers do from becoming ours: a server that is down is left alone for a while, and one that is slow holds few of our calls. */
import { now } from './clock.ts'
import { AppError } from './errors.ts'

export interface CircuitOptions {
  /** How many calls in a row must fail before it opens. */
  readonly failures?: number
  /** How long it stays open. Then one call tries, and the others wait for what comes of it. */
  readonly openMs?: number
  /** How many calls may be under way at once. */
  readonly most?: number
}

/** Runs one call, or refuses it unseen. @throws UNAVAILABLE while it is open or full; otherwise what the call throws. */
export type Circuit = <T>(call: () => Promise<T>) => Promise<T>

/** Makes a circuit, closed. One belongs to one server; what its calls throw counts as its failures. */
export function createCircuit({ failures = 3, openMs = 30_000, most = 20 }: CircuitOptions = {}): Circuit {
  let [failed, underWay, openUntil] = [0, 0, 0]
  const remainingMs = () => Math.max(0, openUntil - now().getTime())
  return async function run(call) {
    if (remainingMs() > 0 || underWay >= most) throw unavailable(remainingMs())
    // Where it was open, this call is the trial: nobody follows it until it is over.
    if (failed >= failures) openUntil = now().getTime() + openMs
    underWay += 1
    try {
      const answer = await call()
      ;[failed, openUntil] = [0, 0]
      return answer
    } catch (error) {
      failed += 1
      if (failed >= failures) openUntil = now().getTime() + openMs
      throw error
    } finally {
      underWay -= 1
    }
  }
}

function unavailable(remainingMs: number): AppError {
  const retryAfterSeconds = Math.max(1, Math.ceil(remainingMs / 1000))
  return new AppError('UNAVAILABLE', 'The other server does not answer just now. Try again later.', { retryAfterSeconds })
}
