/**
 * Uses of the database and of the services' types, each right today. Behind each stands its kind, and which changes (../changes.ts) make it wrong:
 * the promise is that the compiler then names this very line.
 */
import { db, type Row, type Tx, withDeleted } from '#db'
import { TeamRole } from '#db/enums.ts'
import type { Password } from '#db/generated/client.ts'
import type { TeamMember } from '#db/generated/client.ts' // type import: model
import { AppError, type ConflictReason, isAppError } from '#lib/errors.ts'
import { TeamId, UserId } from '#lib/ids.ts'
import { changeRole, listMembers } from '../../../src/services/teams/members.ts'
import { ChangeRole, type Member, type Role, type Team } from '../../../src/services/teams/schema.ts'
import type { TeamActor } from '../../../src/services/teams/index.ts'

declare const id: string
declare const at: Date
declare const tx: Tx<'teams'>
declare const actor: TeamActor
declare function use(...values: readonly unknown[]): void
declare function greet(name: string): string
declare function hashOf(password: Password | null): string
declare function rankOf(role: 'OWNER' | 'ADMIN' | 'MEMBER' | 'VIEWER'): number

const { team, teamInvitation } = db('teams')

export async function slugs(): Promise<void> {
  await team.findFirst({ where: { slug: 'blue' } }) // where: renamed dropped retyped
  await team.findMany({ where: { OR: [{ id }, { slug: { startsWith: 'b' } }] } }) // where, nested: renamed dropped retyped
  await team.findMany({ select: { id: true, slug: true } }) // select: renamed dropped
  await teamInvitation.findMany({ include: { team: { select: { id: true, slug: true } } } }) // include: renamed dropped
  await teamInvitation.findMany({ where: { team: { id, slug: 'blue' } } }) // where of a relation: renamed dropped retyped
  await team.findMany({ orderBy: [{ createdAt: 'asc' }, { slug: 'asc' }] }) // orderBy: renamed dropped
  await team.findMany({ distinct: ['name', 'slug'] }) // distinct: renamed dropped
  await team.groupBy({ by: ['slug'], _count: { _all: true } }) // groupBy: renamed dropped
  await team.count({ where: { id, slug: 'blue' } }) // count: renamed dropped retyped
  await team.aggregate({ _max: { createdAt: true, slug: true } }) // aggregate: renamed dropped
  await tx.team.create({ data: { name: 'Blue', slug: 'blue' } }) // data: renamed dropped retyped
  await tx.team.update({ where: { id }, data: { name: 'Red', slug: 'red' } }) // data: renamed dropped retyped
  await tx.team.updateMany({ where: { id, slug: 'blue' }, data: { name: 'Red' } }) // where of a write: renamed dropped retyped
  await tx.lock('team', { slug: 'blue' }) // lock: renamed dropped retyped
  await tx.purge('team', { id, slug: 'blue' }) // purge: renamed dropped retyped
  await withDeleted('teams').team.findFirst({ where: { id, slug: 'blue' } }) // deleted rows: renamed dropped retyped
  const row = await team.findUniqueOrThrow({ where: { id } })
  use(row.slug.toUpperCase()) // row read: renamed dropped retyped
  const shown: Pick<Team, 'id' | 'slug'> = { id: TeamId.parse(row.id), slug: row.slug } // output mapping: renamed dropped
  const { slug } = row // row read: renamed dropped
  use(shown, slug)
}

export async function names(): Promise<void> {
  const row = await team.findUniqueOrThrow({ where: { id } })
  use(row.name.trim()) // row read: nullable
  use(greet(row.name)) // argument: nullable
  const label: { title: string } = { title: row.name } // output mapping: nullable
  const picked = await team.findFirstOrThrow({ select: { name: true } })
  use(picked.name.length) // select read: nullable
  const invitation = await teamInvitation.findFirstOrThrow({ include: { team: true } })
  use(invitation.team.name.length) // include read: nullable
  const locked = await tx.lock('team', { id })
  use(locked?.name.length) // lock read: nullable
  const made = await tx.team.update({ where: { id }, data: { name: 'Blue' } })
  use(made.name.length) // data read: nullable
  const all = await team.findMany({ orderBy: { name: 'asc' } })
  use(all.map((one) => one.name.length)) // list read: nullable
  use(label)
}

