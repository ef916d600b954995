/** The passkeys of a person: registered, named, listed, taken away. */
import { db, keyset, refuse, transaction, type Refusal, type Row, type Tx } from '#db'
import type { UserActor } from '#lib/actor.ts'
import { AppError } from '#lib/errors.ts'
import { PasskeyId } from '#lib/ids.ts'
import { offerUndo } from './added-factors.ts'
import { lockCaller, refuseCaller } from './caller.ts'
import { algorithms, handleOf, readRegistration, type Registration } from './passkey-answers.ts'
import { challengeTtlMs, insertChallenge, takeChallenge } from './passkey-challenges.ts'
import { party } from './passkey-party.ts'
import { describe } from './passkey-use.ts'
import { purgeIdleRecoveryCodes } from './recovery-codes.ts'
import { refuseLastMethod, refuseUnknown } from './refusals.ts'
import type { SessionKind } from './schema.ts'
import {
  Transport,
  type ListPasskeys,
  type Passkey,
  type PasskeyList,
  type PasskeyRemoved,
  type RegisteredPasskey,
  type RegisterOptions,
  type RegisterPasskey,
  type RemovePasskey,
  type RenamePasskey,
} from './schema-passkey.ts'
import { recoveryCodesLeft } from './second-factors.ts'
import { countWaysIn } from './ways-in.ts'

/** As many as anybody has devices. Each is in the options of every question to their owner. */
const most = 20

/** Begins to register a passkey. It is one that is found without an address: the authenticator says whose it is. */
export async function beginRegistration(actor: UserActor, kind: SessionKind): Promise<RegisterOptions> {
  const { userId, sessionId } = actor
  const user = await db('auth').user.findFirst({ where: { id: userId }, include: { passkeys: { where: { deletedAt: null } } } })
  if (!user) throw new AppError('UNAUTHORIZED', 'Sign in first.')
  const about = { purpose: 'REGISTER', holder: sessionId, kind, userId } as const
  const { id, name } = party()
  const options = {
    rp: { id, name },
    user: { id: handleOf(userId), name: user.email, displayName: user.name },
    pubKeyCredParams: algorithms.map((alg) => ({ type: 'public-key' as const, alg })),
    timeout: challengeTtlMs,
    excludeCredentials: user.passkeys.map(describe),
    authenticatorSelection: { residentKey: 'required', requireResidentKey: true, userVerification: 'preferred' },
    attestation: 'none',
  } as const
  return transaction('auth', actor, async (tx) => ({ ...options, challenge: (await insertChallenge(tx, about)).challenge }))
}

/**
 * Registers a passkey by what the authenticator answered. From now on it is asked for after a password: the answer says how many recovery codes there
 * are for whoever loses it.
 *
 * @throws BAD_REQUEST at `response` where it is wrong, comes twice, too late, or from another session; CONFLICT PASSKEY_TAKEN where it is registered
 *   already, whoever's it is, and TOO_MANY.
 */
export async function registerPasskey(actor: UserActor, { name, response }: RegisterPasskey): Promise<RegisteredPasskey> {
  const registration = await readRegistration(response)
  const transports = (response.response.transports ?? []).filter((known) => Transport.safeParse(known).success)
  return transaction('auth', actor, (tx) => register(tx, actor, { ...registration, name, transports }))
}

interface New extends Registration {
  readonly name: string
  readonly transports: string[]
}

