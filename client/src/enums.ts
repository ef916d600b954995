/** Made by `pnpm contract` from the enumerations that the server's procedures take or give. Do not edit. */
import type * as live from './api.ts'

export const SessionKind = { COOKIE: 'COOKIE', BEARER: 'BEARER' } as const satisfies { [Value in live.SessionKind]: Value }
export type SessionKind = live.SessionKind

export const UserRole = { USER: 'USER', ADMIN: 'ADMIN' } as const satisfies { [Value in live.UserRole]: Value }
export type UserRole = live.UserRole

export const TeamRole = { OWNER: 'OWNER', ADMIN: 'ADMIN', MEMBER: 'MEMBER', VIEWER: 'VIEWER' } as const satisfies { [Value in live.TeamRole]: Value }
export type TeamRole = live.TeamRole
