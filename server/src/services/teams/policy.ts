/** Who may do what in a team: pure answers to yes-or-no questions. */
import type { Role, TeamSettings } from './schema.ts'

const rank: Record<Role, number> = { OWNER: 3, ADMIN: 2, MEMBER: 1, VIEWER: 0 }

/** Owners alone give and take roles, their own among them. */
export function mayChangeRole(role: Role): boolean {
  return role === 'OWNER'
}

/** Owners invite, and admins where the team lets them; nobody invites to more than they are. */
export function mayInvite(role: Role, invited: Role, { adminsInvite }: Pick<TeamSettings, 'adminsInvite'>): boolean {
  const lowest = adminsInvite ? rank.ADMIN : rank.OWNER
  return rank[role] >= lowest && rank[invited] <= rank[role]
}

/** Addresses of people who have not joined are for those who may invite. */
export function maySeeInvitations(role: Role): boolean {
  return rank[role] >= rank.ADMIN
}

/** Owners and admins give the team another name or slug. */
export function mayRename(role: Role): boolean {
  return rank[role] >= rank.ADMIN
}

/** Owners remove anyone; admins remove those below them. */
export function mayRemove(role: Role, removed: Role): boolean {
  return role === 'OWNER' || (rank[role] >= rank.ADMIN && rank[removed] < rank[role])
}

/** Owners alone say how the team is run: what admins may is among the settings. */
export function mayChangeSettings(role: Role): boolean {
  return role === 'OWNER'
}

/** Whom invoices go to is the owners' concern. */
export function maySeeBilling(role: Role): boolean {
  return role === 'OWNER'
}

/** Owners alone delete a team, and restore it. */
export function mayDelete(role: Role): boolean {
  return role === 'OWNER'
}

/** The log also tells of attempts that were refused, and by whom: it is for those who manage people. */
export function mayReadActivity(role: Role): boolean {
  return rank[role] >= rank.ADMIN
}
