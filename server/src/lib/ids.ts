/** Branded ids: a UserId is no TeamId, and neither is any string. Made by zod at the edge, or by the service that owns them. */
import { z } from 'zod'

/** CUID2: opaque and URL-friendly; hides when the account was made (decision 001). */
export const UserId = z.cuid2().brand<'UserId'>()
export type UserId = z.infer<typeof UserId>

/** UUIDv7. A string that merely looks like a team's id: the right to act in the team is a TeamActor. */
export const TeamId = z.uuid().toLowerCase().brand<'TeamId'>()
export type TeamId = z.infer<typeof TeamId>

export const InvitationId = z.uuid().toLowerCase().brand<'InvitationId'>()
export type InvitationId = z.infer<typeof InvitationId>

export const SessionId = z.uuid().toLowerCase().brand<'SessionId'>()
export type SessionId = z.infer<typeof SessionId>
