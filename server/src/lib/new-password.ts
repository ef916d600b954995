/** A password that somebody chooses: the rules, and the breaches that the operator knows of. */
import { isBreached } from './breached-passwords.ts'
import { AppError } from './errors.ts'
import { checkPassword } from './password-rules.ts'

/**
 * Takes a password that is being chosen. `about` names what a guesser would try first for this person: the address, the name. It may read a
 * file: never call it inside a transaction.
 *
 * @throws BAD_REQUEST whose fault is at `password`; COMMON_PASSWORD or BREACHED_PASSWORD is its reason where it is long enough.
 */
export async function acceptPassword(password: string, about: readonly string[]): Promise<void> {
  checkPassword(password, about)
  if (!(await isBreached(password))) return
  const fault = 'is known from a breach of another service'
  throw new AppError('BAD_REQUEST', `This password ${fault}.`, { fields: { password: [fault] }, reason: 'BREACHED_PASSWORD' })
}
