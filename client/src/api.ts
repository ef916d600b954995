/** What the client knows of the server: types, and nothing else. In the published package this file is folded into one that stands alone. */
export type { AppRouter } from '@plinth/server/router'
export type { ErrorData } from '@plinth/server/errors'
export type {
  ApiKeyId,
  ApplicationId,
  ApplicationInvitationId,
  ApplicationSecretId,
  DataExportId,
  InvitationId,
  MembershipId,
  OauthAccountId,
  PasskeyId,
  SessionId,
  TeamId,
  UserId,
  VisitId,
} from '@plinth/server/ids'
export type { ApplicationType, MembershipRole, SessionKind, TeamRole, UserRole } from '@plinth/server/enums'
export type { ConflictReason, ErrorCode, ErrorDetails, FieldErrors, PasswordFault, StepUpMethod } from '@plinth/server/error-codes'