async function register(
  tx: Tx<'auth'>,
  actor: UserActor,
  { challenge, info, name, transports }: New,
): Promise<RegisteredPasskey | Refusal> {
  const { userId, sessionId } = actor
  const user = await lockCaller(tx, actor)
  if (!user) return refuseCaller()
  const asked = await takeChallenge(tx, { purpose: 'REGISTER', challenge, holder: sessionId, userId })
  if (!asked || !info) {
    tx.record('auth.passkey.registration_failed', { user: userId }, {})
    return refuse('BAD_REQUEST', 'The passkey was not registered. Begin again.', { fields: { response: ['is wrong'] } })
  }
  if ((await tx.passkey.count({ where: { userId } })) >= most)
    return refuse('CONFLICT', `Nobody has more than ${most} passkeys. Remove one first.`, { reason: 'TOO_MANY' })
  const [created] = await tx.passkey.createManyAndReturn({
    data: [{ userId, name, createdAt: tx.now, ...rowOf(info, transports) }],
    skipDuplicates: true,
  })
  if (!created) {
    tx.record('auth.passkey.registration_refused', { user: userId }, {})
    return refuse('CONFLICT', 'This passkey is registered already.', { reason: 'PASSKEY_TAKEN' })
  }
  const [passkeyId, left] = [PasskeyId.parse(created.id), await recoveryCodesLeft(userId)]
  const tokenId = await offerUndo(tx, userId, { kind: 'PASSKEY', id: passkeyId })
  tx.record('auth.passkey.registered', { user: userId }, { passkeyId, recoveryCodesLeft: left, tokenId })
  return { ...present(created), recoveryCodesLeft: left }
}

function rowOf({ credential, userVerified, credentialBackedUp }: NonNullable<Registration['info']>, transports: readonly string[]) {
  return {
    credentialId: credential.id,
    publicKey: credential.publicKey,
    counter: BigInt(credential.counter),
    transports: [...new Set(transports)],
    verifiesPerson: userVerified,
    backedUp: credentialBackedUp,
  }
}

/** Lists the passkeys of the person, newest first. */
export async function listPasskeys(actor: UserActor, page: ListPasskeys): Promise<PasskeyList> {
  const { where, take, cut } = keyset(page, 'id', { order: 'desc' })
  const mine = { userId: actor.userId, ...where }
  const { items, nextCursor } = cut(await db('auth').passkey.findMany({ where: mine, orderBy: { id: 'desc' }, take }))
  return { items: items.map(present), nextCursor }
}

/** Gives a passkey another name. @throws NOT_FOUND for somebody else's, as for none */
export async function renamePasskey(actor: UserActor, { id, name }: RenamePasskey): Promise<Passkey> {
  return transaction('auth', actor, async (tx) => {
    const [renamed] = await tx.passkey.updateManyAndReturn({ where: { id, userId: actor.userId }, data: { name } })
    if (!renamed) return refuseUnknown(tx, actor, 'passkey.rename', 'There is no such passkey.')
    tx.record('auth.passkey.renamed', { user: actor.userId }, { passkeyId: id })
    return present(renamed)
  })
}

/**
 * Takes a passkey away: it signs in no more, and with the last second factor the recovery codes go. One that never verified its person is no way in by
 * itself, and may always go.
 *
 * @throws NOT_FOUND for somebody else's, as for none; CONFLICT LAST_METHOD when the person has nothing else to sign in by.
 */
export async function removePasskey(actor: UserActor, { id }: RemovePasskey): Promise<PasskeyRemoved> {
  return transaction('auth', actor, async (tx) => {
    const user = await lockCaller(tx, actor)
    if (!user) return refuseCaller()
    const passkey = await tx.passkey.findFirst({ where: { id, userId: user.id } })
    if (!passkey) return refuseUnknown(tx, actor, 'passkey.remove', 'There is no such passkey.')
    if (passkey.verifiesPerson && (await countWaysIn(tx, user.id)) === 1) {
      return refuseLastMethod(
        tx,
        actor,
        'passkey.remove',
        'This is all that you can sign in by. Choose a password, or register another, first.',
      )
    }
    await tx.passkey.updateMany({ where: { id }, data: { removedAt: tx.now } })
    await tx.passkey.deleteMany({ where: { id } })
    await purgeIdleRecoveryCodes(tx, user.id)
    tx.record('auth.passkey.removed', { user: user.id }, { passkeyId: id })
    return { status: 'REMOVED' }
  })
}

function present({ id, name, verifiesPerson, backedUp, createdAt, lastUsedAt }: Row<'passkey'>): Passkey {
  return { id: PasskeyId.parse(id), name, verifiesPerson, backedUp, createdAt, lastUsedAt }
}
