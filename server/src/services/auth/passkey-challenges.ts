/**
 * Questions to passkeys, each answered once, within five minutes, by the one it was put to. The library that verifies answers keeps no account of
 * them: the same answer is right as often as it is shown.
 */
import { randomUUIDv7 } from 'node:crypto'
import type { Row, Tx } from '#db'
import { keyedHash, sha256 } from '#lib/secrets.ts'
import type { SessionKind } from './schema.ts'

/** Long enough to fetch a key from another room, or a telephone. */
export const challengeTtlMs = 5 * 60 * 1000

type Purpose = Row<'passkeyChallenge'>['purpose']

export interface NewChallenge {
  readonly purpose: Purpose
  /** What the asked one alone has: the answer is taken from whoever shows it too. */
  readonly holder: string
  readonly kind: SessionKind
  readonly userId: string | null
}

/** Keeps a question, and gives the challenge: 256 bits that nobody can guess, not even with the database in hand. */
export async function insertChallenge(tx: Tx<'auth'>, { holder, ...about }: NewChallenge): Promise<{ challenge: string; expiresAt: Date }> {
  const id = randomUUIDv7()
  const challenge = keyedHash('passkey', id).toString('base64url')
  const expiresAt = new Date(tx.now.getTime() + challengeTtlMs)
  const data = { id, ...about, challengeHash: sha256(challenge), holderHash: sha256(holder), expiresAt }
  await tx.passkeyChallenge.create({ data })
  return { challenge, expiresAt }
}

/** An answer, as far as it says what it answers, and who gives it. */
export interface Answered extends Omit<NewChallenge, 'kind'> {
  readonly challenge: string
}

/**
 * Uses a question up and gives it: one conditional UPDATE, so that of any number of answers at once exactly one gets it. A wrong answer uses it up
 * as well; a stranger's leaves it as it is. Null where it is unknown, used, too old, or was put to somebody else, or for something else.
 */
export async function takeChallenge(
  tx: Tx<'auth'>,
  { purpose, challenge, holder, userId }: Answered,
): Promise<Row<'passkeyChallenge'> | null> {
  const [taken] = await tx.passkeyChallenge.updateManyAndReturn({
    where: { challengeHash: sha256(challenge), purpose, holderHash: sha256(holder), userId, usedAt: null, expiresAt: { gt: tx.now } },
    data: { usedAt: tx.now },
  })
  return taken ?? null
}
