/** People, as other services may know them. */
import { db, type Row } from '#db'
import { UserId } from '#lib/ids.ts'
import type { Me } from './schema.ts'

export interface Person {
  readonly id: UserId
  readonly name: string
  readonly email: string
}

/** Gives the living among these people, by id. One query, whatever the number. */
export async function usersByIds(ids: readonly UserId[]): Promise<Map<UserId, Person>> {
  const rows = await db('auth').user.findMany({ where: { id: { in: [...new Set(ids)] } }, select: { id: true, name: true, email: true } })
  return new Map(rows.map((row) => [UserId.parse(row.id), { ...row, id: UserId.parse(row.id) }]))
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
export function presentMe({ id, email, name, role, emailVerifiedAt, createdAt }: Row<'user'>): Me {
  return { id: UserId.parse(id), email, name, role, emailVerified: emailVerifiedAt !== null, createdAt }
}
