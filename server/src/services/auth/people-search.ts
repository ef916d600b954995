/** People, as administrators find them. */
import { db, keyset, type Row } from '#db'
import { now } from '#lib/clock.ts'
import { AppError } from '#lib/errors.ts'
import { UserId } from '#lib/ids.ts'
import type { ListedPerson, OnePerson, People, PersonActivity, PersonDetails, SearchPeople } from './schema-person.ts'
import type { SecurityActivityList } from './schema-account.ts'
import { secondFactorsOf } from './second-factors.ts'
import { securityActivityOf } from './security-activity.ts'

/** Lists people, by a part of the address or the name, a role, a state. In the order of their ids, which says nothing of when they came. */
export async function searchPeople({ search, role, state, ...page }: SearchPeople): Promise<People> {
  const { where, take, cut } = keyset(page, 'id', { key: UserId })
  // Prisma leaves the wildcards of LIKE as they are, and `_` stands in many an address.
  const like = search === undefined ? undefined : { contains: search.replace(/[\\%_]/g, String.raw`\$&`), mode: 'insensitive' as const }
  const { items, nextCursor } = cut(
    await db('auth').user.findMany({
      where: { ...(like && { OR: [{ email: like }, { name: like }] }), ...(role && { role }), ...(state && statesWhere[state]), ...where },
      orderBy: { id: 'asc' },
      take,
    }),
  )
  return { items: items.map(presentPerson), nextCursor }
}

const statesWhere = {
  ACTIVE: { disabledAt: null, emailVerifiedAt: { not: null } },
  UNVERIFIED: { disabledAt: null, emailVerifiedAt: null },
  DISABLED: { disabledAt: { not: null } },
} as const

/** Gives a person, how they sign in and when they last did. @throws NOT_FOUND */
export async function getPerson({ userId }: OnePerson): Promise<PersonDetails> {
  const user = await db('auth').user.findFirst({ where: { id: userId } })
  if (!user) throw noSuchPerson()
  const at = now()
  const alive = { userId, revokedAt: null, expiresAt: { gt: at }, idleExpiresAt: { gt: at } }
  const [password, livingSessions, last, secondFactors] = await Promise.all([
    db('auth').password.findFirst({ where: { userId }, select: { id: true } }),
    db('auth').session.count({ where: alive }),
    db('auth').session.findFirst({ where: { userId, impersonatorId: null }, orderBy: { createdAt: 'desc' }, select: { createdAt: true } }),
    secondFactorsOf(userId),
  ])
  return {
    ...presentPerson(user),
    hasPassword: password !== null,
    secondFactors,
    livingSessions,
    lastSignedInAt: last?.createdAt ?? null,
  }
}

/** Lists what happened to a person's account, as they see it themselves. @throws NOT_FOUND */
export async function listPersonActivity({ userId, ...page }: PersonActivity): Promise<SecurityActivityList> {
  if (!(await db('auth').user.findFirst({ where: { id: userId }, select: { id: true } }))) throw noSuchPerson()
  return securityActivityOf(userId, page)
}

/** What administrators are told of an id that is nobody's, or of somebody who is gone. */
export function noSuchPerson(): AppError {
  return new AppError('NOT_FOUND', 'There is no such person.')
}

/** A person as administrators see them. */
export function presentPerson({ id, email, name, role, emailVerifiedAt, disabledAt, createdAt }: Row<'user'>): ListedPerson {
  const state = disabledAt !== null ? 'DISABLED' : emailVerifiedAt === null ? 'UNVERIFIED' : 'ACTIVE'
  return { id: UserId.parse(id), email, name, role, state, createdAt }
}
