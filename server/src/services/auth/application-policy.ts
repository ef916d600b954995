/** Who may do what in an application: pure answers to yes-or-no questions. */
import type { MembershipRole } from './application-roles.ts'

/** What OWNER and ADMIN mean is the same in every application; the other roles mean something to its service alone. */
function rank(role: MembershipRole): number {
  if (role === 'OWNER') return 2
  return role === 'ADMIN' ? 1 : 0
}

/** Owners alone change, delete and restore an application, and hold its secrets: where people are sent back to is theirs to say. */
export function mayManageApplication(role: MembershipRole): boolean {
  return role === 'OWNER'
}

/** Owners and admins see the people of an application, and who is invited. */
export function mayManagePeople(role: MembershipRole): boolean {
  return rank(role) >= 1
}

/** Nobody gives a role that is more than their own, or takes one from somebody who is more than they are. */
export function mayHandle(mine: MembershipRole, theirs: MembershipRole): boolean {
  return mayManagePeople(mine) && rank(theirs) <= rank(mine)
}
