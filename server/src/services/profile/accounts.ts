/** A profile for every account: made with it, by event, and by the clock where the account is older than this service. */
import { db, transaction, type FeedEvent, type Row, type Tx } from '#db'
import type { SystemActor } from '#lib/actor.ts'
import { UserId } from '#lib/ids.ts'
import { log } from '#lib/log.ts'
import { usersAfter, usersByIds } from '../auth/index.ts'

const clock: SystemActor = { kind: 'SYSTEM', name: 'profile.missing' }
const pageSize = 500

type AccountEvent = FeedEvent<'auth.user.created' | 'auth.email.verified' | 'auth.administrator.created'>

/**
 * Gives the account its profile. Which name is the owner's is known when the address is proven: until then anybody may have signed up with it.
 * A name that the person has chosen here stays.
 */
export async function followAccount(tx: Tx<'profile'>, { user }: AccountEvent): Promise<void> {
  if (user === null || !(await ensureProfile(tx, UserId.parse(user)))) return
  // Under the lock the account is read as it stands now: of two events at once, the later one must not lose.
  const profile = await tx.lock('profile', { userId: user })
  const person = (await usersByIds([UserId.parse(user)])).get(UserId.parse(user))
  if (!profile || !person || profile.version > 1 || profile.displayName === person.name) return
  await tx.profile.update({ where: { id: profile.id }, data: { displayName: person.name } })
}

/** Gives the profile of a person, made where there is none yet; null where the account is gone. Of any number at once, one makes it. */
export async function ensureProfile(tx: Tx<'profile'>, userId: UserId): Promise<Row<'profile'> | null> {
  const known = await tx.profile.findFirst({ where: { userId } })
  if (known) return known
  const person = (await usersByIds([userId])).get(userId)
  if (!person) return null
  await makeProfiles(tx, [person])
  return tx.profile.findFirst({ where: { userId } })
}

/** Makes the profiles of accounts that have none: those of before there were profiles, and any whose event was given up. */
export async function makeMissingProfiles(): Promise<void> {
  let made = 0
  for (let page = await usersAfter(null, pageSize); page.length > 0; page = await usersAfter(page.at(-1)?.id ?? null, pageSize)) {
    const userIds = page.map(({ id }) => id)
    const known = await db('profile').profile.findMany({ where: { userId: { in: userIds } }, select: { userId: true } })
    const have = new Set(known.map(({ userId }) => userId))
    const missing = page.filter(({ id }) => !have.has(id))
    if (missing.length > 0) made += await transaction('profile', clock, (tx) => makeProfiles(tx, missing))
  }
  log.info({ made }, 'Accounts without a profile were given one.')
}

/** Whoever comes second waits at the unique index, and finds the profile made. */
async function makeProfiles(tx: Tx<'profile'>, people: readonly { id: UserId; name: string }[]): Promise<number> {
  const data = people.map(({ id, name }) => ({ userId: id, displayName: name }))
  const made = await tx.profile.createManyAndReturn({ data, skipDuplicates: true, select: { userId: true } })
  for (const { userId } of made) tx.record('profile.profile.created', { user: userId }, {})
  return made.length
}
