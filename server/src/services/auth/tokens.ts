/**
 * One-time tokens: links in mails, invitations, the setup code. A token is derived from its row's id and a key of the server, so that a
 * repeated job sends the identical mail although only the sha256 is stored.
 */
import { randomUUIDv7 } from 'node:crypto'
import { db, refuse, transaction, type Row, type Tx } from '#db'
import type { SystemActor } from '#lib/actor.ts'
import { keyedHash, sha256 } from '#lib/secrets.ts'
import { databaseNow } from './database-clock.ts'
import type { SessionKind } from './schema.ts'
import type { SignInMethod } from './schema-sign-in.ts'

export type TokenPurpose = Row<'verificationToken'>['purpose']
type TokenRow = Row<'verificationToken'>

/** What a token looks like says what it is for: people and secret scanners can tell them apart. */
const prefixes: Record<TokenPurpose, string> = {
  EMAIL_VERIFICATION: 'pln_v_',
  PASSWORD_RESET: 'pln_r_',
  SETUP: 'pln_setup_',
  TEAM_INVITATION: 'pln_i_',
  EMAIL_CHANGE_APPROVAL: 'pln_ea_',
  EMAIL_CHANGE_PROOF: 'pln_ep_',
  EMAIL_CHANGE_UNDO: 'pln_eu_',
  APPLICATION_INVITATION: 'pln_ai_',
  SECOND_FACTOR: 'pln_2_',
  RECOVERY_CODE: 'pln_rc_',
  EMAIL_SIGN_IN: 'pln_m_',
  EMAIL_STEP_UP: 'pln_u_',
  REMEMBERED: 'pln_d_',
  ACCOUNT_REACTIVATION: 'pln_ra_',
  FACTOR_UNDO: 'pln_fu_',
}

const ourselves: SystemActor = { kind: 'SYSTEM', name: 'auth.tokens' }

/** How long the link for a new password is good: twenty minutes. */
export const resetTtlMs = 20 * 60 * 1000

export interface NewToken {
  readonly purpose: TokenPurpose
  /** Whom or what it is about. A new token ends the older ones of the same purpose and subject. */
  readonly subject: string
  readonly userId?: string
  /** The address it goes to, which it proves. */
  readonly email?: string
  /** What becomes the account's when a sign-up is confirmed by this token. */
  readonly signUpName?: string
  readonly signUpHash?: string
  readonly signUpIdentity?: string
  /** Of a sign-in that waits for its second factor. */
  readonly methods?: SignInMethod[]
  readonly kind?: SessionKind
  readonly rememberedAs?: string | null
  readonly ttlMs: number
  /** The token itself, where it does not follow from the row's id: codes that people keep, tokens that devices keep. */
  readonly token?: string
}

/** What a good token stands for. */
export interface TokenSubject {
  readonly subject: string
  readonly userId: string | null
  readonly email: string | null
}

/**
 * Issues a token and gives the id of its row; `tokenFor` makes the token of it. Older ones of the same purpose and subject end:
 * lock the subject's row first, or two at once both stay good. Joins the transaction under way.
 */
export async function issueToken(token: NewToken): Promise<string> {
  return transaction('auth', ourselves, (tx) => insertToken(tx, token))
}

/**
 * Uses a token up and gives what it stands for. Joins the transaction under way; where the caller's rolls back, it is good again.
 *
 * @throws INVALID_TOKEN when it is unknown, used, replaced or too old; that is recorded.
 */
export async function consumeToken(purpose: TokenPurpose, token: string): Promise<TokenSubject> {
  return transaction('auth', ourselves, async (tx) => (await takeToken(tx, purpose, token)) ?? refuseToken(tx, purpose, token))
}

/** Gives what a good token stands for and leaves it good: a look before work that is not to be done in vain. `consumeToken` decides. */
export async function peekToken(purpose: TokenPurpose, token: string): Promise<TokenSubject | null> {
  return findGoodToken(purpose, token)
}

