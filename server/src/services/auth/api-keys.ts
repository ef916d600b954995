/** API keys: what tools show to act in a person's name. A key acts as its owner with the owner's rights of the moment, within its scopes. */
import { db, keyset, refuse, type Row, transaction, type Tx } from '#db'
import type { UserActor } from '#lib/actor.ts'
import { now } from '#lib/clock.ts'
import { AppError, type FieldErrors } from '#lib/errors.ts'
import { ApiKeyId, ApplicationId, MembershipId } from '#lib/ids.ts'
import { sha256 } from '#lib/secrets.ts'
import { newApiKey } from './api-key-format.ts'
import { lockCaller, refuseCaller } from './caller.ts'
import { refuseUnknown } from './refusals.ts'
import { revocation } from './revocations.ts'
import type { ApiKey, ApiKeyList, CreateApiKey, ListApiKeys, NewApiKey, RevokeApiKey } from './schema-api-key.ts'

/** Good at once, of one person. */
const mostLiving = 50
const day = 24 * 60 * 60 * 1000

type KeyRow = Row<'apiKey'> & { readonly membership: Pick<Row<'membership'>, 'applicationId'> | null }

const itsApplication = { membership: { select: { applicationId: true } } } as const

/**
 * Makes a key and shows it, this once. `open` are the procedures that keys may call: each scope names one of them, or some.
 *
 * @throws BAD_REQUEST naming the scope that names none; NOT_FOUND when the actor is not in the application; CONFLICT TOO_MANY when fifty are
 *   good.
 */
export async function createApiKey(actor: UserActor, input: CreateApiKey, open: ReadonlySet<string>): Promise<NewApiKey> {
  const { name, scopes, expiresInDays, applicationId } = input
  checkScopes(scopes, open)
  const key = newApiKey()
  return transaction('auth', actor, async (tx) => {
    const { userId } = actor
    if (!(await lockCaller(tx, actor))) return refuseCaller()
    const living = await tx.apiKey.count({ where: { userId, revokedAt: null, expiresAt: { gt: tx.now } } })
    if (living >= mostLiving) return refuse('CONFLICT', `At most ${mostLiving} keys are good at once.`, { reason: 'TOO_MANY' })
    const membershipId = applicationId === undefined ? null : await membershipIn(tx, userId, applicationId)
    if (membershipId === 'NONE') return refuseUnknown(tx, actor, 'apiKey.create', 'There is no such application.')
    const expiresAt = new Date(tx.now.getTime() + expiresInDays * day)
    const data = { userId, membershipId, name, scopes: [...new Set(scopes)], keyHash: sha256(key), expiresAt }
    const row = await tx.apiKey.create({ data, include: itsApplication })
    tx.record('auth.api_key.created', { user: userId }, { apiKeyId: ApiKeyId.parse(row.id), membershipId })
    return { ...present(row), key }
  })
}

/** Lists the keys of the person that are neither revoked nor expired, oldest first: never what they are. */
export async function listApiKeys({ userId }: UserActor, page: ListApiKeys): Promise<ApiKeyList> {
  const { where, take, cut } = keyset(page, 'id')
  const rows = await db('auth').apiKey.findMany({
    where: { userId, revokedAt: null, expiresAt: { gt: now() }, ...where },
    include: itsApplication,
    orderBy: { id: 'asc' },
    take,
  })
  const { items, nextCursor } = cut(rows)
  return { items: items.map(present), nextCursor }
}

/**
 * Ends a key of the person: here at once, in every process within 250 ms.
 *
 * @throws NOT_FOUND when it is somebody else's, was revoked, or never was: the three cannot be told apart.
 */
export async function revokeApiKey(actor: UserActor, { apiKeyId }: RevokeApiKey): Promise<ApiKey> {
  return transaction('auth', actor, async (tx) => {
    const { userId } = actor
    const { count } = await tx.apiKey.updateMany({ where: { id: apiKeyId, userId, revokedAt: null }, data: { revokedAt: tx.now } })
    if (count === 0) return refuseUnknown(tx, actor, 'apiKey.revoke', 'There is no such key.')
    await tx.notify('plinth_revoked', revocation(userId))
    tx.record('auth.api_key.revoked', { user: userId }, { apiKeyId })
    return present(await tx.apiKey.findUniqueOrThrow({ where: { id: apiKeyId }, include: itsApplication }))
  })
}

/** Locks the application first, as whoever ends the membership does: a key is not made beside its membership's end. */
async function membershipIn(tx: Tx<'auth'>, userId: string, applicationId: ApplicationId): Promise<MembershipId | 'NONE'> {
  const application = await tx.lock('application', { id: applicationId })
  const membership = application && (await tx.membership.findFirst({ where: { userId, applicationId, active: true } }))
  return membership ? MembershipId.parse(membership.id) : 'NONE'
}

function checkScopes(scopes: readonly string[], open: ReadonlySet<string>): void {
  const paths = [...open]
  const named = (scope: string) => (scope.endsWith('.*') ? paths.some((path) => path.startsWith(scope.slice(0, -1))) : open.has(scope))
  const fields: FieldErrors = Object.fromEntries(
    scopes.flatMap((scope, index) => (named(scope) ? [] : [[`scopes.${index}`, ['names no procedure that a key may call']]])),
  )
  if (Object.keys(fields).length > 0) throw new AppError('BAD_REQUEST', 'A scope names no procedure that a key may call.', { fields })
}

function present({ id, name, scopes, membership, lastUsedAt, expiresAt, createdAt }: KeyRow): ApiKey {
  const applicationId = membership && ApplicationId.parse(membership.applicationId)
  return { id: ApiKeyId.parse(id), name, scopes, applicationId, lastUsedAt, expiresAt, createdAt }
}
