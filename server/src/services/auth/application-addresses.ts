/**
 * Which addresses an application may register. Later they are compared letter by letter (RFC 9700, 4.1.3), so what is registered must have
 * one spelling and lead to one place.
 */
import { AppError, type FieldErrors } from '#lib/errors.ts'
import type { ApplicationType } from '#db/enums.ts'

export interface Addresses {
  readonly redirectUris: readonly string[]
  readonly allowedOrigins: readonly string[]
}

/**
 * Checks the addresses of an application of this type. Redirect URIs are https; those of a native one may be http to a loopback address
 * (RFC 8252, 7.3), by number and not as `localhost`, which a hosts file can lead elsewhere (8.3). A machine has none. Allowed origins are for
 * what runs in pages: WEB and SPA.
 *
 * @throws BAD_REQUEST naming each faulty entry: `redirectUris.0`.
 */
export function checkAddresses(type: ApplicationType, { redirectUris, allowedOrigins }: Addresses): void {
  const fields: FieldErrors = {
    ...faultsOf('redirectUris', redirectUris, (text) => redirectFault(type, text)),
    ...faultsOf('allowedOrigins', allowedOrigins, (text) => originFault(type, text)),
  }
  if (Object.keys(fields).length > 0) throw new AppError('BAD_REQUEST', 'An address is none that this application may have.', { fields })
}

/** Says what is wrong with the address of a home page; null where nothing is. */
export function homePageFault(text: string): string | null {
  const url = URL.canParse(text) ? new URL(text) : null
  return spellingFault(text, url) ?? (url?.protocol === 'https:' ? null : 'is not https')
}

function faultsOf(field: string, texts: readonly string[], faultOf: (text: string) => string | null): FieldErrors {
  const faults = texts.map((text, index) => (texts.indexOf(text) < index ? 'is there twice' : faultOf(text)))
  return Object.fromEntries(faults.flatMap((fault, index) => (fault === null ? [] : [[`${field}.${index}`, [fault]]])))
}

function redirectFault(type: ApplicationType, text: string): string | null {
  if (type === 'MACHINE') return 'is of no use to a machine: nobody is sent back to it'
  const url = URL.canParse(text) ? new URL(text) : null
  return spellingFault(text, url) ?? (url && schemeFault(type, url))
}

function originFault(type: ApplicationType, text: string): string | null {
  if (type !== 'WEB' && type !== 'SPA') return 'is of use to pages alone'
  const url = URL.canParse(text) ? new URL(text) : null
  if (url && text === url.origin) return spellingFault(url.href, url) ?? schemeFault(type, url)
  return spellingFault(text, url) ?? 'is more than an origin, which is https://, a host and perhaps a port, without a slash at the end'
}

function schemeFault(type: ApplicationType, { protocol, hostname }: URL): string | null {
  if (protocol === 'https:') return null
  if (type !== 'NATIVE' || protocol !== 'http:') return 'is not https'
  return isLoopback(hostname) ? null : 'is not https, and http is for 127.0.0.1 and [::1] alone'
}

function isLoopback(hostname: string): boolean {
  return hostname === '127.0.0.1' || hostname === '[::1]'
}

/** What may stand in no registered address, and that it is written as a browser would write it: two spellings of one place are one too many. */
function spellingFault(text: string, url: URL | null): string | null {
  if (!url) return 'is no address like https://example.com/callback'
  if (text.includes('*')) return 'has a wildcard: each address is registered by itself'
  if (text.includes('#')) return 'has a fragment'
  if (url.username || url.password || /^\w+:\/\/[^/?]*@/.test(text)) return 'has a user name in it'
  if (/%(?:2e|2f|5c|00)/i.test(text) || url.hostname.endsWith('.')) return 'can be read in more than one way'
  return text === url.href
    ? null
    : 'is not in its normal form: small letters in the host, no default port, no dots as path, a slash after the host'
}
