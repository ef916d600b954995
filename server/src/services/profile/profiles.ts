/** What a person tells of themselves. */
import { db, DbNull, nextVersion, refuseStale, transaction, type Row } from '#db'
import type { UserActor } from '#lib/actor.ts'
import { AppError } from '#lib/errors.ts'
import { UserId } from '#lib/ids.ts'
import { keysOf } from '#lib/keys.ts'
import { ensureProfile } from './accounts.ts'
import { Address, Preferences, type Profile, type UpdateProfile } from './schema.ts'

/** Gives the actor's own profile. Whoever asks before the event that makes it has come waits for nothing: it is made then. */
export async function getProfile(actor: UserActor): Promise<Profile> {
  const profile = await db('profile').profile.findFirst({ where: { userId: actor.userId } })
  if (profile) return present(profile)
  const made = await transaction('profile', actor, (tx) => ensureProfile(tx, actor.userId))
  if (!made) throw noSuchProfile()
  return present(made)
}

/**
 * Changes what is given of the actor's own profile.
 *
 * @throws CONFLICT STALE_VERSION when it was changed since the version that the change was made on.
 */
export async function updateProfile(actor: UserActor, { version, ...changes }: UpdateProfile): Promise<Profile> {
  return transaction('profile', actor, async (tx) => {
    const profile = (await ensureProfile(tx, actor.userId)) && (await tx.lock('profile', { userId: actor.userId }))
    if (!profile) throw noSuchProfile()
    if (profile.version !== version) return refuseStale()
    const fields = keysOf(changes)
    if (fields.length === 0) return present(profile)
    const data = { ...dataOf(profile, changes), version: nextVersion }
    const changed = await tx.profile.update({ where: { id: profile.id }, data })
    tx.record('profile.profile.updated', { user: actor.userId }, { fields, version: changed.version })
    return present(changed)
  })
}

/** Preferences are merged, everything else is replaced. */
function dataOf(profile: Row<'profile'>, { preferences, address, ...plain }: Omit<UpdateProfile, 'version'>) {
  return {
    ...plain,
    ...(address !== undefined && { address: address ?? DbNull }),
    ...(preferences && { preferences: { ...Preferences.parse(profile.preferences), ...preferences } }),
  }
}

function present(profile: Row<'profile'>): Profile {
  const { displayName, locale, timeZone, phone, bio, avatarUrl, version, updatedAt } = profile
  const address = profile.address === null ? null : Address.parse(profile.address)
  const preferences = Preferences.parse(profile.preferences)
  return {
    userId: UserId.parse(profile.userId),
    displayName,
    locale,
    timeZone,
    phone,
    address,
    bio,
    avatarUrl,
    preferences,
    version,
    updatedAt,
  }
}

function noSuchProfile(): AppError {
  return new AppError('NOT_FOUND', 'There is no such profile.')
}
