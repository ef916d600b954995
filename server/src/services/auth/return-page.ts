/** Where the browser goes after a provider: to pages of ours alone, or the provider's answer would be anybody's who made the link. */
import type { Config } from '#lib/config.ts'
import { AppError } from '#lib/errors.ts'
import type { SessionKind } from './schema.ts'

let home = ''
let origins: ReadonlySet<string> = new Set()

/** Names the origins whose pages may be returned to: PUBLIC_URL and ALLOWED_ORIGINS. Called once at start. */
export function useReturnOrigins({ PUBLIC_URL, ALLOWED_ORIGINS }: Pick<Config, 'PUBLIC_URL' | 'ALLOWED_ORIGINS'>): void {
  home = PUBLIC_URL
  origins = new Set([new URL(PUBLIC_URL).origin, ...ALLOWED_ORIGINS])
}

/**
 * Gives the page's full address. A path is one under PUBLIC_URL; a tool may also listen on this machine's loopback, at any port (RFC 8252, 7.3).
 *
 * @throws BAD_REQUEST at `returnTo`.
 */
export function returnPage(given: string, kind: SessionKind): string {
  // A parser of addresses drops line breaks in silence: what was read would not be what was given.
  const url = /[\p{Cc}\u2028\u2029]/u.test(given) ? null : URL.parse(given, home)
  const isAllowed = url !== null && (origins.has(url.origin) || (kind === 'BEARER' && isLoopback(url)))
  if (!isAllowed || url.username !== '' || url.password !== '') {
    throw new AppError('BAD_REQUEST', 'This page may not be returned to.', { fields: { returnTo: ['is no page of this installation'] } })
  }
  url.hash = ''
  return url.href
}

/**
 * Gives the address that hands the provider's answer to the page: behind the #, which no server and no Referer sees; a tool that listens on
 * loopback can read the query alone.
 */
export function handOver(page: string, answer: Readonly<Record<string, string>>): string {
  const url = new URL(page)
  if (isLoopback(url) && !origins.has(url.origin)) for (const [name, value] of Object.entries(answer)) url.searchParams.set(name, value)
  else url.hash = new URLSearchParams(answer).toString()
  return url.href
}

function isLoopback({ protocol, hostname }: URL): boolean {
  return protocol === 'http:' && (hostname === '127.0.0.1' || hostname === '[::1]')
}
