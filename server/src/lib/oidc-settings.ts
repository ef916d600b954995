/** The OpenID providers that an installation names (OIDC_PROVIDERS). */
import { z } from 'zod'

/** Ids that are taken, or would be read as something else in a URL. */
const taken = ['google', 'github', 'plex']

export const OidcSettings = z.strictObject({
  /** Names it in URLs and with each account that is linked to it: it stays the same for good. */
  id: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,31}$/)
    .refine((id) => !taken.includes(id)),
  /** What people read on the button. */
  name: z.string().min(1).max(50),
  /** As its tokens say it, to the letter. */
  issuer: z.url({ protocol: /^https?$/ }),
  clientId: z.string().min(1),
  /** Absent for a public client, which PKCE alone protects. */
  clientSecret: z.string().min(1).exactOptional(),
  scope: z
    .string()
    .regex(/(^| )openid( |$)/)
    .default('openid email profile'),
})
export type OidcSettings = z.infer<typeof OidcSettings>

const OidcList = z
  .array(OidcSettings)
  .max(20)
  .refine((list) => new Set(list.map(({ id }) => id)).size === list.length)

/** The variable's text, a JSON list. What is wrong is said without a value of it: there are secrets among them. */
export const OidcProviders = z.string().transform((text, ctx): OidcSettings[] => {
  const result = OidcList.safeParse(parsed(text))
  if (result.success) return result.data
  const [{ path } = { path: [] }] = result.error.issues
  const place = path.length > 0 ? `: look at ${path.join('.')}` : ''
  ctx.addIssue({ code: 'custom', message: `is not a JSON list of providers with id, name, issuer, clientId and clientSecret${place}` })
  return z.NEVER
})

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
