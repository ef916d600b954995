/** Made by `pnpm contract` from the enumerations that the procedures take or give. Do not edit. */
import type * as live from './api.ts'

/** How the token of a session travels: in a browser's cookie or in a tool's Authorization header. One is never accepted as the other. */
export const SessionKind = {
  COOKIE: 'COOKIE',
  BEARER: 'BEARER',
} as const satisfies { [Value in live.SessionKind]: Value }
export type SessionKind = live.SessionKind

/** From most to least: an OWNER may do everything, an ADMIN manages people, a MEMBER works, a VIEWER reads. */
export const TeamRole = {
  OWNER: 'OWNER',
  ADMIN: 'ADMIN',
  MEMBER: 'MEMBER',
  VIEWER: 'VIEWER',
} as const satisfies { [Value in live.TeamRole]: Value }
export type TeamRole = live.TeamRole

/** What a person may do to the installation itself. Roles in teams and applications are others. */
export const UserRole = {
  USER: 'USER',
  ADMIN: 'ADMIN',
} as const satisfies { [Value in live.UserRole]: Value }
export type UserRole = live.UserRole
