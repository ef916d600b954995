/** Hashes and checks passwords with argon2id, at a pace that leaves the machine to others. */
import { parseOptions } from '@node-rs/argon2'
import { hashInLine } from './hashing.ts'

/** OWASP's and ASVS 5.0's (appendix C) minimum: 19 MiB, two passes, one lane; about 20 ms on a quiet core. */
const parameters = { memoryCost: 19_456, timeCost: 2, parallelism: 1, outputLen: 32 }

/** Nobody's hash, with our parameters: checking against it costs what checking a real one costs, and always fails. */
const nobodys = `$argon2id$v=19$m=${parameters.memoryCost},t=${parameters.timeCost},p=${parameters.parallelism}$${'A'.repeat(22)}$${'A'.repeat(43)}`

/**
 * Gives the argon2id hash of a password in PHC form, with a fresh salt. NFKC alone is applied: nothing is trimmed, folded or cut.
 * Never call it inside a transaction: it may wait in line for a second and more.
 *
 * @throws UNAVAILABLE with retryAfterSeconds when too many already wait.
 */
export async function hashPassword(password: string): Promise<string> {
  return (await hashInLine({ kind: 'HASH', password: password.normalize('NFKC'), parameters })) as string
}

/**
 * Says whether the password is the one of this hash. For somebody without a password (`null`) it does the same work and says no,
 * so that the time taken tells nobody who has an account.
 *
 * @throws UNAVAILABLE with retryAfterSeconds when too many already wait.
 */
export async function verifyPassword(stored: string | null, password: string): Promise<boolean> {
  const right = await hashInLine({ kind: 'VERIFY', password: password.normalize('NFKC'), hash: stored ?? nobodys })
  return right === true && stored !== null
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
