/** What happened to a person's account lately, for the person to look through: sign-ins, refusals, changes, and from where. */
import { activityOf, originsOf } from '#db'
import type { UserActor } from '#lib/actor.ts'
import type { UserId } from '#lib/ids.ts'
import { prefixOf } from '#lib/network-address.ts'
import type { ListSecurityActivity, SecurityActivityList } from './schema-account.ts'

/**
 * Lists what happened to the person's account, newest first: also what others tried and were refused. Where it came from is shortened, and known
 * for thirty days.
 */
export async function listSecurityActivity(actor: UserActor, page: ListSecurityActivity): Promise<SecurityActivityList> {
  return securityActivityOf(actor.userId, page)
}

/** The same of any person, for those who may look after others. */
export async function securityActivityOf(userId: UserId, page: ListSecurityActivity): Promise<SecurityActivityList> {
  const { items, nextCursor } = await activityOf('auth', { user: userId }, page)
  const origins = await originsOf(
    'auth',
    items.map(({ id }) => id),
  )
  return {
    items: items.map((item) => {
      const { address = null, userAgent = null } = origins.get(item.id) ?? {}
      return { ...item, byMe: item.actorId === userId, addressPrefix: prefixOf(address), userAgent }
    }),
    nextCursor,
  }
}
