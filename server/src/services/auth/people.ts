/** People, as other services may know them. */
import { db, prepared, type Row } from '#db'
import { UserId } from '#lib/ids.ts'
import type { Me } from './schema.ts'

export interface Person {
  readonly id: UserId
  readonly name: string
  readonly email: string
}

/** In SQL, since most lists ask it; and one text for any number of people, where Prisma's IN has one for each (docs/bench.md). */
const findPeople = 'SELECT id, name, email FROM auth.users WHERE id = ANY ($1::text[]) AND deleted_at IS NULL'

/** Gives the living among these people, by id. One query, whatever the number. */
export async function usersByIds(ids: readonly UserId[]): Promise<Map<UserId, Person>> {
  const people = await prepared<Person>(findPeople, [[...new Set(ids)]])
  return new Map(people.map((person) => [person.id, person]))
}

/** Lists the living by id, those after `id`: for walking over all of them. */
export async function usersAfter(id: UserId | null, count: number): Promise<Person[]> {
  const rows = await db('auth').user.findMany({
    where: id === null ? {} : { id: { gt: id } },
    select: { id: true, name: true, email: true },
    orderBy: { id: 'asc' },
    take: count,
  })
  return rows.map((row) => ({ ...row, id: UserId.parse(row.id) }))
}

/** Gives the person whose proven address this is. What is found must not be told to whoever typed the address. */
export async function userByEmail(email: string): Promise<Person | null> {
  const row = await db('auth').user.findFirst({
    where: { email, emailVerifiedAt: { not: null } },
    select: { id: true, name: true, email: true },
  })
  return row && { ...row, id: UserId.parse(row.id) }
}

/** A person as they see themselves. */
export function presentMe({ id, email, name, role, emailVerifiedAt, createdAt }: Row<'user'>, impersonatorId: UserId | null = null): Me {
  return { id: UserId.parse(id), email, name, role, emailVerified: emailVerifiedAt !== null, createdAt, impersonatorId }
}
