/** The secrets of applications. Several are good at once: the next one is made, put in place, and only then the old one revoked. */
import { randomBytes } from 'node:crypto'
import { db, keyset, refuse, type Row, transaction } from '#db'
import { AppError } from '#lib/errors.ts'
import { now } from '#lib/clock.ts'
import { ApplicationId, ApplicationSecretId } from '#lib/ids.ts'
import { sha256 } from '#lib/secrets.ts'
import { mayManageApplication } from './application-policy.ts'
import { lockApplication, refuseForeign, refuseRole, type ApplicationActor } from './application-scope.ts'
import { databaseNow } from './database-clock.ts'
import type { ApplicationSecret, CreateSecret, NewSecret, PageInApplication, RevokeSecret, SecretList } from './schema-application.ts'

/** Good at once: two of a rotation, and a few places that have one of their own. */
const mostLiving = 5
const day = 24 * 60 * 60 * 1000

/**
 * Makes a secret and shows it, this once. The older ones stay good until they are revoked or expire.
 *
 * @throws FORBIDDEN unless the actor owns the application; CONFLICT NO_SECRETS for one that runs at its users' and could keep none;
 *   CONFLICT TOO_MANY when five are good.
 */
export async function createSecret(actor: ApplicationActor, { name, expiresInDays }: CreateSecret): Promise<NewSecret> {
  const secret = `pln_c_${randomBytes(32).toString('base64url')}`
  return transaction('auth', actor, async (tx) => {
    const { application, me } = await lockApplication(tx, actor)
    if (!mayManageApplication(me.role)) return refuseRole(tx, actor, 'secret.create', 'Only an owner may make secrets.')
    if (application.type !== 'WEB' && application.type !== 'MACHINE') {
      return refuse('CONFLICT', 'An application that runs at its users can keep no secret.', { reason: 'NO_SECRETS' })
    }
    const { applicationId, userId } = actor
    const living = await tx.applicationSecret.count({ where: { applicationId, revokedAt: null, expiresAt: { gt: tx.now } } })
    if (living >= mostLiving) return refuse('CONFLICT', `At most ${mostLiving} secrets are good at once.`, { reason: 'TOO_MANY' })
    const expiresAt = new Date(tx.now.getTime() + expiresInDays * day)
    const row = await tx.applicationSecret.create({
      data: { applicationId, name, secretHash: sha256(secret), expiresAt, createdById: userId },
    })
    tx.record('auth.application_secret.created', { user: userId }, { applicationId, secretId: ApplicationSecretId.parse(row.id) })
    return { ...present(row), secret }
  })
}

/**
 * Lists the secrets that are good, oldest first: when they were made and end, never what they are.
 *
 * @throws FORBIDDEN unless the actor owns the application.
 */
export async function listSecrets(actor: ApplicationActor, page: PageInApplication): Promise<SecretList> {
  if (!mayManageApplication(actor.role)) throw new AppError('FORBIDDEN', 'Only an owner sees the secrets.')
  const { where, take, cut } = keyset(page, 'id')
  const { applicationId } = actor
  const rows = await db('auth').applicationSecret.findMany({
    where: { applicationId, revokedAt: null, expiresAt: { gt: now() }, ...where },
    orderBy: { id: 'asc' },
    take,
  })
  const { items, nextCursor } = cut(rows)
  return { items: items.map(present), nextCursor }
}

/**
 * Ends a secret.
 *
 * @throws FORBIDDEN unless the actor owns the application; NOT_FOUND when it is another application's, was revoked, or never was.
 */
export async function revokeSecret(actor: ApplicationActor, { secretId }: RevokeSecret): Promise<ApplicationSecret> {
  return transaction('auth', actor, async (tx) => {
    const { me } = await lockApplication(tx, actor)
    if (!mayManageApplication(me.role)) return refuseRole(tx, actor, 'secret.revoke', 'Only an owner may revoke secrets.')
    const { applicationId, userId } = actor
    const [revoked] = await tx.applicationSecret.updateManyAndReturn({
      where: { id: secretId, applicationId, revokedAt: null },
      data: { revokedAt: tx.now },
    })
    if (!revoked) return refuseForeign(tx, actor, 'secret.revoke', 'There is no such secret.')
    tx.record('auth.application_secret.revoked', { user: userId }, { applicationId, secretId })
    return present(revoked)
  })
}

/** Says which application it is that shows this client id and this secret; null when the two are none, or the application is not in use. */
export async function applicationWithSecret(clientId: string, secret: string): Promise<ApplicationId | null> {
  if (!/^pln_c_[\w-]{43}$/.test(secret)) return null
  const row = await db('auth').applicationSecret.findFirst({
    where: { secretHash: sha256(secret), revokedAt: null, expiresAt: { gt: await databaseNow() }, application: { clientId, active: true } },
    select: { applicationId: true },
  })
  return row && ApplicationId.parse(row.applicationId)
}

function present({ id, name, expiresAt, createdAt }: Row<'applicationSecret'>): ApplicationSecret {
  return { id: ApplicationSecretId.parse(id), name, expiresAt, createdAt }
}
