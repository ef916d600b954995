/** Who may do what in a team: pure answers to yes-or-no questions. */
import type { Role } from './schema.ts'

const rank: Record<Role, number> = { OWNER: 3, ADMIN: 2, MEMBER: 1, VIEWER: 0 }

/** Owners alone give and take roles. */
export function mayChangeRole(role: Role): boolean {
  return role === 'OWNER'
}

/** Owners and admins invite, and nobody invites to more than they are. */
export function mayInvite(role: Role, invited: Role): boolean {
  return rank[role] >= rank.ADMIN && rank[invited] <= rank[role]
}

/** Addresses of people who have not joined are for those who may invite. */
export function maySeeInvitations(role: Role): boolean {
  return rank[role] >= rank.ADMIN
}

/** Owners alone delete a team, and restore it. */
export function mayDelete(role: Role): boolean {
  return role === 'OWNER'
}

/** The log also tells of attempts that were refused, and by whom: it is for those who manage people. */
export function mayReadActivity(role: Role): boolean {
  return rank[role] >= rank.ADMIN
}