export async function invitations(): Promise<void> {
  await tx.teamInvitation.create({ data: { teamId: id, email: 'a', role: 'MEMBER', invitedById: id, expiresAt: at } }) // data: required
  await tx.teamInvitation.createMany({ data: [{ teamId: id, email: 'a', role: 'MEMBER', invitedById: id, expiresAt: at }] }) // data of many: required
  await tx.team.update({ where: { id }, data: { invitations: { create: { email: 'a', role: 'MEMBER', invitedById: id, expiresAt: at } } } }) // nested data: required
  await teamInvitation.findMany({ where: { teamId: id, acceptedById: null } }) // where: required
  await teamInvitation.findMany({ where: { teamId: id, acceptedById: { not: null } } }) // where, nested: required
  await teamInvitation.count({ where: { teamId: id, acceptedById: null } }) // count: required
  await team.findMany({ where: { invitations: { some: { teamId: id, acceptedById: null } } } }) // where of a relation: required
  await tx.teamInvitation.update({ where: { id }, data: { email: 'b', acceptedById: null } }) // data: required
  await tx.teamInvitation.updateMany({ where: { teamId: id, acceptedById: null }, data: { email: 'b' } }) // where of a write: required
  await tx.lock('teamInvitation', { teamId: id, acceptedById: null }) // lock: required
  await tx.purge('teamInvitation', { teamId: id, acceptedById: null }) // purge: required
  const nobody: Row<'teamInvitation'>['acceptedById'] = null // row type: required
  use(nobody)
}

export async function roles(): Promise<void> {
  await teamInvitation.findMany({ where: { teamId: id, role: 'VIEWER' } }) // where: value-gone
  await teamInvitation.findMany({ where: { role: { in: ['OWNER', 'VIEWER'] } } }) // where, nested: value-gone
  await teamInvitation.count({ where: { teamId: id, role: { not: 'VIEWER' } } }) // count: value-gone
  await tx.teamInvitation.update({ where: { id }, data: { role: 'VIEWER' } }) // data: value-gone
  await tx.lock('teamInvitation', { role: 'VIEWER' }) // lock: value-gone
  tx.record('teams.member.role_changed', { team: id }, { from: 'VIEWER', to: 'OWNER' }) // record: value-gone
  const row = await teamInvitation.findUniqueOrThrow({ where: { id } })
  use(row.role === 'VIEWER') // row read: value-gone
  use(TeamRole.VIEWER) // enumeration: value-gone
  const rank: Record<Role, number> = { OWNER: 3, ADMIN: 2, MEMBER: 1, VIEWER: 0 } // record of all: value-gone value-new
  use(rank, rankOf(row.role)) // argument: value-new
  const known: 'OWNER' | 'ADMIN' | 'MEMBER' | 'VIEWER' = row.role // output mapping: value-new
  const picked = await teamInvitation.findFirstOrThrow({ select: { role: true } })
  use(known, rankOf(picked.role)) // select read: value-new
  const asked = await team.findFirstOrThrow({ include: { invitations: true } })
  use(asked.invitations.map((one) => rankOf(one.role))) // include read: value-new
  const locked = await tx.lock('teamInvitation', { id })
  use(locked && rankOf(locked.role)) // lock read: value-new
}

export function describeRole(role: Role): string {
  switch (role) {
    case 'OWNER':
    case 'ADMIN':
    case 'MEMBER':
      return 'works'
    case 'VIEWER': // switch: value-gone
      return 'reads'
    default:
      return role satisfies never // exhaustive switch: value-new
  }
}

