/**
 * Families of the tokens that a device is remembered by. Each token is of the family of the one that it replaced, and so are the sessions that they
 * began; whatever ends one ends all of it.
 */
import type { Row, Tx } from '#db'
import { currentCall } from '#lib/call.ts'
import { endSessions, type Credential } from './sessions.ts'
import { findToken } from './tokens.ts'

type Shown = Pick<Row<'verificationToken'>, 'userId' | 'subject' | 'usedAt'>

/** For so long after its use a token may still be on its way from another tab. */
const togetherMs = 30_000

/** Whether a token that is shown was used by another tab a moment ago, for all that can be known, and is no copy. */
export function isShownTogether(tx: Tx<'auth'>, { usedAt }: Shown): boolean {
  return usedAt !== null && tx.now.getTime() - usedAt.getTime() < togetherMs
}

/** Ends the family of a token that was used and is shown again: there is a copy. The owner is told. The caller has locked their account's row. */
export async function endCopiedFamily(tx: Tx<'auth'>, shown: Shown): Promise<void> {
  const sessions = await endFamily(tx, shown, 'REMEMBERED_TWICE')
  // Where nothing was left there is nothing to tell: whoever keeps an old token could otherwise have a mail sent as often as they like.
  if (sessions !== null) tx.record('auth.remembered.shown_twice', { user: shown.userId ?? '' }, { sessions })
}

/**
 * Ends what a browser was remembered by until somebody signs in on it anew, by whatever means. Where it comes with a token that was used, its successor
 * went to somebody else, or got lost on the way: the sign-in is the last that is seen of that token, and the last chance to end what the successor opens.
 */
export async function leaveFamily(tx: Tx<'auth'>, { kind, remembered }: Credential): Promise<void> {
  const token = kind === 'COOKIE' ? currentCall()?.rememberToken : null
  const shown = token ? await findToken(tx, 'REMEMBERED', token) : null
  if (!shown?.userId || shown.subject === remembered?.family) return
  await tx.lock('user', { id: shown.userId })
  if (shown.usedAt && !isShownTogether(tx, shown)) return endCopiedFamily(tx, shown)
  const sessions = await endFamily(tx, shown, 'REPLACED')
  if (sessions !== null) tx.record('auth.remembered.replaced', { user: shown.userId }, { sessions })
}

/** Gives how many sessions were alive; null where neither a session nor a token was left. */
async function endFamily(tx: Tx<'auth'>, { userId, subject }: Shown, reason: 'REMEMBERED_TWICE' | 'REPLACED'): Promise<number | null> {
  const tokens = await tx.verificationToken.count({ where: { purpose: 'REMEMBERED', userId, subject, usedAt: null } })
  const sessions = await endSessions(tx, userId ?? '', { rememberedAs: subject }, reason)
  return tokens + sessions > 0 ? sessions : null
}
