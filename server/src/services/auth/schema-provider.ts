/** What goes into and comes out of sign-in by way of other providers. */
import { z } from 'zod'
import { Page, pageOf } from '#db'
import { OauthAccountId, VisitId } from '#lib/ids.ts'
import { CheckEmail } from './schema.ts'
import { SecondFactorNeeded, SignedIn } from './schema-sign-in.ts'

/** `google`, `github`, or the id of an OpenID provider of the configuration. */
const ProviderId = z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, 'is not the id of a provider')

export const Provider = z.strictObject({
  id: z.string(),
  /** What people read on the button. */
  name: z.string(),
  /** REDIRECT: `auth.provider`, the browser goes there and comes back. PIN: `auth.plex`, the person confirms there while the page asks here. */
  kind: z.enum(['REDIRECT', 'PIN']),
})
export type Provider = z.infer<typeof Provider>

export const ProviderList = z.strictObject({ items: z.array(Provider) })
export type ProviderList = z.infer<typeof ProviderList>

export const StartProvider = z.strictObject({
  provider: ProviderId,
  /** COOKIE for a browser, which finishes by a cookie that this sets; TOKEN for a tool, which finishes by the secret of the answer. */
  delivery: z.enum(['COOKIE', 'TOKEN']),
  /** The page that takes the provider's answer and calls `finish`: a path, a page of ALLOWED_ORIGINS, or for a tool a page on loopback. */
  returnTo: z.string().min(1).max(500).default('/auth/finish'),
})
export type StartProvider = z.infer<typeof StartProvider>

export const ProviderStarted = z.strictObject({
  /** Send the browser here. */
  url: z.string(),
  /** For `finish`, to tools alone. */
  secret: z.string().nullable(),
  expiresAt: z.date(),
})
export type ProviderStarted = z.infer<typeof ProviderStarted>

/** What the page was given behind its #, as it came. */
export const FinishProvider = z.strictObject({
  provider: ProviderId,
  state: z.string().min(1).max(200),
  code: z.string().min(1).max(4_000),
  iss: z.string().max(500).exactOptional(),
  /** What `start` gave a tool. */
  secret: z.string().min(1).max(200).exactOptional(),
})
export type FinishProvider = z.infer<typeof FinishProvider>

export const LinkedAccount = z.strictObject({
  id: OauthAccountId,
  provider: z.string(),
  /** What the provider said of the person last, to recognise the account by. */
  email: z.string().nullable(),
  name: z.string().nullable(),
  createdAt: z.date(),
  lastUsedAt: z.date().nullable(),
})
export type LinkedAccount = z.infer<typeof LinkedAccount>

const Linked = z.strictObject({ status: z.literal('LINKED'), account: LinkedAccount })

/** CHECK_EMAIL: the provider does not vouch for the address, and a mail proves it. LINKED: the account can be signed in to this way from now on. */
export const ProviderFinished = z.discriminatedUnion('status', [SignedIn, SecondFactorNeeded, CheckEmail, Linked])
export type ProviderFinished = z.infer<typeof ProviderFinished>

export const StartPlex = StartProvider.omit({ provider: true })
export type StartPlex = z.infer<typeof StartPlex>

export const PlexStarted = ProviderStarted.extend({
  /** For `check`. */
  id: VisitId,
})
export type PlexStarted = z.infer<typeof PlexStarted>

export const CheckPlex = z.strictObject({
  id: VisitId,
  /** What `start` gave a tool. */
  secret: z.string().min(1).max(200).exactOptional(),
  /** For how many seconds the server goes on asking before it answers WAITING. */
  wait: z.int().min(0).max(8).default(8),
})
export type CheckPlex = z.infer<typeof CheckPlex>

/** WAITING: the person has not confirmed yet; ask again after so many seconds. */
export const PlexChecked = z.discriminatedUnion('status', [
  z.strictObject({ status: z.literal('WAITING'), retryAfterSeconds: z.int().min(1) }),
  SignedIn,
  SecondFactorNeeded,
  CheckEmail,
  Linked,
])
export type PlexChecked = z.infer<typeof PlexChecked>

export const ListLinkedAccounts = Page
export type ListLinkedAccounts = z.infer<typeof ListLinkedAccounts>

export const LinkedAccountList = pageOf(LinkedAccount)
export type LinkedAccountList = z.infer<typeof LinkedAccountList>

export const UnlinkProvider = z.strictObject({ id: OauthAccountId })
export type UnlinkProvider = z.infer<typeof UnlinkProvider>

export const ProviderUnlinked = z.strictObject({ status: z.literal('UNLINKED') })
export type ProviderUnlinked = z.infer<typeof ProviderUnlinked>
