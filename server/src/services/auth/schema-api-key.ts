/** What goes into the procedures of API keys and what comes out. */
import { z } from 'zod'
import { Page, pageOf } from '#db'
import { ApiKeyId, ApplicationId } from '#lib/ids.ts'
import { oneLine } from '#lib/text.ts'

/** A procedure by its name, or all below: `teams.member.list`, `teams.*`. Whether there is such a one, the rule says. */
const Scope = z
  .string()
  .max(100, 'is longer than 100 characters')
  .regex(/^[a-zA-Z]\w*(?:\.[a-zA-Z]\w*)*\.(?:\*|[a-zA-Z]\w*)$/, 'is no procedure, like teams.list, and not all below one, like teams.*')

export const CreateApiKey = z.strictObject({
  name: oneLine(80),
  scopes: z.array(Scope).min(1, 'are none').max(50, 'are more than 50'),
  expiresInDays: z.int().min(1).max(365).default(90),
  /** An application that the caller is in: the key dies with that membership. */
  applicationId: ApplicationId.exactOptional(),
})
export type CreateApiKey = z.infer<typeof CreateApiKey>

export const ApiKey = z.strictObject({
  id: ApiKeyId,
  name: z.string(),
  scopes: z.array(z.string()),
  applicationId: ApplicationId.nullable(),
  /** Written at most once a minute; null for one that was never used. */
  lastUsedAt: z.date().nullable(),
  expiresAt: z.date(),
  createdAt: z.date(),
})
export type ApiKey = z.infer<typeof ApiKey>

/** The key is shown here, and never again. */
export const NewApiKey = ApiKey.extend({ key: z.string() })
export type NewApiKey = z.infer<typeof NewApiKey>

export const ListApiKeys = Page
export type ListApiKeys = z.infer<typeof ListApiKeys>

export const ApiKeyList = pageOf(ApiKey)
export type ApiKeyList = z.infer<typeof ApiKeyList>

export const RevokeApiKey = z.strictObject({ apiKeyId: ApiKeyId })
export type RevokeApiKey = z.infer<typeof RevokeApiKey>
