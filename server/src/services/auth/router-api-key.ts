/** The doors of API keys. None of them is open to a key: whoever steals one makes no other, and ends none. */
import { router, signedIn, verifiedSteppedUp } from '../../trpc/procedures.ts'
import { createApiKey, listApiKeys, revokeApiKey } from './api-keys.ts'
import { ApiKey, ApiKeyList, CreateApiKey, ListApiKeys, NewApiKey, RevokeApiKey } from './schema-api-key.ts'

export const apiKeyRouter = router({
  /** Makes a key for a tool, shown this once: it acts as the caller, within its scopes, for a year at most. */
  create: verifiedSteppedUp
    .meta({ secret: true })
    .input(CreateApiKey)
    .output(NewApiKey)
    .mutation(({ ctx, input }) => createApiKey(ctx.actor, input, ctx.openToKeys)),
  /** Lists the caller's keys that are good, without what they are. */
  list: signedIn
    .input(ListApiKeys)
    .output(ApiKeyList)
    .query(({ ctx, input }) => listApiKeys(ctx.actor, input)),
  /** Ends one of the caller's keys. */
  revoke: signedIn
    .input(RevokeApiKey)
    .output(ApiKey)
    .mutation(({ ctx, input }) => revokeApiKey(ctx.actor, input)),
})
