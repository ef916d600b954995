/** Which roles an application has. One that people register has the ordinary ones; each built-in one has those of its service. */
import { z } from 'zod'
import { MembershipRole as roles } from '#db/enums.ts'

/** The roles of every kind of application: which of them one has, `rolesOf` says. */
export const MembershipRole = z.enum(roles)
export type MembershipRole = z.infer<typeof MembershipRole>

/** An OWNER may do everything to the application, an ADMIN manages its people, a USER uses it. */
export const OrdinaryRole = MembershipRole.extract(['OWNER', 'ADMIN', 'USER'])
export type OrdinaryRole = z.infer<typeof OrdinaryRole>

/** In security audits: who audits, who leads audits, who is audited, who looks on. */
export const AuditsRole = MembershipRole.extract(['ADMIN', 'RESEARCHER', 'MANAGER', 'CLIENT', 'GUEST'])
export type AuditsRole = z.infer<typeof AuditsRole>

/** In media requests. */
export const MediaRole = MembershipRole.extract(['ADMIN', 'USER'])
export type MediaRole = z.infer<typeof MediaRole>

/** In payments: who pays, who is paid. */
export const PaymentsRole = MembershipRole.extract(['ADMIN', 'CUSTOMER', 'VENDOR'])
export type PaymentsRole = z.infer<typeof PaymentsRole>

/** The applications that every installation has, by the service that each stands for. The migration that made them has the same list. */
export const builtInRoles = { audits: AuditsRole, media: MediaRole, payments: PaymentsRole } as const

export const BuiltIn = z.enum(['audits', 'media', 'payments'])
export type BuiltIn = z.infer<typeof BuiltIn>

/** The roles of one built-in application: `RoleIn<'audits'>`. */
export type RoleIn<A extends BuiltIn> = z.infer<(typeof builtInRoles)[A]>

const least = { audits: 'GUEST', media: 'USER', payments: 'CUSTOMER' } as const satisfies { [A in BuiltIn]: RoleIn<A> }

/** Gives the roles that an application has. */
export function rolesOf(builtIn: string | null): readonly MembershipRole[] {
  return builtIn === null ? OrdinaryRole.options : builtInRoles[BuiltIn.parse(builtIn)].options
}

/** Gives the role of who comes without having been given one. */
export function leastRoleOf(builtIn: string | null): MembershipRole {
  return builtIn === null ? 'USER' : least[BuiltIn.parse(builtIn)]
}
