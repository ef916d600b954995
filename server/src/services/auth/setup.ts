/** The first administrator of an installation: whoever can read its log, not whoever comes first. */
import { db, refuse, transaction, type Refusal, type Tx } from '#db'
import { anonymous, type SystemActor } from '#lib/actor.ts'
import { hashPassword } from '#lib/password-hash.ts'
import { acceptPassword } from '#lib/new-password.ts'
import { endAccess } from './access.ts'
import { setPassword } from './account-password.ts'
import { hasAdministrator } from './administrators.ts'
import { databaseNow } from './database-clock.ts'
import type { SetUp, SetUpDone } from './schema.ts'
import { endSignUps, insertToken, peekToken, refuseToken, takeToken, tokenFor } from './tokens.ts'

const starting: SystemActor = { kind: 'SYSTEM', name: 'auth.setup' }
const setUpTtlMs = 7 * 24 * 60 * 60 * 1000

/** Gives the setup code while the installation has no administrator, otherwise null. The same one at every start, until it is used or a week old. */
export async function setUpCode(): Promise<string | null> {
  if (await hasAdministrator()) return null
  const open = await db('auth').verificationToken.findFirst({
    where: { purpose: 'SETUP', subject: '', usedAt: null, expiresAt: { gt: await databaseNow() } },
    orderBy: { id: 'desc' },
    select: { id: true },
  })
  const id =
    open?.id ?? (await transaction('auth', starting, (tx) => insertToken(tx, { purpose: 'SETUP', subject: '', ttlMs: setUpTtlMs })))
  return tokenFor('SETUP', id)
}

/**
 * Makes the administrator of an installation that has none, by the setup code from its log. An account that has the address already is taken
 * over: its password changes and its sessions end. The address counts as proven. It does not sign in.
 *
 * @throws INVALID_TOKEN when the code is wrong, was used, or there is an administrator; BAD_REQUEST at `password`.
 */
export async function setUp({ code, email, name, password }: SetUp): Promise<SetUpDone> {
  const peeked = await peekToken('SETUP', code)
  if (!peeked) return transaction<'auth', never>('auth', anonymous, (tx) => refuseToken(tx, 'SETUP', code))
  await acceptPassword(password, [email, name])
  const hash = await hashPassword(password)
  return transaction('auth', anonymous, (tx) => makeAdministrator(tx, { code, email, name, hash }))
}

interface Administrator {
  readonly code: string
  readonly email: string
  readonly name: string
  readonly hash: string
}

async function makeAdministrator(tx: Tx<'auth'>, { code, email, name, hash }: Administrator): Promise<SetUpDone | Refusal> {
  const taken = await takeToken(tx, 'SETUP', code)
  if (!taken || (await hasAdministrator())) return refuseToken(tx, 'SETUP', code)
  // Processes that start at once print a code each. Whoever uses one ends the others, and so waits for whoever is using them.
  await tx.verificationToken.deleteMany({ where: { purpose: 'SETUP', usedAt: null } })
  await tx.user.createMany({ data: [{ email, name }], skipDuplicates: true })
  const user = await tx.lock('user', { email })
  if (!user) return refuse('CONFLICT', 'The account of this address is just being deleted. Try again.', { reason: 'TOO_BUSY' })
  await tx.user.update({ where: { id: user.id }, data: { name, role: 'ADMIN', emailVerifiedAt: tx.now, disabledAt: null } })
  await setPassword(tx, user.id, hash)
  await endSignUps(tx, user.id)
  await endAccess(tx, user.id, 'REVOKED')
  tx.record('auth.administrator.created', { user: user.id }, {})
  return { status: 'READY' }
}