/** The row of a token that is shown and still good, which it stays; `takeToken` decides. Inside a transaction it reads in that transaction. */
export async function findGoodToken(purpose: TokenPurpose, token: string): Promise<TokenRow | null> {
  const where = { tokenHash: sha256(token), purpose, usedAt: null, expiresAt: { gt: await databaseNow() } }
  return db('auth').verificationToken.findFirst({ where })
}

/** The token of a row. Whoever has the row's id and the server's key can make it again; whoever has the database alone cannot. */
export function tokenFor(purpose: TokenPurpose, id: string): string {
  return prefixes[purpose] + keyedHash(`token:${purpose}`, id).toString('base64url')
}

/** The row of a token that is still good, for the job that mails it; null when there is nothing to send any more. */
export async function goodToken(id: string): Promise<TokenRow | null> {
  return db('auth').verificationToken.findFirst({ where: { id, usedAt: null, expiresAt: { gt: await databaseNow() } } })
}

/** `issueToken` for the functions of this service, in their own transaction. */
export async function insertToken(tx: Tx<'auth'>, { ttlMs, token: given, ...token }: NewToken): Promise<string> {
  const id = randomUUIDv7()
  const { purpose, subject } = token
  await tx.verificationToken.deleteMany({ where: { purpose, subject, usedAt: null } })
  const tokenHash = sha256(given ?? tokenFor(purpose, id))
  await tx.verificationToken.create({
    data: { id, ...token, tokenHash, createdAt: tx.now, expiresAt: new Date(tx.now.getTime() + ttlMs) },
  })
  return id
}

/**
 * The one primitive that uses a token up: a single conditional UPDATE, so that of any number at once exactly one gets the row.
 * Gives null when it is unknown, used, replaced or too old, by the database's clock.
 */
export async function takeToken(tx: Tx<'auth'>, purpose: TokenPurpose, token: string): Promise<TokenRow | null> {
  const taken = await tx.verificationToken.updateManyAndReturn({
    where: { tokenHash: sha256(token), purpose, usedAt: null, expiresAt: { gt: tx.now } },
    data: { usedAt: tx.now },
  })
  return taken[0] ?? null
}

/**
 * Counts a wrong try at a token, and uses it up with the last that it allows. The caller holds a lock that all tries at this token take, or
 * more would come through at once.
 */
export async function countTry(tx: Tx<'auth'>, purpose: TokenPurpose, token: string, most: number): Promise<void> {
  const [tried] = await tx.verificationToken.updateManyAndReturn({
    where: { tokenHash: sha256(token), purpose, usedAt: null },
    data: { tries: { increment: 1 } },
    select: { tries: true },
  })
  if (tried && tried.tries >= most) await takeToken(tx, purpose, token)
}

/** The row of a token, good or not: used ones are kept until they would have ended, so that a second use is known for what it is. */
export async function findToken(tx: Tx<'auth'>, purpose: TokenPurpose, token: string): Promise<TokenRow | null> {
  return tx.verificationToken.findFirst({ where: { tokenHash: sha256(token), purpose } })
}

/** The answer to a token that is no good, and its trace: whose it was, where that is known. To be returned from the transaction. */
export async function refuseToken(tx: Tx<'auth'>, purpose: TokenPurpose, token: string) {
  const known = await findToken(tx, purpose, token)
  tx.record('auth.token.refused', known?.userId ? { user: known.userId } : {}, { purpose })
  return refuse('INVALID_TOKEN', 'This link is unknown, was used, or is too old.')
}

/** Ends what is left of the sign-ups of an account, whose address was proven or whose password was set by other means: links, names and passwords. */
export async function endSignUps(tx: Tx<'auth'>, userId: string): Promise<void> {
  const signUps = { purpose: 'EMAIL_VERIFICATION', userId } as const
  await tx.verificationToken.updateMany({ where: signUps, data: { signUpName: null, signUpHash: null, signUpIdentity: null } })
  await tx.verificationToken.deleteMany({ where: { ...signUps, usedAt: null } })
}

/** The subject of a token that leads nowhere: it names no one. */
export function nobody(email: string): string {
  return `nobody:${keyedHash('nobody', email).toString('base64url')}`
}
