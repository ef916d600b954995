/** What was added to an account to sign in by, and the link that takes it back (decision 030). */
import type { Row, Tx } from '#db'
import type { FactorKind } from './schema-account.ts'
import { insertToken } from './tokens.ts'

const undoTtlMs = 7 * 24 * 60 * 60 * 1000

/** A passkey, an authenticator app, or what somebody is at a provider, by the id of its row. */
export interface AddedFactor {
  readonly kind: FactorKind
  readonly id: string
}

/**
 * Issues the link by which the address that the account has now takes back what was added, for seven days, and gives the id of its token for the
 * mail. The caller has locked the account.
 */
export async function offerUndo(tx: Tx<'auth'>, userId: string, added: AddedFactor): Promise<string> {
  const user = await tx.user.findFirst({ where: { id: userId }, select: { email: true } })
  if (!user) throw new Error('Something was added to an account that is not there')
  return insertToken(tx, { purpose: 'FACTOR_UNDO', subject: `${added.kind}:${added.id}`, userId, email: user.email, ttlMs: undoTtlMs })
}

/** What a link takes back. */
export function addedBehind({ subject }: Pick<Row<'verificationToken'>, 'subject'>): AddedFactor {
  const [kind, id = ''] = subject.split(':')
  // What was written here is what it is.
  return { kind: kind as FactorKind, id }
}