export async function members(): Promise<void> {
  const { teamMember } = db('teams') // client property: model
  await db('teams').teamMember.findMany({ where: { teamId: id } }) // read: model
  await tx.teamMember.create({ data: { teamId: id, userId: id, role: 'OWNER' } }) // create: model
  await tx.teamMember.updateMany({ where: { teamId: id }, data: { role: 'ADMIN' } }) // update: model
  await tx.teamMember.count({ where: { teamId: id } }) // count: model
  await tx.lock('teamMember', { teamId: id }) // lock: model
  await tx.purge('teamMember', { teamId: id }) // purge: model
  await tx.restore('teamMember', id) // restore: model
  await withDeleted('teams').teamMember.findFirst({ where: { teamId: id } }) // deleted rows: model
  use(teamMember)
}

/** The type of a model, which no change but its own name's touches. */
export const memberOf = (member: TeamMember): string => member.userId
export const roleOf = (member: Row<'teamMember'>): string => member.role // row type: model

export async function relations(): Promise<void> {
  await team.findMany({ include: { members: true } }) // include: relation
  await team.findMany({ select: { id: true, members: { select: { id: true } } } }) // select: relation
  await team.findMany({ where: { id, members: { some: { userId: id } } } }) // where: relation
  await teamInvitation.findMany({ where: { team: { id, members: { none: { userId: id } } } } }) // where of a relation: relation
  await team.findMany({ select: { id: true, _count: { select: { invitations: true, members: true } } } }) // count of a relation: relation
  await tx.team.create({ data: { name: 'a', slug: 'a', members: { create: { userId: id, role: 'OWNER' } } } }) // nested data: relation renamed dropped retyped
  await tx.team.update({ where: { id }, data: { name: 'a', members: { connect: { id } } } }) // connect: relation
  await team.findUnique({ where: { id } }).members({ where: { userId: id } }) // fluent read: relation
  const row = await team.findFirstOrThrow({ select: { members: true } }) // select alone: relation
  use(row)
}

export async function passwords(): Promise<void> {
  const { user } = db('auth')
  await user.findMany({ where: { id, password: { is: { hash: 'x' } } } }) // where is: to-many
  await user.findMany({ where: { id, password: { hash: 'x', id } } }) // where, short: to-many
  await db('auth').session.findMany({ where: { user: { id, password: { is: { hash: 'x' } } } } }) // where of a relation: to-many
  await db('auth').user.update({ where: { id }, data: { name: 'a', password: { update: { hash: 'x' } } } }) // nested data: to-many
  const person = await user.findUniqueOrThrow({ where: { id }, include: { password: true } })
  use(person.password?.hash) // include read: to-many
  use(hashOf(person.password)) // argument: to-many
  const picked = await user.findUniqueOrThrow({ where: { id }, select: { password: { select: { hash: true } } } })
  use(picked.password?.hash) // select read: to-many
  const shown: { hash: string } | null = picked.password // output mapping: to-many
  use(shown)
}

export async function rules(): Promise<void> {
  const { items } = await listMembers(actor, { teamId: actor.teamId, limit: 20 })
  use(items.map((member) => member.joinedAt.getTime())) // rule's result: output
  const [first] = items
  const { joinedAt } = first as Member // destructuring: output
  const since: Member['joinedAt'] = joinedAt // type: output
  const changed = await changeRole(actor, { teamId: actor.teamId, userId: UserId.parse(id), role: 'ADMIN' }) // rule's argument: input
  use(since, changed.joinedAt) // rule's result: output
  const asked = ChangeRole.parse({})
  use(asked.userId) // schema read: input
}

export const shownAs = (): Pick<Member, 'joinedAt'> => ({ joinedAt: at }) // output mapping: output
export const subjectOf = ({ userId }: ChangeRole): string => userId // rule: input

export const refused = (): AppError => new AppError('CONFLICT', 'No.', { reason: 'LAST_OWNER' }) // thrown: reason
export const lastOwner: ConflictReason = 'LAST_OWNER' // type: reason
export function reasonOf(error: unknown): string {
  if (!isAppError(error, 'CONFLICT')) return 'something else'
  switch (error.details.reason) {
    case 'LAST_OWNER': // switch: reason
      return 'the last owner'
    default:
      return error.details.reason
  }
}
