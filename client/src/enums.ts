/** Made by `pnpm contract` from the enumerations that the procedures take or give. Do not edit. */
import type * as live from './api.ts'

/** What an application is made of decides how it proves itself: WEB and MACHINE keep a secret; SPA and NATIVE run at the user's and cannot. */
export const ApplicationType: { readonly [Value in live.ApplicationType]: Value } = {
  WEB: 'WEB',
  SPA: 'SPA',
  NATIVE: 'NATIVE',
  MACHINE: 'MACHINE',
}
export type ApplicationType = live.ApplicationType

/** The roles of every kind of application. An ordinary one has OWNER, ADMIN and USER; which each built-in one has, the database checks. */
export const MembershipRole: { readonly [Value in live.MembershipRole]: Value } = {
  OWNER: 'OWNER',
  ADMIN: 'ADMIN',
  USER: 'USER',
  RESEARCHER: 'RESEARCHER',
  MANAGER: 'MANAGER',
  CLIENT: 'CLIENT',
  GUEST: 'GUEST',
  CUSTOMER: 'CUSTOMER',
  VENDOR: 'VENDOR',
}
export type MembershipRole = live.MembershipRole

/** How the token of a session travels: in a browser's cookie or in a tool's Authorization header. One is never accepted as the other. */
export const SessionKind: { readonly [Value in live.SessionKind]: Value } = {
  COOKIE: 'COOKIE',
  BEARER: 'BEARER',
}
export type SessionKind = live.SessionKind

/** From most to least: an OWNER may do everything, an ADMIN manages people, a MEMBER works, a VIEWER reads. */
export const TeamRole: { readonly [Value in live.TeamRole]: Value } = {
  OWNER: 'OWNER',
  ADMIN: 'ADMIN',
  MEMBER: 'MEMBER',
  VIEWER: 'VIEWER',
}
export type TeamRole = live.TeamRole

/** What a person may do to the installation itself. Roles in teams and applications are others. */
export const UserRole: { readonly [Value in live.UserRole]: Value } = {
  USER: 'USER',
  ADMIN: 'ADMIN',
}
export type UserRole = live.UserRole
