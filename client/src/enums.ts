/** Made by `pnpm contract` from the enumerations that the procedures take or give. Do not edit. */
import type * as live from './api.ts'

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
