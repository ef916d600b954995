/** What other services, the doors and the process may ask of `auth`. */
import './events.ts'

export { jobs } from './jobs.ts'
export { userByEmail, usersByIds, type Person } from './people.ts'
export { onRevoked, revocation } from './revocations.ts'
export { findSession, settleSessions, type Look, type SessionInfo } from './session-check.ts'
export { type Credential } from './sessions.ts'
export { setUpCode } from './setup.ts'
export { mayMailInvitation, useThrottles } from './throttle.ts'
export { consumeToken, issueToken, peekToken, tokenFor } from './tokens.ts'
