/** The session's token on its way: in a browser's cookie or in the Authorization header, never in both. */
import type { Context } from 'hono'
import { parse, serialize } from 'hono/utils/cookie'
import type { Config } from '#lib/config.ts'
import { AppError } from '#lib/errors.ts'
import type { Credential } from '../services/auth/index.ts'

/**
 * The name of the cookie. `__Host-` binds it to this host, to https and to the path / (RFC 6265bis 4.1.3.2);
 * browsers take no such cookie over plain http, which an installation in a home network may have as its PUBLIC_URL.
 */
export function sessionCookieName({ PUBLIC_URL }: Pick<Config, 'PUBLIC_URL'>): string {
  return isSecure(PUBLIC_URL) ? '__Host-plinth_session' : 'plinth_session'
}

/** The Set-Cookie that keeps the token for so long; an empty token with 0 seconds takes it away. */
export function sessionCookie(config: Pick<Config, 'PUBLIC_URL'>, token: string, maxAgeSeconds: number): string {
  const secure = isSecure(config.PUBLIC_URL)
  return serialize(sessionCookieName(config), token, { path: '/', httpOnly: true, secure, sameSite: 'Lax', maxAge: maxAgeSeconds })
}

/** As long as browsers keep any (RFC 6265bis 5.5: 400 days). */
const deviceCookieSeconds = 400 * 24 * 60 * 60

/** The Set-Cookie that marks a browser as known to an account, with the attributes of the session's. It stays when the session ends. */
export function deviceCookie(config: Pick<Config, 'PUBLIC_URL'>, marker: string): string {
  const secure = isSecure(config.PUBLIC_URL)
  return serialize(deviceCookieName(config), marker, { path: '/', httpOnly: true, secure, sameSite: 'Lax', maxAge: deviceCookieSeconds })
}

/** The marker that the browser brings, true or not. */
export function deviceMarkerOf(c: Context, config: Pick<Config, 'PUBLIC_URL'>): string | null {
  return cookieOf(c, deviceCookieName(config)) ?? null
}

function deviceCookieName(config: Pick<Config, 'PUBLIC_URL'>): string {
  return isSecure(config.PUBLIC_URL) ? '__Host-plinth_device' : 'plinth_device'
}

const rememberCookieSeconds = 90 * 24 * 60 * 60

/** The Set-Cookie that a browser is remembered by for ninety days, with the attributes of the session's; an empty token takes it away. */
export function rememberCookie(config: Pick<Config, 'PUBLIC_URL'>, token: string): string {
  const secure = isSecure(config.PUBLIC_URL)
  const maxAge = token === '' ? 0 : rememberCookieSeconds
  return serialize(rememberCookieName(config), token, { path: '/', httpOnly: true, secure, sameSite: 'Lax', maxAge })
}

/** What the browser is remembered by, good or not. */
export function rememberTokenOf(c: Context, config: Pick<Config, 'PUBLIC_URL'>): string | null {
  return cookieOf(c, rememberCookieName(config)) ?? null
}

function rememberCookieName(config: Pick<Config, 'PUBLIC_URL'>): string {
  return isSecure(config.PUBLIC_URL) ? '__Host-plinth_remembered' : 'plinth_remembered'
}

/** As long as a visit to a provider may take. */
const holderCookieSeconds = 10 * 60

/** The Set-Cookie by which a browser proves that it began a visit to a provider. Lax: it comes back by a link from there. */
export function holderCookie(config: Pick<Config, 'PUBLIC_URL'>, secret: string): string {
  const secure = isSecure(config.PUBLIC_URL)
  return serialize(holderCookieName(config), secret, { path: '/', httpOnly: true, secure, sameSite: 'Lax', maxAge: holderCookieSeconds })
}

/** What the browser brings of an earlier start, true or not. */
export function holderSecretOf(c: Context, config: Pick<Config, 'PUBLIC_URL'>): string | null {
  return cookieOf(c, holderCookieName(config)) ?? null
}

function holderCookieName(config: Pick<Config, 'PUBLIC_URL'>): string {
  return isSecure(config.PUBLIC_URL) ? '__Host-plinth_visit' : 'plinth_visit'
}

/** Whether the request brings a session cookie, valid or not. */
export function hasSessionCookie(c: Context, config: Pick<Config, 'PUBLIC_URL'>): boolean {
  return cookieToken(c, config) !== undefined
}

/** Whether the request brings an Authorization header of the kind that tools send. */
export function hasBearer(c: Context): boolean {
  return /^bearer /i.test(c.req.header('authorization') ?? '')
}

/**
 * The credential that came along. One is never accepted as the other: a stolen cookie is no API token.
 *
 * @throws BAD_REQUEST when there are both, for one of them would be ignored in silence.
 */
export function credentialOf(c: Context, config: Pick<Config, 'PUBLIC_URL'>): Credential | null {
  const cookie = cookieToken(c, config)
  const bearer = hasBearer(c) ? (c.req.header('authorization') ?? '').slice('bearer '.length).trim() : undefined
  if (cookie !== undefined && bearer !== undefined) {
    throw new AppError('BAD_REQUEST', 'Send the cookie or the Authorization header, not both.', {
      fields: { authorization: ['came with a cookie'] },
    })
  }
  if (cookie !== undefined) return { kind: 'COOKIE', token: cookie }
  return bearer === undefined ? null : { kind: 'BEARER', token: bearer }
}

function cookieToken(c: Context, config: Pick<Config, 'PUBLIC_URL'>): string | undefined {
  return cookieOf(c, sessionCookieName(config))
}

function cookieOf(c: Context, name: string): string | undefined {
  return parse(c.req.header('cookie') ?? '', name)[name]
}

function isSecure(publicUrl: string): boolean {
  return publicUrl.startsWith('https:')
}
