/** The typed client of Plinth: procedures are called as if they were local functions. */
import { createTRPCClient, type TRPCClient } from '@trpc/client'
import type { AnyTRPCRouter, inferRouterInputs, inferRouterOutputs } from '@trpc/server'
import type { AppRouter } from './api.ts'
import { linksOf, type ClientOptions } from './links.ts'
import { withPaths } from './paths.ts'

export { isAppError, type AppError } from './errors.ts'
export { ApplicationType, MembershipRole, SessionKind, TeamRole, UserRole } from './enums.ts'
export {
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
  type IdKind,
} from './ids.ts'
export type { AppRouter, ConflictReason, ErrorCode, ErrorData, ErrorDetails, FieldErrors, PasswordFault, StepUpMethod } from './api.ts'
export type { ClientOptions } from './links.ts'

/** What each procedure takes: `RouterInputs['teams']['create']`. */
export type RouterInputs = inferRouterInputs<AppRouter>

/** What each procedure gives: `RouterOutputs['teams']['create']`. */
export type RouterOutputs = inferRouterOutputs<AppRouter>

export type Client<Router extends AnyTRPCRouter = AppRouter> = TRPCClient<Router>

/**
 * Gives a client. Calls made in the same tick travel together. A call that failed on the way is tried again where that is safe: a mutation
 * carries a key under which it has its effect once. A subscription resumes after the last event it saw.
 *
 * A call that was refused throws; `isAppError(error, 'CONFLICT')` says why.
 */
export function createClient<Router extends AnyTRPCRouter = AppRouter>(options: ClientOptions): Client<Router> {
  // The links treat all routers alike; what a router's calls look like is in the type alone.
  return withPaths(createTRPCClient<AppRouter>({ links: linksOf(options) })) as Client<AnyTRPCRouter> as Client<Router>
}
