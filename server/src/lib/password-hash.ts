/** Hashes and checks passwords with argon2id, at a pace that leaves the machine to others. */
import { availableParallelism } from 'node:os'
import { hash, parseOptions, verify } from '@node-rs/argon2'
import { AppError } from './errors.ts'
import { reading } from './metrics.ts'
import { siblings } from './siblings.ts'

/** OWASP's and ASVS 5.0's (appendix C) minimum: 19 MiB, two passes, one lane; about 20 ms on a quiet core. */
const parameters = { memoryCost: 19_456, timeCost: 2, parallelism: 1, outputLen: 32 }

/**
 * libuv has four threads; one is left to files and names. One core is left to the event loop and to PostgreSQL: a hash on each lets nobody else
 * through, and on two cores one at a time was not seen to sign in fewer (bench/sign-in.ts). Several processes share the cores.
 */
const atOnce = Math.max(1, Math.floor(Math.min(availableParallelism() - 1, 3) / (siblings()?.count ?? 1)))
const longestLine = 64 * atOnce
const assumedMs = 60

/** Nobody's hash, with our parameters: checking against it costs what checking a real one costs, and always fails. */
const nobodys = `$argon2id$v=19$m=${parameters.memoryCost},t=${parameters.timeCost},p=${parameters.parallelism}$${'A'.repeat(22)}$${'A'.repeat(43)}`

const line: (() => void)[] = []
let running = 0

reading(
  'plinth_password_hashes',
  'Password hashes under way, and those that wait in line.',
  () => [
    [['running'], running],
    [['waiting'], line.length],
  ],
  { labels: ['state'] },
)

/**
 * Gives the argon2id hash of a password in PHC form, with a fresh salt. NFKC alone is applied: nothing is trimmed, folded or cut.
 * Never call it inside a transaction: it may wait in line for a second and more.
 *
 * @throws UNAVAILABLE with retryAfterSeconds when too many already wait.
 */
export async function hashPassword(password: string): Promise<string> {
  return inLine(() => hash(password.normalize('NFKC'), parameters))
}

/**
 * Says whether the password is the one of this hash. For somebody without a password (`null`) it does the same work and says no,
 * so that the time taken tells nobody who has an account.
 *
 * @throws UNAVAILABLE with retryAfterSeconds when too many already wait.
 */
export async function verifyPassword(stored: string | null, password: string): Promise<boolean> {
  const right = await inLine(() => verify(stored ?? nobodys, password.normalize('NFKC')))
  return right && stored !== null
}

/** Whether a hash was made with other parameters than today's: hash the password again when it is next known to be right. */
export function needsRehash(stored: string): boolean {
  const used = parseOptions(stored)
  return (
    !stored.startsWith('$argon2id$v=19$') ||
    used.memoryCost !== parameters.memoryCost ||
    used.timeCost !== parameters.timeCost ||
    used.parallelism !== parameters.parallelism ||
    used.outputLen !== parameters.outputLen
  )
}

async function inLine<T>(work: () => Promise<T>): Promise<T> {
  if (running >= atOnce) await turn()
  else running += 1
  try {
    return await work()
  } finally {
    // The place is handed on, not given back: whoever comes now cannot slip in before those who wait.
    const next = line.shift()
    if (next) next()
    else running -= 1
  }
}

function turn(): Promise<void> {
  if (line.length >= longestLine) {
    const retryAfterSeconds = Math.ceil((line.length * assumedMs) / atOnce / 1000)
    throw new AppError('UNAVAILABLE', 'Too many people are signing in just now: try again shortly.', { retryAfterSeconds })
  }
  return new Promise((resolve) => line.push(resolve))
}
