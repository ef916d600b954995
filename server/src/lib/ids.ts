/**
 * Branded ids: a UserId is no TeamId, and neither is any string. Made by zod at the edge, or by the service that owns them. Inputs ask for them too:
 * a caller who mixes two up is told by the compiler, and makes one from text with `TeamId.of` (client/src/ids.ts).
 */
import { z } from 'zod'

/** CUID2: opaque and URL-friendly; hides when the account was made (decision 001). */
export const UserId = z.cuid2().brand<'UserId', 'inout'>()
export type UserId = z.infer<typeof UserId>

/** UUIDv7. A string that merely looks like a team's id: the right to act in the team is a TeamActor. */
export const TeamId = z.uuid().toLowerCase().brand<'TeamId', 'inout'>()
export type TeamId = z.infer<typeof TeamId>

export const InvitationId = z.uuid().toLowerCase().brand<'InvitationId', 'inout'>()
export type InvitationId = z.infer<typeof InvitationId>

export const SessionId = z.uuid().toLowerCase().brand<'SessionId', 'inout'>()
export type SessionId = z.infer<typeof SessionId>

/** CUID2, as people's: it stands in URLs, and does not tell when the application was registered. */
export const ApplicationId = z.cuid2().brand<'ApplicationId', 'inout'>()
export type ApplicationId = z.infer<typeof ApplicationId>

export const ApplicationSecretId = z.uuid().toLowerCase().brand<'ApplicationSecretId', 'inout'>()
export type ApplicationSecretId = z.infer<typeof ApplicationSecretId>

/** CUID2. The one link of a person and an application. */
export const MembershipId = z.cuid2().brand<'MembershipId', 'inout'>()
export type MembershipId = z.infer<typeof MembershipId>

export const ApiKeyId = z.uuid().toLowerCase().brand<'ApiKeyId', 'inout'>()
export type ApiKeyId = z.infer<typeof ApiKeyId>

export const ApplicationInvitationId = z.uuid().toLowerCase().brand<'ApplicationInvitationId', 'inout'>()
export type ApplicationInvitationId = z.infer<typeof ApplicationInvitationId>

export const OauthAccountId = z.uuid().toLowerCase().brand<'OauthAccountId', 'inout'>()
export type OauthAccountId = z.infer<typeof OauthAccountId>

export const PasskeyId = z.uuid().toLowerCase().brand<'PasskeyId', 'inout'>()
export type PasskeyId = z.infer<typeof PasskeyId>

/** Of a visit to a provider by PIN. It finishes nothing without the secret of whoever began it. */
export const VisitId = z.uuid().toLowerCase().brand<'VisitId', 'inout'>()
export type VisitId = z.infer<typeof VisitId>
export const DataExportId = z.uuid().toLowerCase().brand<'DataExportId', 'inout'>()
export type DataExportId = z.infer<typeof DataExportId>
